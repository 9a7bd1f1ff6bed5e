"""A verb is run: what goes wrong becomes an exit code, and words."""

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
from tests.support.cli import ask
from tests.support.declared import CATALOG

Make = Callable[..., Telemetry]


def _verb(do: Callable[[], Result]) -> Verb:
    return Verb(name="x", summary="X.", details="", examples=(), run=lambda _desk, _options: do())


def test_a_source_may_make_what_it_is_asked_for(make: Make) -> None:
    """So that a program pays only when the command is used."""
    assert ask("status", make).code == ask("status", make()).code == 0


def test_wrong_settings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one line, not as a traceback."""
    monkeypatch.setenv("OTEL_TELEMETRY_TIMEOUT", "soon")

    ran = ask("status", lambda: Telemetry("acme"))

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: OTEL_TELEMETRY_TIMEOUT must be ")


def test_an_interruption_is_quiet(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """As shells expect it: 130."""

    def interrupt() -> Result:
        raise KeyboardInterrupt

    assert run(_verb(interrupt), make(), Options()) == 130
    assert capsys.readouterr() == ("", "")


class _Gone(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_reader_who_has_seen_enough_is_no_failure(make: Make) -> None:
    """What was to be done is done."""
    ran = ask("on", make(), out=_Gone())

    assert (ran.code, ran.err) == (0, "")
    assert make(enabled=None).decision.enabled


def test_trouble_with_files_is_told(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """In the system's words."""

    def fail() -> Result:
        raise OSError(28, "No space left on device")

    def fail_at_a_file() -> Result:
        raise PermissionError(13, "Permission denied", "/etc/shadow")

    assert run(_verb(fail), make(), Options()) == 1
    assert capsys.readouterr().err == "error: No space left on device\n"
    assert run(_verb(fail_at_a_file), make(), Options()) == 1
    assert capsys.readouterr().err == "error: /etc/shadow: Permission denied\n"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_has_a_form_for_programs_and_one_for_people(make: Make, verb: Verb) -> None:
    """The first is JSON and nothing else; neither ever holds a traceback."""
    options: dict[str, Any] = {"event": "didDeleteEntry", "timeout": 0.2}

    assert ask(verb.name, make(catalog=CATALOG), json=True, **options).json
    assert ask(verb.name, make(catalog=CATALOG), **options).out


def test_every_parameter_is_an_option() -> None:
    """The table and the dataclass agree."""
    names = {parameter.name for verb in VERBS for parameter in verb.all_parameters()}

    assert names <= {field.name for field in dataclasses.fields(Options)}
