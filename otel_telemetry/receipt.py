"""The receipt of an event: its outcome, now or later."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Generator

from otel_telemetry.stats import DropReason


class Outcome(enum.Enum):
    """The outcome of an event.

    Attributes:
        PENDING: Accepted, and not settled yet.
        DELIVERED: The backend acknowledged its request.
        PARTIAL: The backend acknowledged its request and rejected some of the events in it.
        SPOOLED: On disk; a later process delivers it.
        REFUSED: The backend refused its request for good.
        DROPPED: Not sent and not on disk; the reason says why.
        DISABLED: Telemetry is off.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    PARTIAL = "partial"
    SPOOLED = "spooled"
    REFUSED = "refused"
    DROPPED = "dropped"
    DISABLED = "disabled"


_GOOD = frozenset({Outcome.DELIVERED, Outcome.SPOOLED, Outcome.DISABLED})


class Receipt:
    """The outcome of an event, now or when it is settled. Thread-safe.

    The events of one batch share one receipt: they are sent in one request and have one outcome.

    Awaiting it gives a bool: True if the event was delivered or spooled, or telemetry is off; False
    if it was refused or dropped, or the backend rejected part of its request.
    """

    __slots__ = ("_lock", "_settled", "_state", "_waiting")

    def __init__(self, outcome: Outcome = Outcome.PENDING, reason: str = "") -> None:
        self._lock = threading.Lock()
        self._state = (outcome, reason)
        self._settled = outcome is not Outcome.PENDING
        self._waiting: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        outcome, reason = self._state
        return f"Receipt({outcome.name}{f', {reason!r}' if reason else ''})"

    @property
    def outcome(self) -> Outcome:
        """The outcome so far."""
        return self._state[0]

    @property
    def reason(self) -> str:
        """Why the event has this outcome, as text; may be empty."""
        return self._state[1]

    def settle(self, outcome: Outcome, reason: str = "") -> None:
        """Set the final outcome and wake all waiters; later calls are ignored."""
        with self._lock:
            if self._settled:
                return
            self._state = (outcome, reason)
            self._settled = True
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def wait(self, timeout: float | None = None) -> Outcome:
        """Wait until the outcome is settled.

        Args:
            timeout: Seconds at most; None for no limit.

        Returns:
            The outcome; `Outcome.PENDING` if the time-out came first.
        """
        event = threading.Event()
        wake = event.set
        if self._when_settled(wake):
            try:
                event.wait(timeout)
            finally:
                self._forget(wake)
        return self.outcome

    def __await__(self) -> Generator[object, None, bool]:
        """Wait until the outcome is settled; True unless the event was refused or dropped."""
        import asyncio  # noqa: PLC0415 - 30 ms that only asyncio apps need, and they have it

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def resolve() -> None:
            if not future.done():
                future.set_result(None)

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(resolve)
            except RuntimeError:  # the loop is closed, with its waiters
                return

        if self._when_settled(wake):
            try:
                yield from future
            finally:
                self._forget(wake)
        return self.outcome in _GOOD

    def _when_settled(self, wake: Callable[[], None]) -> bool:
        """Call *wake* when the outcome is settled; False if it is settled already."""
        with self._lock:
            if not self._settled:
                self._waiting.append(wake)
            return not self._settled

    def _forget(self, wake: Callable[[], None]) -> None:
        """Remove a waiter after its time-out or its cancellation."""
        with self._lock:
            if wake in self._waiting:
                self._waiting.remove(wake)


DISABLED = Receipt(Outcome.DISABLED)
"""The receipt of every event while telemetry is off."""


_DROPPED = {reason: Receipt(Outcome.DROPPED, reason.value) for reason in DropReason}


def dropped(reason: DropReason) -> Receipt:
    """Return the receipt that all events dropped for *reason*."""
    return _DROPPED[reason]
