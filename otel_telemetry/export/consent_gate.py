"""The user's consent, as the delivery engine checks it."""

from __future__ import annotations

from collections.abc import Callable

from otel_telemetry._internal.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGate:
    """Decides which recorded events may be sent.

    Attributes:
        granted_at: Seconds since the epoch; events recorded before are dropped.
        is_granted: Called before every request, in the worker's thread. Once it returns False,
            nothing more is sent, and pending events are deleted.
    """

    granted_at: float = 0.0
    is_granted: Callable[[], bool] = lambda: True
