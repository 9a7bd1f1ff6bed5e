"""Numbers, times, values and decisions, as a person reads them."""

from __future__ import annotations

import json
import time

from otel_telemetry.cli.console import printable

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.trust.decision import Decision

_UNITS = ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def state(decision: Decision) -> str:
    """Return ``on``, ``off``, or ``log``: events are printed, and none leaves."""
    return "on" if decision.enabled else "log" if decision.log else "off"


def counted(number: int, noun: str) -> str:
    """Return ``1 event``, ``2 events``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Return a number of bytes: ``512 bytes``, ``1.2 kB``."""
    if number < 1000:
        return counted(number, "byte")
    return f"{number / 1000:.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"


def span(seconds: float) -> str:
    """Return a length of time in its largest whole unit: ``3 days``."""
    for length, noun in _UNITS:
        if seconds >= length:
            return counted(int(seconds // length), noun)
    return "less than a second"


def ago(at: float, now: float) -> str:
    """Return how long before *now* it was, both in seconds since the epoch."""
    return "in the future" if at - now > 1 else f"{span(max(now - at, 0.0))} ago"


def day(at: float) -> str:
    """Return a time, in seconds since the epoch, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def value(something: object) -> str:
    """Return an attribute value in one line that cannot harm a terminal, its type still seen."""
    if isinstance(something, bytes):
        return f"bytes:{something.hex()}"
    return printable(json.dumps(something, ensure_ascii=False, default=value))
