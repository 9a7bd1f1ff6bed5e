"""What a check found, for a person to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as promised.

    Attributes:
        scenario: Where it was found.
        what: What it is.
        where: The stack, innermost first, if it was found in the program; else empty.
        fix: What to do about it.
    """

    scenario: str
    what: str
    where: tuple[str, ...] = ()
    fix: str

    def __str__(self) -> str:
        stack = "".join(f"\n      {line}" for line in self.where)
        return f"  {self.scenario}: {self.what}{stack}\n    fix: {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found.

    Attributes:
        held: The scenarios that ran, and in which all was as promised.
        findings: What was not.
        not_run: The scenarios that this machine cannot bring about, and why.
    """

    held: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_run: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        broken = len({finding.scenario for finding in self.findings})
        count = f"{len(self.held)} held, {broken} did not, {len(self.not_run)} not run here"
        lines = [f"{len(self.held) + broken + len(self.not_run)} scenarios: {count}"]
        lines += map(str, self.findings)
        lines += [f"  {name}: not run here: {reason}" for name, reason in self.not_run.items()]
        return "\n".join(lines)

    def assert_clean(self, *, complete: bool = False) -> None:
        """Assert that nothing was found.

        Args:
            complete: Take a scenario that was not run for a failure as well: for a machine that
                can run them all, such as one in continuous integration.

        Raises:
            AssertionError: Something was; the message is the report.
        """
        if self.findings or not (self.held or self.not_run) or (complete and self.not_run):
            raise AssertionError(str(self))
