"""One thing that was looked at."""

from __future__ import annotations

from otel_telemetry.frozen import dataclass

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Literal

    Level = Literal["ok", "skipped", "warning", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found.

    Attributes:
        name: What was looked at.
        level: ``"ok"``; ``"skipped"``: not looked at; ``"warning"``: works, but; ``"problem"``.
        found: What was found.
        advice: What to do; empty if nothing.
    """

    name: str
    level: Level
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Check:
    """Return a check with nothing to do."""
    return Check(name=name, level="ok", found=found)


def skipped(name: str, found: str, advice: str = "") -> Check:
    """Return a check that was not made."""
    return Check(name=name, level="skipped", found=found, advice=advice)


def warning(name: str, found: str, advice: str) -> Check:
    """Return a check with something that may do harm."""
    return Check(name=name, level="warning", found=found, advice=advice)


def problem(name: str, found: str, advice: str) -> Check:
    """Return a check with something that keeps telemetry from working."""
    return Check(name=name, level="problem", found=found, advice=advice)
