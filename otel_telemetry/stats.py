"""What was accepted, delivered and dropped, and why."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import field

from otel_telemetry._internal.frozen import dataclass

TYPE_CHECKING = False  # see the package's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts of events since the start, consistent with each other at one instant.

    They always add up: ``accepted == delivered + pending + spooled + rejected + refused +
    sum(dropped.values())``.

    Attributes:
        accepted: Events given to `send` while telemetry was on, and those recovered.
        delivered: Acknowledged by the backend, or handed to the app's own provider.
        pending: In memory or in our own segments, not yet acknowledged.
        spooled: Left on disk for another process: by `destroy`, or by detached delivery.
        recovered: Found in segments that dead processes had left; part of accepted.
        rejected: Rejected by the backend within a request that it took (partial success).
        refused: In requests that the backend refused for good.
        dropped: Not sent, by reason: ``invalid``, ``before_send``, ``before_send_failed``,
            ``undeclared`` (not in the catalogue), ``too_large``, ``queue_full``, ``spool_failed``
            (detached delivery could not write it), ``spool_full``, ``expired``, ``spool_lost`` (its
            file is gone or damaged), ``consent_withdrawn``, ``before_consent``, ``shutdown``,
            ``destroyed``, ``internal``.
        corrected: Flaws that were mended in events that went all the same, by kind: ``cut`` (values
            left out), ``reserved_key``, ``unknown_bucket``, ``undeclared_property`` and
            ``invalid_property`` (left out: not in the catalogue, or not with such a value).
        requests: Requests made, by outcome: ``delivered``, ``partial``, ``retry``, ``too_large``,
            ``refused``.
    """

    accepted: int = 0
    delivered: int = 0
    pending: int = 0
    spooled: int = 0
    recovered: int = 0
    rejected: int = 0
    refused: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    corrected: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)


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
        self.after_fork()

    def after_fork(self) -> None:
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
