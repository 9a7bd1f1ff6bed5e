"""`check_off` on real programs: a good one passes, and each defect is found by its scenario."""

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
from otel_telemetry.testing.conformance.sandbox import Sandbox, UnsupportedError
from otel_telemetry.testing.conformance.scenarios import OFF, Scenario
from tests.support.audited import ENVIRON, FAST, OURS, problems_of, program, script

_FILE = "open(os.devnull, 'w')"


def _off(path: Path, more: str, *scenarios: str) -> Report:
    """Check without the control run, which only proves that the program sends."""
    command = tuple(program(path, more))
    audited = Program(command=command, cwd=None, stdin=b"", timeout=20)
    check = checks._Check(audited, "acme-cms", ENVIRON, bytes)
    for name in scenarios:
        check.run(OFF[name], check.is_off)
    return check.report()


def test_a_program_that_leaves_consent_to_its_user_is_clean(tmp_path: Path) -> None:
    """In all twelve scenarios, and in the control run."""
    report = check_off(program(tmp_path), app="acme-cms", environ=ENVIRON, stdin=b"text")

    report.assert_clean(complete=True)
    assert report.passed == ("control", *OFF_SCENARIOS)
    assert len(OFF_SCENARIOS) == 12


def test_files_threads_and_connections_of_the_program_are_no_findings(tmp_path: Path) -> None:
    """Only telemetry is checked."""
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
def test_each_kind_of_side_effect_is_a_finding(tmp_path: Path, kind: str, code: str) -> None:
    """With its stack and a fix."""
    more = f"if telemetry.is_disabled: run_as({OURS!r}, {code!r})"

    report = _off(tmp_path, more, "do_not_track")

    (finding, *_) = report.findings
    assert (finding.scenario, finding.problem.partition(":")[0]) == ("do_not_track", kind)
    assert any(f"{OURS}.py:1" in line for line in finding.stack)
    assert "defect of the library" in finding.fix
    with pytest.raises(AssertionError, match="do_not_track"):
        report.assert_clean()


