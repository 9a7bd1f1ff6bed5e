"""The check that telemetry is harmless: what a user would notice is caught."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance import HARMLESS_SCENARIOS, Report, check_harmless
from tests.support.watched import ENVIRON, FAST, found, program, script


def _harmless(path: Path, more: str, *scenarios: str, **options: float) -> Report:
    return check_harmless(
        program(path, more),
        app="acme-cms",
        environ=ENVIRON,
        scenarios=scenarios or FAST,
        **options,  # type: ignore[arg-type]  # a table
    )


def test_a_program_that_sends_is_not_harmed(tmp_path: Path) -> None:
    """Whatever the backend, the disk and the home are like, and in a forked child."""
    report = check_harmless(program(tmp_path), app="acme-cms", environ=ENVIRON, stdin=b"text")

    report.assert_clean(complete=True)
    assert report.held == HARMLESS_SCENARIOS


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("if not telemetry.is_disabled: print('thanks')", "stdout differs"),
        ("if not telemetry.is_disabled: print('thanks', file=sys.stderr)", "stderr differs"),
        ("if not telemetry.is_disabled: sys.exit(4)", "it exits with status 4; .* status 3"),
        ("if not telemetry.is_disabled: raise ValueError", "it exits with status 1"),
        ("if not telemetry.is_disabled: import time; time.sleep(1)", "later, not within 0.5 s"),
    ],
)
def test_what_a_user_would_notice_is_a_finding(tmp_path: Path, more: str, what: str) -> None:
    """Output, status and time have to be those of a run without telemetry."""
    report = _harmless(tmp_path, f"import sys\n{more}", within=0.5)

    assert any(re.search(what, finding.what) for finding in report.findings)


def test_a_program_that_does_not_end_is_a_finding(tmp_path: Path) -> None:
    """It is killed, with what it has started."""
    hang = "if not telemetry.is_disabled: telemetry.destroy(); import time; time.sleep(100)"

    report = _harmless(tmp_path, hang, timeout=1)

    assert any("it did not end in time" in finding.what for finding in report.findings)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("class T(Telemetry):\n    def destroy(self, timeout=None): 1 / 0", "ZeroDivisionError"),
        ("class T(Telemetry):\n    def destroy(self, timeout=None): os._exit(2)", "status 512"),
    ],
)
def test_a_fork_that_is_not_survived_is_a_finding(tmp_path: Path, code: str, what: str) -> None:
    """In the child of a program that has telemetry on."""
    program = f"""
import atexit, os
from otel_telemetry import Telemetry
{code}
telemetry = T("acme-cms")
telemetry.send("x")
os._exit(0)
"""

    report = check_harmless(
        script(tmp_path, program), app="acme-cms", environ=ENVIRON, scenarios=["fork"]
    )

    assert what in found(report)["fork"]


def test_a_program_that_was_never_forked_shows_nothing_about_forks(tmp_path: Path) -> None:
    """One that sets telemetry up and sends no event."""
    program = "from otel_telemetry import Telemetry\nTelemetry('acme-cms').bootstrap()"

    report = check_harmless(
        script(tmp_path, program), app="acme-cms", environ=ENVIRON, scenarios=["fork"]
    )

    assert found(report) == {"fork": "it was never forked"}


def test_a_program_that_sends_over_grpc_is_not_harmed(tmp_path: Path) -> None:
    """GRPC prints what goes wrong with TLS, unless it is told not to."""
    command = program(tmp_path, settings="protocol='grpc'")
    scenarios = ("tls_is_broken", "backend_talks_nonsense", "fork")

    report = check_harmless(command, app="acme-cms", environ=ENVIRON, scenarios=scenarios)

    report.assert_clean(complete=True)


def test_a_tool_that_leaves_delivery_to_another_process_may_do_nothing_without_a_home(
    tmp_path: Path,
) -> None:
    """Elsewhere it does; one that does nothing anywhere shows nothing."""
    tool = tmp_path / "tool.py"
    code = (
        "from otel_telemetry import Telemetry\n"
        "Telemetry('acme-cms', delivery='detached', {}).send('x')\n"
    )
    tool.write_text(code.format("shutdown_timeout=0"))
    command = (sys.executable, str(tool))
    where = {"app": "acme-cms", "environ": ENVIRON, "scenarios": ["no_home"]}

    check_harmless(command, **where).assert_clean()  # type: ignore[arg-type]  # a table

    tool.write_text(code.format("enabled=False"))
    (finding,) = check_harmless(command, **where).findings  # type: ignore[arg-type]  # as above
    assert finding.what == "with telemetry on, nothing was done either"
