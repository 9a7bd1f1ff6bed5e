"""The two checks on real programs: good ones pass, and each bad one is caught by its scenario."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance import (
    OFF_SCENARIOS,
    Report,
    check_harmless,
    check_off,
    checks,
)
from otel_telemetry.testing.conformance.runs import Program
from otel_telemetry.testing.conformance.sandbox import NotHereError, Sandbox
from otel_telemetry.testing.conformance.scenarios import OFF, Scenario
from tests.support.watched import ENVIRON, FAST, OURS, found, program, script

_FILE = "open(os.devnull, 'w')"


def _off(path: Path, more: str, *scenarios: str) -> Report:
    """Check without the run that shows that the program sends: this one does."""
    command = tuple(program(path, more))
    watched = Program(command=command, cwd=None, stdin=b"", timeout=20)
    check = checks._Check(watched, "acme-cms", ENVIRON, bytes)
    for name in scenarios:
        check.run(OFF[name], check.is_off)
    return check.report()


def test_a_program_that_leaves_consent_to_its_user_is_clean(tmp_path: Path) -> None:
    """In all scenarios: there are twelve, and a run that shows that the program sends at all."""
    report = check_off(program(tmp_path), app="acme-cms", environ=ENVIRON, stdin=b"text")

    report.assert_clean(complete=True)
    assert report.held == ("control", *OFF_SCENARIOS)
    assert len(OFF_SCENARIOS) == 12


def test_the_programs_own_files_threads_and_connections_are_its_own(tmp_path: Path) -> None:
    """Telemetry is what is judged, not the program."""
    (tmp_path / "own").mkdir()
    own = """
import logging, os, socket, subprocess, threading, urllib3, opentelemetry.trace
open(os.devnull, "w"); socket.socket(); subprocess.run(["true"])
threading.Thread(target=int).start(); logging.getLogger("otel_telemetry").warning("theirs")
"""

    _off(tmp_path, own, "do_not_track").assert_clean()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("file", "import os; open(os.devnull, 'w')"),
        ("socket", "import socket; socket.socket()"),
        ("process", "import subprocess; subprocess.run(['true'])"),
        ("thread", "import threading; threading.Thread(target=int).start()"),
        ("import", "import opentelemetry.trace"),
    ],
)
def test_each_kind_of_act_is_a_finding(tmp_path: Path, kind: str, code: str) -> None:
    """With its stack and what to do."""
    more = f"if telemetry.is_disabled: run_as({OURS!r}, {code!r})"

    report = _off(tmp_path, more, "do_not_track")

    (finding, *_) = report.findings
    assert (finding.scenario, finding.what.partition(":")[0]) == ("do_not_track", kind)
    assert any(f"{OURS}.py:1" in line for line in finding.where)
    assert "defect of the library" in finding.fix
    with pytest.raises(AssertionError, match="do_not_track"):
        report.assert_clean()


@pytest.mark.parametrize(
    ("scenario", "condition"),
    [
        ("do_not_track", "os.environ.get('DO_NOT_TRACK') and os.environ[OWN] == 'on'"),
        ("own_switch_off", "os.environ.get(OWN) == 'off' and 'DO_NOT_TRACK' not in os.environ"),
        ("common_switch_off", "os.environ.get('OTEL_TELEMETRY') == 'off'"),
        ("unknown_word", "os.environ.get(OWN) == 'perhaps'"),
        ("sdk_disabled", "'OTEL_SDK_DISABLED' in os.environ"),
        ("choice_off", "'is_ok' not in choice() and 'off' in choice()"),
        ("choice_damaged", "choice().endswith('o')"),
        ("nobody_said", "OWN not in os.environ and 'CI' not in os.environ and writable()"),
        ("ci", "os.environ.get('CI')"),
        ("read_only_home", "'HOME' in os.environ and not writable()"),
        ("no_home", "os.path.expanduser('~') == '~'"),
        ("full_disk", "os.environ.get('HOME') and not grows()"),
    ],
)
def test_each_scenario_is_what_it_is_called(tmp_path: Path, scenario: str, condition: str) -> None:
    """A defect that shows in one of them is found in that one."""
    more = f"""
import os
from pathlib import Path
OWN = "ACME_CMS_TELEMETRY"
def choice():
    path = Path(os.environ.get("XDG_CONFIG_HOME", "/nowhere"), "acme-cms", "telemetry.json")
    return path.read_text() if path.exists() else ""
def writable():
    try:
        os.rmdir(os.mkdir(os.environ["HOME"] + "/probe") or os.environ["HOME"] + "/probe")
    except OSError:
        return False
    return True
def grows():
    import tempfile
    try:
        with tempfile.TemporaryFile() as file: file.write(b"x")
    except OSError:
        return False
    return True
