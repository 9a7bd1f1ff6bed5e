"""Running a verb: errors become messages and exit codes."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.context import Options, Result, Verb
from otel_telemetry.cli.run import run
from tests.support.cli import run_verb
from tests.support.declared import CATALOG

Make = Callable[..., Telemetry]


def _verb(do: Callable[[], Result]) -> Verb:
    return Verb(
        name="x", summary="X.", details="", examples=(), run=lambda _context, _options: do()
    )


def test_a_function_may_make_the_telemetry_when_a_verb_runs(make: Make) -> None:
    """A program makes it only for this command."""
    assert run_verb("status", make).code == run_verb("status", make()).code == 0


def test_wrong_settings_are_one_line_on_stderr_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no traceback."""
    monkeypatch.setenv("OTEL_TELEMETRY_TIMEOUT", "soon")

    result = run_verb("status", lambda: Telemetry("acme"))

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: OTEL_TELEMETRY_TIMEOUT must be ")


def test_ctrl_c_exits_with_130_and_prints_nothing(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shells expect this code."""

    def interrupt() -> Result:
        raise KeyboardInterrupt

    assert run(_verb(interrupt), make(), Options()) == 130
    assert capsys.readouterr() == ("", "")


class _Gone(io.StringIO):
    """A pipe whose reader is gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_broken_pipe_does_not_change_the_exit_code(make: Make) -> None:
    """The verb has done its work."""
    result = run_verb("on", make(), out=_Gone())

    assert (result.code, result.err) == (0, "")
    assert make(enabled=None).decision.enabled


def test_an_os_error_is_one_line_with_the_path_and_exit_code_1(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message is that of the operating system."""

    def fail() -> Result:
        raise OSError(28, "No space left on device")

    def fail_at_a_file() -> Result:
        raise PermissionError(13, "Permission denied", "/etc/shadow")

    assert run(_verb(fail), make(), Options()) == 1
    assert capsys.readouterr().err == "error: No space left on device\n"
    assert run(_verb(fail_at_a_file), make(), Options()) == 1
    assert capsys.readouterr().err == "error: /etc/shadow: Permission denied\n"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_prints_text_and_json(make: Make, verb: Verb) -> None:
    """With --json, stdout holds JSON only."""
    options: dict[str, Any] = {"event": "didDeleteEntry", "timeout": 0.2}

    assert run_verb(verb.name, make(catalog=CATALOG), json=True, **options).json
    assert run_verb(verb.name, make(catalog=CATALOG), **options).out


def test_every_parameter_of_a_verb_is_a_field_of_options() -> None:
    """The table of verbs and the dataclass agree."""
    names = {parameter.name for verb in VERBS for parameter in verb.all_parameters()}

    assert names <= {field.name for field in dataclasses.fields(Options)}
