"""The report of a check."""

from __future__ import annotations

import pytest

from otel_telemetry.testing.conformance import Finding, Report

_FINDING = Finding(
    scenario="ci", problem="file: x", stack=("a.py:1 in f", "b.py:2 in g"), fix="Stop."
)


def test_a_report_lists_findings_with_stack_and_fix_then_skipped_scenarios() -> None:
    """One after another."""
    report = Report(passed=("a", "b"), findings=(_FINDING, _FINDING), skipped={"fork": "no fork"})

    assert str(report) == (
        "4 scenarios: 2 passed, 1 failed, 1 skipped\n"
        "  ci: file: x\n"
        "      a.py:1 in f\n"
        "      b.py:2 in g\n"
        "    fix: Stop.\n"
        "  ci: file: x\n"
        "      a.py:1 in f\n"
        "      b.py:2 in g\n"
        "    fix: Stop.\n"
        "  fork: skipped: no fork"
    )


def test_assert_clean_raises_for_a_finding() -> None:
    """The message is the report."""
    report = Report(passed=("a",), findings=(_FINDING,))

    with pytest.raises(AssertionError, match="file: x"):
        report.assert_clean()


def test_assert_clean_raises_for_a_skipped_scenario_only_if_complete() -> None:
    """The report names it in each case."""
    report = Report(passed=("a",), skipped={"fork": "no fork"})

    report.assert_clean()
    with pytest.raises(AssertionError, match="fork: skipped: no fork"):
        report.assert_clean(complete=True)


def test_assert_clean_raises_if_no_scenario_ran() -> None:
    """Such a check proves nothing."""
    with pytest.raises(AssertionError, match="0 scenarios"):
        Report().assert_clean()
