"""The directories of destinations that an application no longer has."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable

from otel_telemetry.delivery.disk.spool import Spool

_DESTINATION = re.compile(r"[0-9a-f]{16}")


def of(own: str) -> list[str]:
    """Return the directories of destinations beside the directory *own*."""
    base, name = os.path.split(own)
    try:
        others = [each for each in os.listdir(base) if _DESTINATION.fullmatch(each)]
    except OSError:
        return []
    return [os.path.join(base, other) for other in others if other != name]


def expire(own: str, max_age: float, on_lost: Callable[[int, str], None]) -> None:
    """Give up what has grown too old beside the directory *own*, where nobody delivers it any more.

    Args:
        own: The directory of the destination that the application has now.
        max_age: Seconds after which a segment is given up.
        on_lost: Told how many records were given up, and why.
    """
    for path in of(own):
        spool = Spool(path, max_age=max_age)
        # A process that still has that destination holds the lock of what is its own.
        for orphan in spool.claim_orphans():
            for segment in orphan.segments:
                if spool.why_not(segment, 0.0) is not None:
                    spool.give_up(segment, "expired", on_lost)
        spool.close()
        with contextlib.suppress(OSError):
            os.rmdir(path)
