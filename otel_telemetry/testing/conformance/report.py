"""The findings of a check, as a report for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken promise. Immutable.

    Attributes:
        scenario: The name of the scenario.
        problem: What happened.
        stack: The stack in the program, innermost frame first; empty if it is unknown.
        fix: What to do.
    """

    scenario: str
    problem: str
    stack: tuple[str, ...] = ()
    fix: str

    def __str__(self) -> str:
        stack = "".join(f"\n      {line}" for line in self.stack)
        return f"  {self.scenario}: {self.problem}{stack}\n    fix: {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a check. Immutable.

    Attributes:
        passed: The names of the scenarios without a finding.
        findings: The broken promises.
        skipped: The names of the scenarios that this machine does not support, and the reasons.
    """

    passed: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        failed = len({finding.scenario for finding in self.findings})
        count = f"{len(self.passed)} passed, {failed} failed, {len(self.skipped)} skipped"
        lines = [f"{len(self.passed) + failed + len(self.skipped)} scenarios: {count}"]
        lines += map(str, self.findings)
        lines += [f"  {name}: skipped: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)

    def assert_clean(self, *, complete: bool = False) -> None:
        """Assert that the check has no findings.

        Args:
            complete: Also fail if a scenario was skipped: for a machine that supports them all,
                such as one in continuous integration. Default False.

        Raises:
            AssertionError: There is a finding, or no scenario ran; the message is the report.
        """
        if self.findings or not (self.passed or self.skipped) or (complete and self.skipped):
            raise AssertionError(str(self))
