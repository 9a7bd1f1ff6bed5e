"""`otel-telemetry` and `python -m otel_telemetry`, for any application on this machine."""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
from pathlib import Path

import pytest

import otel_telemetry
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
    """The name of a module in the current directory."""
    name = f"acme_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(_CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    return name


def test_the_name_of_an_application_finds_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Its code is not needed."""
    assert main(["--app", "acme-cms", "on"]) == 0
    assert main(["--app", "acme-cms", "status", "--json"]) == 0

    out = capsys.readouterr().out
    assert "Your choice is saved" in out
    data = json.loads(out[out.index("{") :])
    assert (data["app"], data["state"], data["is_known"]) == ("acme-cms", "on", False)
    assert (home() / ".config" / "acme-cms" / "telemetry.json").exists()


def test_the_manifest_in_the_spool_gives_the_settings_of_an_application(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An application with detached delivery writes one."""
    url = "http://telemetry.acme.example"
    telemetry = Telemetry("acme-cms", enabled=True, endpoint=url, insecure=True, headers={"k": "v"})
    directory = destination.spool_directory(telemetry.config, "acme-cms")
    assert directory is not None
    secure(directory)
    destination.write_manifest(directory, telemetry.config)

    assert main(["--app", "acme-cms", "status", "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert (data["state"], data["endpoint"]) == ("on", f"{url}/v1/logs")
    assert (data["header_names"], data["is_known"]) == (["k"], False)


def test_the_manifest_gives_the_endpoint_of_an_application_that_uses_the_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without the manifest, the endpoint would be unknown."""
    telemetry = Telemetry("acme-cms", enabled=True)
    directory = destination.spool_directory(telemetry.config, "acme-cms")
    assert directory is not None
    secure(directory)
    destination.write_manifest(directory, telemetry.config)

    assert main(["--app", "acme-cms", "status", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["endpoint"] == "http://localhost:4318/v1/logs"


@pytest.mark.parametrize("place", ["telemetry", "make", "Settings.telemetry"])
def test_a_telemetry_or_a_function_that_makes_one_is_loaded_from_code(
    code: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With all its settings."""
    assert main(["--app", f"{code}:{place}", "status", "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert data["endpoint"] == "https://telemetry.acme.example/v1/logs"
    assert data["is_known"] is True


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no_such_module:telemetry", "cannot be loaded: No module named"),
        ("CODE:no_such_name", "cannot be loaded: module "),
        ("CODE:nothing", "must be a Telemetry, or a function that makes one; it is of type int"),
        (":telemetry", "cannot be loaded: Empty module name"),
    ],
)
def test_code_that_cannot_be_loaded_is_wrong_usage_with_its_reason(
    code: str, place: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2."""
    assert main(["--app", place.replace("CODE", code), "status"]) == 2
    assert message in capsys.readouterr().err


def test_the_option_app_may_follow_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """The last one counts, as for every option."""
    assert main(["status", "--app", "acme-cms", "--json"]) == 0
    assert main(["--app", "other", "status", "--json", "--app", "acme-cms"]) == 0

    out = capsys.readouterr().out
    assert (out.count('"app": "acme-cms"'), "other" in out) == (2, False)


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_application_name_is_wrong_usage(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the mistake."""
    assert main(["--app", name, "status"]) == 2
    assert "argument --app: the application's name is empty" in capsys.readouterr().err


@pytest.mark.usefixtures("code")
def test_an_error_in_the_applications_code_is_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In its import or in its function; wrong settings keep their own message."""
    for source, message, exit_code in (
        ("1 / 0", "fails:make cannot be loaded: ZeroDivisionError: division by zero", 2),
        ("def make(): raise KeyError('x')", "fails:make cannot be loaded: KeyError: 'x'", 2),
        ("from otel_telemetry import Telemetry\nmake = Telemetry('')", "name must be", 1),
        ("from otel_telemetry import Telemetry\ndef make(): Telemetry('')", "name must be", 1),
    ):
        Path("fails.py").write_text(source, encoding="utf-8")
        sys.modules.pop("fails", None)
        importlib.invalidate_caches()

        assert main(["--app", "fails:make", "status"]) == exit_code
        assert f"error: {message}" in capsys.readouterr().err


def test_closed_streams_do_not_change_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `>&- 2>&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    assert main(["--app", "acme-cms", "on"]) == 0
    assert main(["--help"]) == 0
    assert main([]) == 2
    assert (home() / ".config" / "acme-cms" / "telemetry.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
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
    """The reason is on stderr."""
    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert "otel-telemetry" in err


def test_help_shows_all_verbs_exit_codes_and_examples_with_the_programs_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The examples can be copied."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for verb in VERBS:
        assert f"    {verb.name}" in out
        assert main(["--app", "acme", verb.name, "--help"]) == 0
        text = capsys.readouterr().out
        assert "exit codes: 0 done, 1 not done or a problem" in text
        for words, _ in verb.examples:
            assert f"  otel-telemetry --app NAME {words}\n" in text
    assert "exit codes: 0 done, 1 not done or a problem" in out


@pytest.mark.parametrize("arguments", [[], ["--app", "acme"]], ids=["nothing", "no verb"])
def test_without_a_verb_the_help_is_on_stderr_and_the_exit_code_is_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that lost its verb does not take this for success."""
    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: otel-telemetry [-h] [--version] --app NAME VERB ...\n")
    assert all(verb.name in err for verb in VERBS)


def test_version_prints_the_version_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the name of an application."""
    assert main(["--version"]) == 0

    assert capsys.readouterr() == (f"otel-telemetry {otel_telemetry.__version__}\n", "")


def test_python_m_runs_the_command_line_under_its_own_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The examples in its help can be copied too; to import the module runs nothing."""
    module = importlib.import_module("otel_telemetry.__main__")
    monkeypatch.setattr(sys, "argv", ["otel_telemetry", "show", "--help"])

    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(module.__file__), run_name="__main__")

    assert end.value.code == 0
    assert "  python -m otel_telemetry --app NAME show --last 3\n" in capsys.readouterr().out


def test_help_into_a_broken_pipe_raises_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `| true`; nor does the end of the interpreter."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        assert main(["--help"]) == 0


def test_options_reach_their_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """Repeated options, too."""
    arguments = ["preview", "didX", "-p", "a=1", "-p", "b=2", "-u", "plan=free", "-g", "c=3"]

    assert main(["--app", "acme", *arguments, "--json"]) == 0

    out = capsys.readouterr().out
    for key in ("a", "b", "plan", "c"):
        assert f'"key": "{key}"' in out
    assert main(["--app", "acme", "doctor", "--connect", "--timeout", "1"]) in {0, 1}
    assert "Add --connect" not in capsys.readouterr().out


def test_code_is_loaded_from_the_current_directory(code: str) -> None:
    """As with `python -m`; the directory is added to the path once."""
    assert load_object(f"{code}:nothing") == 1
    assert load_object(f"{code}:nothing") == 1
    assert sys.path.count("") == 1
    assert load_telemetry(f"{code}:make").config.name == "acme-cms"
