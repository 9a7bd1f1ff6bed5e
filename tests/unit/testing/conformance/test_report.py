"""What a person reads of a check."""

from __future__ import annotations

import pytest

from otel_telemetry.testing.conformance import Finding, Report

_FINDING = Finding(scenario="ci", what="file: x", where=("a.py:1 in f", "b.py:2 in g"), fix="Stop.")


def test_findings_come_with_their_stack_and_what_to_do() -> None:
    """One after the other, and then what was not run."""
    report = Report(held=("a", "b"), findings=(_FINDING, _FINDING), not_run={"fork": "no fork"})

    assert str(report) == (
        "4 scenarios: 2 held, 1 did not, 1 not run here\n"
        "  ci: file: x\n"
        "      a.py:1 in f\n"
        "      b.py:2 in g\n"
        "    fix: Stop.\n"
        "  ci: file: x\n"
        "      a.py:1 in f\n"
        "      b.py:2 in g\n"
        "    fix: Stop.\n"
        "  fork: not run here: no fork"
    )


def test_a_finding_is_a_failure() -> None:
    """The message is the report."""
    report = Report(held=("a",), findings=(_FINDING,))

    with pytest.raises(AssertionError, match="file: x"):
        report.assert_clean()


def test_what_was_not_run_is_a_failure_only_if_asked() -> None:
    """It is never passed over in silence: the report names it."""
    report = Report(held=("a",), not_run={"fork": "no fork"})

    report.assert_clean()
    with pytest.raises(AssertionError, match="fork: not run here: no fork"):
        report.assert_clean(complete=True)


def test_a_report_of_nothing_is_a_failure() -> None:
    """A check without a scenario has shown nothing."""
    with pytest.raises(AssertionError, match="0 scenarios"):
        Report().assert_clean()
