"""Checks that a program keeps the promises of this library to its users.

For the tests of a program that sends usage telemetry::

    from otel_telemetry.testing.conformance import check_harmless, check_off

    COMMAND = [sys.executable, "-m", "acme", "build", "--json"]

    def test_off_is_off():
        check_off(COMMAND, app="acme").assert_clean()

    def test_on_is_harmless():
        check_harmless(COMMAND, app="acme").assert_clean()

The program runs once for each scenario, in its own process, with an audit hook from its start.
"""

from __future__ import annotations

from otel_telemetry.testing.conformance.checks import (
    HARMLESS_SCENARIOS,
    OFF_SCENARIOS,
    check_harmless,
    check_off,
)
from otel_telemetry.testing.conformance.report import Finding, Report

__all__ = [
    "HARMLESS_SCENARIOS",
    "OFF_SCENARIOS",
    "Finding",
    "Report",
    "check_harmless",
    "check_off",
]
