"""What the user's permission means to those who deliver."""

from __future__ import annotations

from collections.abc import Callable

from otel_telemetry._internal.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGate:
    """May what is recorded leave?

    Attributes:
        granted_at: Seconds since the epoch; what was recorded before does not leave.
        holds: Asked before every request, in the courier's thread; once it says False, nothing
            leaves any more and everything pending is deleted.
    """

    granted_at: float = 0.0
    is_granted: Callable[[], bool] = lambda: True
