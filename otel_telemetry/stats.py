"""Counts of events and requests, and the names under which they are counted."""

from __future__ import annotations

import enum
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import field

from otel_telemetry._internal.frozen import dataclass

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing_extensions import Self


class _CountedName(str, enum.Enum):
    """A name under which `Stats` counts. A member is the text, and explains itself.

    Attributes:
        meaning: What is counted, in one line for the documentation.
    """

    _value_: str
    meaning: str

    def __new__(cls, text: str, meaning: str) -> Self:
        """Make a member of its text and its meaning."""
        member = str.__new__(cls, text)
        member._value_ = text
        member.meaning = meaning
        return member

    # Those of `Enum` show the member's name, and hash in Python.
    __str__ = str.__str__
    __hash__ = str.__hash__


class DropReason(_CountedName):
    """Why an event was not sent: the keys of `Stats.dropped`."""

    INVALID = "invalid", "the name, the payload or the timestamp is not legal"
    BEFORE_SEND = "before_send", "a `before_send` hook dropped it"
    BEFORE_SEND_FAILED = "before_send_failed", "a `before_send` hook raised an exception"
    UNDECLARED = "undeclared", "the catalogue does not declare it"
    TOO_LARGE = "too_large", "it is larger than a request may be"
    QUEUE_FULL = "queue_full", "the queue in memory is full (`max_pending_bytes`)"
    SPOOL_FAILED = "spool_failed", "detached delivery could not write it to disk"
    SPOOL_FULL = "spool_full", "it was the oldest when the spool was full (`spool_max_bytes`)"
    EXPIRED = "expired", "it stayed on disk longer than `spool_max_age`"
    SPOOL_LOST = "spool_lost", "its file on disk is damaged or was deleted"
    CONSENT_WITHDRAWN = "consent_withdrawn", "the user refused telemetry before it was sent"
    BEFORE_CONSENT = "before_consent", "it was recorded before the user permitted telemetry"
    SHUTDOWN = "shutdown", "it was neither sent nor on disk when `destroy` reached its deadline"
    DESTROYED = "destroyed", "`send` was called after `destroy`"
    INTERNAL = "internal", "an error within the library"


class Correction(_CountedName):
    """What was corrected in an event that was sent: the keys of `Stats.corrected`."""

    CUT = "cut", "values that were left out: not legal, too deep or too many"
    RESERVED_KEY = "reserved_key", "properties under a reserved key, which were left out"
    UNKNOWN_BUCKET = "unknown_bucket", "keys of a payload that are no bucket, which were left out"
    UNDECLARED_PROPERTY = (
        "undeclared_property",
        "properties that the catalogue does not declare, which were left out",
    )
    INVALID_PROPERTY = (
        "invalid_property",
        "properties whose value does not fit the catalogue, which were left out",
    )


class Disposition(_CountedName):
    """What the backend's response does with a request: the keys of `Stats.requests`."""

    DELIVERED = "delivered", "the backend accepted all events of the request"
    PARTIAL = "partial", "the backend accepted the request and rejected some of its events"
    RETRY = "retry", "no response, or one that asks for a retry; the request is sent again"
    TOO_LARGE = "too_large", "the request is too large for the backend, and is sent in halves"
    REFUSED = "refused", "the backend refused the request for good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts of events since the start, consistent with each other at one instant.

    They always add up: ``accepted == delivered + pending + spooled + rejected + refused +
    sum(dropped.values())``. The three mappings have plain strings for keys, and only those that
    were counted.

    Attributes:
        accepted: Events given to `send` while telemetry was on, and those recovered.
        delivered: Acknowledged by the backend, or handed to the application's own provider.
        pending: In memory or in segments of this process, not yet acknowledged.
        spooled: Left on disk for another process: by `destroy`, or by detached delivery.
        recovered: Found in segments of dead processes; part of accepted.
        rejected: Rejected by the backend within a request that it accepted (partial success).
        refused: In requests that the backend refused for good.
        dropped: Not sent, by the value of a `DropReason`.
        corrected: Corrections of events that were sent, by the value of a `Correction`.
        requests: Requests made, by the value of a `Disposition`.
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
    """The running counts. A caller that changes them holds `lock`.

    The same lock guards the batches (`export.queue`): an event is counted in the moment in which
    it moves, so that a snapshot adds up at any instant.
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
        """Begin at zero with a free lock: the state of a forked process."""
        # Several owners call this after one fork, and all keep the lock that the first one leaves.
        # Acquired, not asked: `locked` is False while a new holder waits for the interpreter.
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
        self.dropped: Counter[DropReason] = Counter()
        self.corrected: Counter[Correction] = Counter()
        self.requests: Counter[Disposition] = Counter()

    def drop(self, reason: DropReason) -> None:
        """Count an event that never became pending; takes the lock itself."""
        with self.lock:
            self.accepted += 1
            self.dropped[reason] += 1

    def hand_over(self) -> None:
        """Count an event that the application's provider or a test took; takes the lock itself."""
        with self.lock:
            self.accepted += 1
            self.delivered += 1

    def correct(self, correction: Correction, count: int = 1) -> None:
        """Count *count* corrections of one kind; takes the lock itself."""
        with self.lock:
            self.corrected[correction] += count

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
                dropped={reason.value: count for reason, count in self.dropped.items()},
                corrected={kind.value: count for kind, count in self.corrected.items()},
                requests={kind.value: count for kind, count in self.requests.items()},
            )