if telemetry.is_disabled and ({condition}):
    run_as({OURS!r}, "import os; {_FILE}")
"""
    others = [name for name in OFF_SCENARIOS if name != scenario][:1]

    report = _off(tmp_path, more, scenario, *others)

    assert set(found(report)) == {scenario}


def test_a_program_that_is_on_by_default_says_so(tmp_path: Path) -> None:
    """Else it is on where nobody has said anything, which is a finding that says why."""
    command = program(tmp_path, settings="enabled=True")
    scenarios = ("do_not_track", "choice_off", "nobody_said", "ci", "no_home")

    report = check_off(command, app="acme-cms", environ=ENVIRON, scenarios=scenarios)
    honest = check_off(
        command, app="acme-cms", environ=ENVIRON, scenarios=scenarios, on_by_default=True
    )

    assert set(found(report)) == {"nobody_said", "ci", "no_home"}
    assert "on_by_default" in report.findings[0].fix
    honest.assert_clean()


@pytest.mark.parametrize(
    ("settings", "app"), [("enabled=False", "acme-cms"), ("", "acme"), ("", "other")]
)
def test_a_check_that_shows_nothing_is_not_passed(tmp_path: Path, settings: str, app: str) -> None:
    """Who never sends, or is called otherwise, is off in every scenario without any merit."""
    command = program(tmp_path, settings=settings)

    off = check_off(command, app=app, environ=ENVIRON, scenarios=["do_not_track"])
    harmless = check_harmless(command, app=app, environ=ENVIRON, scenarios=FAST)

    assert set(found(off)) == {"control"}
    assert set(found(harmless)) == set(FAST)
    assert "proves nothing" in str(off) or "shows nothing" in str(off)


@pytest.mark.parametrize("option", ["-I", "-S"])
def test_a_program_that_cannot_be_watched_is_a_finding(option: str) -> None:
    """Silence is no proof."""
    command = [sys.executable, option, "-c", "print(1)"]

    report = check_off(command, app="acme-cms", environ=ENVIRON, scenarios=["ci"])

    assert found(report) == dict.fromkeys(("control", "ci"), "the program could not be watched")


def test_a_program_that_never_ends_is_a_finding_as_well(tmp_path: Path) -> None:
    """With telemetry off, too: then nothing can be said."""
    report = check_off(
        script(tmp_path, "import time; time.sleep(100)"),
        app="acme-cms",
        environ=ENVIRON,
        scenarios=["ci"],
        timeout=0.5,
    )

    assert found(report)["ci"] == "it did not end in time"


def test_output_that_varies_by_itself_can_be_made_alike(tmp_path: Path) -> None:
    """Such as the time, or a process's id."""
    command = program(tmp_path, "import os; print(os.getpid())")

    plain = check_off(command, app="acme-cms", environ=ENVIRON, scenarios=["ci"])
    alike = check_off(
        command,
        app="acme-cms",
        environ=ENVIRON,
        scenarios=["ci"],
        normalise=lambda output: re.sub(rb"\d+", b"0", output),
    )

    assert plain.findings[0].what.startswith("stdout differs\n      --- telemetry off")
    assert "normalise" in plain.findings[0].fix
    alike.assert_clean()


@pytest.mark.parametrize("check", [check_off, check_harmless])
def test_an_unknown_scenario_is_an_error(check: object) -> None:
    """That names those there are."""
    assert callable(check)
    with pytest.raises(ValueError, match=r"unknown scenario 'offf'; there are .*full_disk"):
        check(["true"], app="acme-cms", scenarios=["offf"])


def test_a_directory_and_an_environment_can_be_given(tmp_path: Path) -> None:
    """What the program needs, it finds; what they say of telemetry does not count."""
    (tmp_path / "acme.py").write_text("WORD = 'found'")
    command = [sys.executable, "-c", "import acme, os; print(acme.WORD, os.environ['WORD'])"]
    environ = {"WORD": "given", "DO_NOT_TRACK": "", "CI": "1", "ACME_CMS_TELEMETRY": "on"}

    report = check_off(
        command, app="acme-cms", scenarios=["nobody_said"], cwd=tmp_path, environ=environ
    )

    assert report.held == ("nobody_said",)


def test_a_scenario_that_the_machine_cannot_bring_about_is_named() -> None:
    """It neither held nor failed."""

    def impossible(_: Sandbox) -> None:
        raise NotHereError("there is no such thing")

    scenario = Scenario(name="flood", machine=impossible, user=impossible)
    check = checks._Check(
        Program(command=("true",), cwd=None, stdin=b"", timeout=5), "a", {}, bytes
    )

    check.run(scenario, check.is_off)

    assert check.report() == Report(not_run={"flood": "there is no such thing"})
