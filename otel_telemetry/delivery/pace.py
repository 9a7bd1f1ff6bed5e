"""When the next request may go, as the outbox knows it."""

from __future__ import annotations

from otel_telemetry.delivery.backoff import Pause


class Pace:
    """Guarded by the outbox's lock.

    Attributes:
        not_before: When the next request may go, in seconds of the monotonic clock; 0 for now.
        is_hurried: Whether a flush wants it now, whatever other processes have found.
        retries: How often it was put off.
    """

    __slots__ = ("_is_asked", "is_hurried", "not_before", "retries")

    def __init__(self) -> None:
        self.not_before = 0.0
        self.is_hurried = False
        self.retries = 0
        self._is_asked = False

    def slow(self, until: float, pause: Pause) -> None:
        """Let no request go until then, because of *pause*."""
        self.retries += 1
        if pause.is_told and not pause.is_asked and self.is_hurried:
            return  # a flush has come while we read what others have found
        self.not_before = until
        self._is_asked = pause.is_asked
        self.is_hurried = False

    def resume(self) -> None:
        """The backend has answered."""
        self.not_before = 0.0
        self._is_asked = self.is_hurried = False

    def worth_waiting(self, timeout: float | None, now: float) -> float | None:
        """Return *timeout*, in seconds; 0 if no request may go until it is over."""
        return 0.0 if timeout is not None and self.not_before - now >= timeout else timeout

    def hurry(self, *, is_hurried: bool) -> None:
        """Let the next request go now, unless the backend has asked for a pause."""
        self.is_hurried = is_hurried
        if not self._is_asked:
            self.not_before = 0.0