@pytest.mark.parametrize(
    ("scenario", "condition"),
    [
        ("do_not_track", "os.environ.get('DO_NOT_TRACK') and os.environ[OWN] == 'on'"),
        ("own_switch_off", "os.environ.get(OWN) == 'off' and 'DO_NOT_TRACK' not in os.environ"),
        ("common_switch_off", "os.environ.get('OTEL_TELEMETRY') == 'off'"),
        ("unknown_switch_value", "os.environ.get(OWN) == 'perhaps'"),
        ("sdk_disabled", "'OTEL_SDK_DISABLED' in os.environ"),
        ("consent_record_off", "'is_ok' not in record() and 'off' in record()"),
        ("consent_record_damaged", "record().endswith('o')"),
        ("no_decision", "OWN not in os.environ and 'CI' not in os.environ and writable()"),
        ("ci", "os.environ.get('CI')"),
        ("read_only_home", "'HOME' in os.environ and not writable()"),
        ("no_home", "os.path.expanduser('~') == '~'"),
        ("full_disk", "os.environ.get('HOME') and not grows()"),
    ],
)
def test_each_scenario_sets_up_its_name(tmp_path: Path, scenario: str, condition: str) -> None:
    """A defect that depends on one scenario is found in that one alone."""
    more = f"""
import os
from pathlib import Path
OWN = "ACME_CMS_TELEMETRY"
def record():
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

    assert set(problems_of(report)) == {scenario}


def test_a_program_with_enabled_true_needs_on_by_default(tmp_path: Path) -> None:
    """Otherwise telemetry without a decision of the user is a finding, with that fix."""
    command = program(tmp_path, settings="enabled=True")
    scenarios = ("do_not_track", "consent_record_off", "no_decision", "ci", "no_home")

    report = check_off(command, app="acme-cms", environ=ENVIRON, scenarios=scenarios)
    honest = check_off(
        command, app="acme-cms", environ=ENVIRON, scenarios=scenarios, on_by_default=True
    )

    assert set(problems_of(report)) == {"no_decision", "ci", "no_home"}
    assert "on_by_default" in report.findings[0].fix
    honest.assert_clean()


@pytest.mark.parametrize(
    ("settings", "app"), [("enabled=False", "acme-cms"), ("", "acme"), ("", "other")]
)
def test_a_check_of_a_program_that_never_sends_fails(
    tmp_path: Path, settings: str, app: str
) -> None:
    """Also if `app` is the wrong name: such a program passes each scenario without any proof."""
    command = program(tmp_path, settings=settings)

    off = check_off(command, app=app, environ=ENVIRON, scenarios=["do_not_track"])
    harmless = check_harmless(command, app=app, environ=ENVIRON, scenarios=FAST)

    assert set(problems_of(off)) == {"control"}
    assert set(problems_of(harmless)) == set(FAST)
    assert "proves nothing" in str(off)


@pytest.mark.parametrize("option", ["-I", "-S"])
def test_a_program_without_the_audit_hook_is_a_finding(option: str) -> None:
    """A missing record proves nothing."""
    command = [sys.executable, option, "-c", "print(1)"]

    report = check_off(command, app="acme-cms", environ=ENVIRON, scenarios=["ci"])

    assert problems_of(report) == dict.fromkeys(
        ("control", "ci"), "the audit hook could not be installed in the program"
    )


def test_a_program_that_does_not_end_is_a_finding(tmp_path: Path) -> None:
    """It is killed at the timeout."""
    report = check_off(
        script(tmp_path, "import time; time.sleep(100)"),
        app="acme-cms",
        environ=ENVIRON,
        scenarios=["ci"],
        timeout=0.5,
    )

    assert problems_of(report)["ci"] == "the program did not end in time"


def test_normalise_removes_output_that_varies_by_itself(tmp_path: Path) -> None:
    """Such as the time, or a process id."""
    command = program(tmp_path, "import os; print(os.getpid())")

    plain = check_off(command, app="acme-cms", environ=ENVIRON, scenarios=["ci"])
    alike = check_off(
        command,
        app="acme-cms",
        environ=ENVIRON,
        scenarios=["ci"],
        normalise=lambda output: re.sub(rb"\d+", b"0", output),
    )

    assert plain.findings[0].problem.startswith("stdout differs\n      --- telemetry off")
    assert "normalise" in plain.findings[0].fix
    alike.assert_clean()


@pytest.mark.parametrize("check", [check_off, check_harmless])
def test_an_unknown_scenario_raises_value_error(check: object) -> None:
    """The message lists the known ones."""
    assert callable(check)
    with pytest.raises(ValueError, match=r"unknown scenario 'offf'; known are .*full_disk"):
        check(["true"], app="acme-cms", scenarios=["offf"])


def test_a_program_runs_in_the_given_directory_and_environment(tmp_path: Path) -> None:
    """Without the variables about telemetry and CI."""
    (tmp_path / "acme.py").write_text("WORD = 'found'")
    command = [sys.executable, "-c", "import acme, os; print(acme.WORD, os.environ['WORD'])"]
    environ = {"WORD": "given", "DO_NOT_TRACK": "", "CI": "1", "ACME_CMS_TELEMETRY": "on"}

    report = check_off(
        command, app="acme-cms", scenarios=["no_decision"], cwd=tmp_path, environ=environ
    )

    assert report.passed == ("no_decision",)


def test_an_unsupported_scenario_is_skipped_with_its_reason() -> None:
    """It neither passes nor fails."""

    def impossible(_: Sandbox) -> None:
        raise UnsupportedError("no such machine")

    scenario = Scenario(name="flood", machine=impossible, user=impossible)
    check = checks._Check(
        Program(command=("true",), cwd=None, stdin=b"", timeout=5), "a", {}, bytes
    )

    check.run(scenario, check.is_off)

    assert check.report() == Report(skipped={"flood": "no such machine"})
