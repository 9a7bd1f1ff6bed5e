"""The running counts behind `Stats`."""

from __future__ import annotations

import threading
from collections import Counter

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.stats import Stats


class Counters:
    """The running counts. Whoever changes them holds `lock`.

    The same lock guards the batches (`delivery.outbox`): an event is counted in the moment in which
    it moves, so a snapshot adds up at any instant.
    """

    __slots__ = (
        "__weakref__",
        "accepted",
        "corrected",
        "delivered",
        "dropped",
        "in_flight",
        "lock",
        "pending",
        "recovered",
        "refused",
        "rejected",
        "requests",
        "spooled",
    )

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.new_process()

    def new_process(self) -> None:
        """Begin at zero, with a lock that nobody holds: the state of a forked process."""
        # Several owners call this after one fork, and the lock of the first is the lock of all.
        # Tried, not asked: `locked` says False of a lock whose new holder awaits the interpreter.
        if self.lock.acquire(blocking=False):
            self.lock.release()
        else:
            self.lock = threading.RLock()
        self.accepted = 0
        self.delivered = 0
        self.pending = 0
        self.in_flight = 0  # of those pending: requested at least once
        self.spooled = 0
        self.recovered = 0
        self.rejected = 0
        self.refused = 0
        self.dropped: Counter[str] = Counter()
        self.corrected: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()

    def drop(self, reason: str) -> None:
        """Count an event that never became pending; takes the lock itself."""
        with self.lock:
            self.accepted += 1
            self.dropped[reason] += 1

    def hand_over(self) -> None:
        """Count an event that another pipeline took; takes the lock itself."""
        with self.lock:
            self.accepted += 1
            self.delivered += 1

    def correct(self, kind: str, count: int = 1) -> None:
        """Count flaws that were mended; takes the lock itself."""
        with self.lock:
            self.corrected[kind] += count

    def snapshot(self) -> Stats:
        """Return the counts as they are at this instant."""
        from otel_telemetry.stats import Stats  # noqa: PLC0415 - no program needs it to start

        with self.lock:
            return Stats(
                accepted=self.accepted,
                delivered=self.delivered,
                pending=self.pending,
                spooled=self.spooled,
                recovered=self.recovered,
                rejected=self.rejected,
                refused=self.refused,
                dropped=dict(self.dropped),
                corrected=dict(self.corrected),
                requests=dict(self.requests),
            )
