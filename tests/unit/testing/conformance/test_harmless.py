"""`check_harmless` on real programs: each change that a user would notice is found."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance import HARMLESS_SCENARIOS, Report, check_harmless
from tests.support.audited import ENVIRON, FAST, problems_of, program, script


def _harmless(path: Path, more: str, *scenarios: str, **options: float) -> Report:
    return check_harmless(
        program(path, more),
        app="acme-cms",
        environ=ENVIRON,
        scenarios=scenarios or FAST,
        **options,  # type: ignore[arg-type]  # a table
    )


def test_a_program_that_sends_is_clean(tmp_path: Path) -> None:
    """With each backend, disk and home directory, and in a forked child."""
    report = check_harmless(program(tmp_path), app="acme-cms", environ=ENVIRON, stdin=b"text")

    report.assert_clean(complete=True)
    assert report.passed == HARMLESS_SCENARIOS


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("if not telemetry.is_disabled: print('thanks')", "stdout differs"),
        ("if not telemetry.is_disabled: print('thanks', file=sys.stderr)", "stderr differs"),
        ("if not telemetry.is_disabled: sys.exit(4)", "exits with status 4; .* status 3"),
        ("if not telemetry.is_disabled: raise ValueError", "exits with status 1"),
        (
            "if not telemetry.is_disabled: import time; time.sleep(1)",
            "later, over the limit of 0.5 s",
        ),
    ],
)
def test_a_change_of_output_status_or_time_is_a_finding(
    tmp_path: Path, more: str, problem: str
) -> None:
    """Each is compared with a run without telemetry."""
    report = _harmless(tmp_path, f"import sys\n{more}", within=0.5)

    assert any(re.search(problem, finding.problem) for finding in report.findings)


def test_a_program_that_does_not_end_is_a_finding(tmp_path: Path) -> None:
    """It is killed, with the processes that it started."""
    hang = "if not telemetry.is_disabled: telemetry.destroy(); import time; time.sleep(100)"

    report = _harmless(tmp_path, hang, timeout=1)

    assert any("the program did not end in time" in finding.problem for finding in report.findings)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("class T(Telemetry):\n    def destroy(self, timeout=None): 1 / 0", "ZeroDivisionError"),
        ("class T(Telemetry):\n    def destroy(self, timeout=None): os._exit(2)", "status 512"),
    ],
)
def test_a_forked_child_that_fails_is_a_finding(tmp_path: Path, code: str, problem: str) -> None:
    """In a program that has telemetry on."""
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

    assert problem in problems_of(report)["fork"]


def test_a_program_that_was_not_forked_is_a_finding_of_the_fork_scenario(tmp_path: Path) -> None:
    """It sets telemetry up and sends no event."""
    program = "from otel_telemetry import Telemetry\nTelemetry('acme-cms').bootstrap()"

    report = check_harmless(
        script(tmp_path, program), app="acme-cms", environ=ENVIRON, scenarios=["fork"]
    )

    assert problems_of(report) == {"fork": "the program was not forked, because it sent no event"}


def test_a_program_that_sends_over_grpc_is_clean(tmp_path: Path) -> None:
    """By default, gRPC prints TLS errors."""
    command = program(tmp_path, settings="protocol='grpc'")
    scenarios = ("tls_handshake_fails", "backend_sends_garbage", "fork")

    report = check_harmless(command, app="acme-cms", environ=ENVIRON, scenarios=scenarios)

    report.assert_clean(complete=True)


def test_a_tool_with_detached_delivery_may_have_no_side_effect_without_a_home(
    tmp_path: Path,
) -> None:
    """It must have one in the control run."""
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
    assert finding.problem == "with telemetry on, the library did nothing either"
