"""`otel-telemetry`, for any application on this machine."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

from otel_telemetry import Telemetry
from otel_telemetry._internal.private_directory import secure
from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.load import load_object, load_telemetry
from otel_telemetry.cli.main import main
from otel_telemetry.spool import destination
from tests.support.cli import home

_CODE = """
from otel_telemetry import Telemetry
telemetry = Telemetry("acme-cms", version="5.1.0", endpoint="https://telemetry.acme.example")
def make():
    return telemetry
class Settings:
    telemetry = telemetry
nothing = 1
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module where one works."""
    name = f"acme_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(_CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    return name


def test_an_application_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Its files are found by its name."""
    assert main(["--app", "acme-cms", "on"]) == 0
    assert main(["--app", "acme-cms", "status", "--json"]) == 0

    out = capsys.readouterr().out
    assert "Your choice is kept" in out
    said = json.loads(out[out.index("{") :])
    assert (said["app"], said["state"], said["is_known"]) == ("acme-cms", "on", False)
    assert (home() / ".config" / "acme-cms" / "telemetry.json").exists()


def test_settings_that_were_written_down_for_a_deliverer_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where its code has another process deliver; an application that has not is known less."""
    url = "http://telemetry.acme.example"
    telemetry = Telemetry("acme-cms", enabled=True, endpoint=url, insecure=True, headers={"k": "v"})
    directory = destination.spool_directory(telemetry.config, "acme-cms")
    assert directory is not None
    secure(directory)
    destination.write_manifest(directory, telemetry.config)

    assert main(["--app", "acme-cms", "status", "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["endpoint"]) == ("on", f"{url}/v1/logs")
    assert (said["header_names"], said["is_known"]) == (["k"], False)


@pytest.mark.parametrize("place", ["telemetry", "make", "Settings.telemetry"])
def test_or_found_in_its_code(code: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With all settings: an instance, or what makes one."""
    assert main(["--app", f"{code}:{place}", "status", "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    assert said["endpoint"] == "https://telemetry.acme.example/v1/logs"
    assert said["is_known"] is True


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no_such_module:telemetry", "cannot be had: No module named"),
        ("CODE:no_such_name", "cannot be had: module "),
        ("CODE:nothing", "is no Telemetry, and makes none"),
        (":telemetry", "cannot be had: Empty module name"),
    ],
)
def test_what_is_not_there_is_wrong_usage(
    code: str, place: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And said."""
    assert main(["--app", place.replace("CODE", code), "status"]) == 2
    assert message in capsys.readouterr().err


def test_the_application_may_be_named_behind_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """The last one counts, as with every option."""
    assert main(["status", "--app", "acme-cms", "--json"]) == 0
    assert main(["--app", "other", "status", "--json", "--app", "acme-cms"]) == 0

    out = capsys.readouterr().out
    assert (out.count('"app": "acme-cms"'), "other" in out) == (2, False)


@pytest.mark.parametrize("name", ["", " "])
def test_an_application_without_a_name_is_wrong_usage(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words that help."""
    assert main(["--app", name, "status"]) == 2
    assert "--app: name the application; this is empty" in capsys.readouterr().err


@pytest.mark.usefixtures("code")
def test_code_that_fails_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whether it is imported or called; its settings are told as they always are."""
    for source, message, exit_code in (
        ("1 / 0", "fails:make cannot be had: ZeroDivisionError: division by zero", 2),
        ("def make(): raise KeyError('x')", "fails:make cannot be had: KeyError: 'x'", 2),
        ("from otel_telemetry import Telemetry\nmake = Telemetry('')", "name must be", 1),
        ("from otel_telemetry import Telemetry\ndef make(): Telemetry('')", "name must be", 1),
    ):
        Path("fails.py").write_text(source, encoding="utf-8")
        sys.modules.pop("fails", None)
        importlib.invalidate_caches()

        assert main(["--app", "fails:make", "status"]) == exit_code
        assert f"error: {message}" in capsys.readouterr().err


def test_streams_that_are_closed_are_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `>&- 2>&-`: what is done is done."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    assert main(["--app", "acme-cms", "on"]) == 0
    assert main(["--help"]) == 0
    assert (home() / ".config" / "acme-cms" / "telemetry.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["status"],
        ["--app", "acme"],
        ["--app", "acme", "stat"],
        ["--app", "acme", "show", "--last", "0"],
        ["--app", "acme", "show", "--last", "x"],
        ["--app", "acme", "flush", "--timeout", "-1"],
        ["--app", "acme", "flush", "--timeout", "nan"],
        ["--app", "acme", "preview"],
        ["--app", "acme", "status", "--no"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, with a word on why."""
    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert "otel-telemetry" in err


def test_help_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    """All verbs, the exit codes, and examples that can be typed."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for verb in VERBS:
        assert f"    {verb.name}" in out
        assert main(["--app", "acme", verb.name, "--help"]) == 0
        text = capsys.readouterr().out
        assert "exit codes: 0 done; 1 it could not be done" in text
        for words, _ in verb.examples:
            assert f"  otel-telemetry --app NAME {words}\n" in text
    assert "exit codes: 0 done; 1 it could not be done" in out


def test_help_that_nobody_reads_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `| true`; at the interpreter's end, too."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        assert main(["--help"]) == 0


def test_options_reach_their_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that may come again, too."""
    arguments = ["preview", "didX", "-p", "a=1", "-p", "b=2", "-u", "plan=free", "-g", "c=3"]

    assert main(["--app", "acme", *arguments, "--json"]) == 0

    out = capsys.readouterr().out
    for key in ("a", "b", "plan", "c"):
        assert f'"key": "{key}"' in out
    assert main(["--app", "acme", "doctor", "--connect", "--timeout", "1"]) in {0, 1}
    assert "Add --connect" not in capsys.readouterr().out


def test_a_place_is_looked_up_from_here(code: str) -> None:
    """As `python -m` does; once is enough."""
    assert load_object(f"{code}:nothing") == 1
    assert load_object(f"{code}:nothing") == 1
    assert sys.path.count("") == 1
    assert load_telemetry(f"{code}:make").config.name == "acme-cms"
