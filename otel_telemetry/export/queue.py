"""The outbox's vocabulary: how much it holds, and what it tells the courier."""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.export.backoff import RetryDelay
from otel_telemetry.export.batch import Batch
from otel_telemetry.otlp.requests import MAX_REQUEST_BYTES, EncodedRecord
from otel_telemetry.receipt import Outcome, Receipt, dropped
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import Counters, DropReason

FIRST_LOOK = 0.01
"""Seconds after which the courier looks whether the open batch is full; each look doubles them.

To be woken amid a burst of events would have it fight with the burst for the interpreter, which
costs both more than the work does.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """When a batch is full, and when memory or disk is.

    Attributes:
        flush_interval: Seconds that a batch stays open at most.
        max_batch_events: Records in a batch.
        max_batch_bytes: Bytes of a request before compression.
        max_pending_bytes: Bytes of all batches in memory.
        spool_max_bytes: Bytes of the batches on disk.
    """

    flush_interval: float
    max_batch_events: int
    max_batch_bytes: int
    max_pending_bytes: int
    spool_max_bytes: int


class WorkerTask(enum.Enum):
    """What the courier is to do where there is no batch to send.

    Attributes:
        TIDY: Look after the spool; or send what dead processes left.
        END: Go home.
    """

    TIDY = "tidy"
    END = "end"


class SendSchedule:
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

    def slow(self, until: float, pause: RetryDelay) -> None:
        """Let no request go until then, because of *pause*."""
        self.retries += 1
        if pause.from_shared_state and not pause.requested_by_server and self.is_hurried:
            return  # a flush has come while we read what others have found
        self.not_before = until
        self._is_asked = pause.requested_by_server
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


class BatchAccounting:
    """Keeps the counts true while batches move. Guarded by the outbox's lock.

    Args:
        counters: The counts.
        spool: Where the segments of ended batches are deleted.

    Attributes:
        memory: Bytes of the batches in memory.
        disk: Bytes of the batches on disk.
    """

    __slots__ = ("_counters", "_spool", "disk", "memory")

    def __init__(self, counters: Counters, spool: Spool | None) -> None:
        self._counters = counters
        self._spool = spool
        self.memory = 0
        self.disk = 0

    def close(self, batch: Batch) -> None:
        """Note that *batch* was open, and takes no more."""
        if batch.fate.is_on_disk:
            self.disk += batch.size

    def put_away(self, batch: Batch) -> None:
        """Have *batch* leave memory while it waits, if it can."""
        self.memory -= batch.leave_memory()

    def hand_over(self, batch: Batch, now: float) -> None:
        """Note that *batch* goes to the transport, for the first time or again."""
        if batch.asked_at is None:
            batch.asked_at = now
            self._counters.in_flight += batch.count

    def _come_back(self, batch: Batch, count: int) -> None:
        """Note that *count* records of *batch* are no longer on their way."""
        if batch.asked_at is not None:
            self._counters.in_flight -= count

    def adopt(self, batch: Batch) -> None:
        """Count *batch*, which dead processes left, as accepted here."""
        self._counters.accepted += batch.count
        self._counters.recovered += batch.count
        self._counters.pending += batch.count
        self.memory += batch.held
        self.disk += batch.size

    def lose(self, count: int, reason: DropReason) -> None:
        """Count records of dead processes that cannot be sent."""
        self._counters.accepted += count
        self._counters.recovered += count
        self._counters.dropped[reason] += count

    def restore(self, batch: Batch, records: Iterable[EncodedRecord], reason: DropReason) -> None:
        """Put *records* back into *batch*; those missing are lost, and with the last its end."""
        count, size = batch.count, batch.size
        batch.enter_memory(records)
        self.memory += batch.held
        self.disk += batch.size - size
        lost = count - batch.count
        if lost:
            self._come_back(batch, lost)
            self._counters.pending -= lost
            self._counters.dropped[reason] += lost
            batch.fate.fail(Outcome.DROPPED, reason.value)
        if not batch.count:
            self._end(batch)

    def halve(self, batch: Batch) -> tuple[Batch, Batch]:
        """Return the halves of *batch*, which are a little more than the whole."""
        self._come_back(batch, batch.count)
        first, second = batch.halves()
        self.memory += first.held + second.held - batch.held
        if batch.fate.is_on_disk:
            self.disk += first.size + second.size - batch.size
        return first, second

    def deliver(self, batch: Batch, rejected: int, reason: str) -> None:
        """Count *batch* as taken by the backend, but for *rejected* records."""
        rejected = min(max(rejected, 0), batch.count)
        self._counters.delivered += batch.count - rejected
        self._counters.rejected += rejected
        batch.fate.taken += batch.count - rejected
        if rejected:
            batch.fate.fail(Outcome.PARTIAL, reason or "rejected by the backend")
        self._end(batch)

    def refuse(self, batch: Batch, reason: str) -> None:
        """Count *batch* as refused for good."""
        self._counters.refused += batch.count
        batch.fate.fail(Outcome.REFUSED, reason)
        self._end(batch)

    def drop(self, batch: Batch, reason: DropReason) -> None:
        """Count *batch* as dropped."""
        self._counters.dropped[reason] += batch.count
        batch.fate.fail(Outcome.DROPPED, reason.value)
        self._end(batch)

    def leave(self, batch: Batch, reason: DropReason) -> None:
        """Count *batch* as left for the next process; what is not on disk is lost for *reason*."""
        kept = batch.count if batch.fate.is_on_disk else batch.fate.kept
        self._counters.spooled += kept
        if kept < batch.count:
            self._counters.dropped[reason] += batch.count - kept
            batch.fate.fail(Outcome.DROPPED, reason.value)
        else:
            batch.fate.fail(Outcome.SPOOLED, "")
        if kept:
            # Whatever its other parts met, the segment stays: the next process sends it all again.
            batch.fate.segments = ()
        self._end(batch)

    def _end(self, batch: Batch) -> None:
        """Let go of a batch whose records have been counted."""
        fate = batch.fate
        self._come_back(batch, batch.count)
        self._counters.pending -= batch.count
        self.memory -= batch.held
        if fate.is_on_disk:
            self.disk -= batch.size
        fate.open_parts -= 1
        if not fate.open_parts:
            if self._spool is not None:
                for path in fate.segments:
                    self._spool.remove(path)
            fate.receipt.settle(fate.outcome, fate.reason)


class BatchQueue:
    """Thread-safe. One consumer takes batches and says what became of each; anybody appends.

    What it says of a batch that `close` has given up meanwhile counts no more.

    Args:
        bounds: When a batch is full, and when memory or disk is.
        counters: The counts; their lock guards everything here.
        spool: Where records are kept beside memory; None for memory only.
        on_open: Called when a batch has been opened. Not under the lock: it may start a thread,
            and where threads are greenlets, one then runs that shares what its starter holds.
        clock: Monotonic seconds.

    Attributes:
        pace: When the next request may go; others only read it.
    """

    def __init__(
        self,
        bounds: QueueLimits,
        counters: Counters,
        *,
        spool: Spool | None = None,
        on_open: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds = bounds
        self._counters = counters
        self._spool = spool
        self._on_open = on_open
        self._clock = clock
        self._open: Batch | None = None
        self._is_ending = self._is_closed = self._has_left = self._is_idle = False
        self.after_fork()

    def after_fork(self) -> None:
        """Begin empty: what the parent of this forked process holds, the parent sends."""
        self._changed = threading.Condition(self._counters.lock)
        if self._open is not None:
            self._open.close()
        self._open = None
        self._waiting: deque[Batch] = deque()
        self._sending: Batch | None = None
        self._ledger = BatchAccounting(self._counters, self._spool)
        self.pace = SendSchedule()

    def append(self, resource: bytes, scope: bytes, record: bytes) -> Receipt:
        """Take an encoded record; return the receipt of its batch, or of its loss."""
        size = len(resource) + len(scope) + len(record)
        if size > MAX_REQUEST_BYTES:
            self._counters.drop(DropReason.TOO_LARGE)
            return dropped(DropReason.TOO_LARGE)
        counters, bounds = self._counters, self._bounds
        with counters.lock:  # that of the condition, less the condition's own methods around it
            counters.accepted += 1
            if self._is_closed:
                counters.dropped[DropReason.DESTROYED] += 1
                return dropped(DropReason.DESTROYED)
            if self._ledger.memory + size > bounds.max_pending_bytes:
                counters.dropped[DropReason.QUEUE_FULL] += 1
                return dropped(DropReason.QUEUE_FULL)
            batch = known = self._open
            if batch is not None and batch.size + size > bounds.max_batch_bytes:
                self._close_open()
                batch = None
            if batch is None:
                batch = self._open_batch()
            self._ledger.memory += batch.append(resource, scope, record)
            counters.pending += 1
            if batch.count >= bounds.max_batch_events:
                self._close_open()
        if batch is not known:
            self._on_open()
        return batch.fate.receipt

    def _open_batch(self) -> Batch:
        writer = None if self._spool is None else self._spool.open_segment()
        batch = self._open = Batch(self._clock(), writer=writer)
        if self._is_idle:
            self._changed.notify_all()
        return batch

    def _close_open(self) -> None:
        batch, self._open = self._open, None
        if batch is None:
            return
        batch.close()
        self._ledger.close(batch)
        # The next one to be sent stays in memory: it would only be read back at once.
        if self._waiting or self.pace.not_before:
            self._ledger.put_away(batch)
        self._make_room()
        self._waiting.append(batch)
        if len(self._waiting) > 1:
            self._changed.notify_all()

    def _make_room(self) -> None:
        """Give up the oldest batches on disk, until the rest is within its bounds."""
        while self._ledger.disk > self._bounds.spool_max_bytes:
            oldest = next((batch for batch in self._waiting if batch.fate.is_on_disk), None)
            if oldest is None:
                return
            self._waiting.remove(oldest)
            self._ledger.drop(oldest, DropReason.SPOOL_FULL)

    def take(self, *, tidy_at: float, has_backlog: bool = False) -> Batch | WorkerTask:
        """Wait for the next batch that is due, not woken as one fills up, and return it.

        Args:
            tidy_at: When to return `Turn.TIDY` if no batch is due, in seconds of the clock.
            has_backlog: Whether to return it also as soon as a request may go.
        """
        nap = FIRST_LOOK
        with self._changed:
            while not self._is_closed:
                wait = self._until_due()
                if wait is not None and wait <= 0:
                    if not self._waiting:
                        self._close_open()
                    self._sending = self._waiting.popleft()
                    self._ledger.hand_over(self._sending, self._clock())
                    return self._sending
                # What dead processes left waits with the rest while the backend is not to be asked.
                tidy = min(tidy_at, self.pace.not_before) if has_backlog else tidy_at
                until = threading.TIMEOUT_MAX if self._is_ending else tidy - self._clock()
                if until <= 0:
                    return WorkerTask.TIDY
                self._is_idle = wait is None
                until = until if wait is None else min(wait, until, nap)
                nap *= 2
                self._changed.wait(min(until, threading.TIMEOUT_MAX))
            return WorkerTask.END

    def _until_due(self) -> float | None:
        """Return the seconds until a batch is due; None if there is none."""
        due = self.pace.not_before
        if not self._waiting:
            if self._open is None:
                return None
            due = max(due, self._open.opened + self._bounds.flush_interval)
        return due - self._clock()

    def adopt(self, batch: Batch) -> bool:
        """Take *batch*, which dead processes left, as the one to send; False if it is too late."""
        with self._changed:
            if self._is_ending or self._is_closed:
                return False
            self._ledger.adopt(batch)
            self._ledger.hand_over(batch, self._clock())
            self._sending = batch
            return True

    def restore(self, batch: Batch, records: Iterable[EncodedRecord], reason: DropReason) -> bool:
        """Put *records*, read from disk, back into *batch*; those missing are lost for *reason*.

        Returns:
            True if there is something to send.
        """
        with self._changed:
            if batch is not self._sending:
                return False
            self._ledger.restore(batch, records, reason)
            if not batch.count:
                self._end_sending()
            return batch.count > 0

    def lost(self, count: int, reason: DropReason) -> None:
        """Count records of dead processes that cannot be sent."""
        with self._changed:
            self._ledger.lose(count, reason)

    def delivered(self, batch: Batch, rejected: int, reason: str) -> None:
        """Count *batch* as taken by the backend, but for *rejected* records."""
        with self._changed:
            if batch is self._sending:
                self.pace.resume()
                self._ledger.deliver(batch, rejected, reason)
                self._end_sending()

    def refused(self, batch: Batch, reason: str) -> None:
        """Count *batch* as refused for good."""
        with self._changed:
            if batch is self._sending:
                self._ledger.refuse(batch, reason)
                self._end_sending()

    def drop(self, batch: Batch, reason: DropReason) -> None:
        """Count *batch* as dropped for *reason*."""
        with self._changed:
            if batch is self._sending:
                self._ledger.drop(batch, reason)
                self._end_sending()

    def postpone(self, batch: Batch | None, pause: RetryDelay) -> None:
        """Put *batch*, if any, at the end of the line; send nothing for as long as *pause* says.

        At the end, so that one batch that the backend cannot take does not block the others for
        good.
        """
        with self._changed:
            if batch is self._sending:
                self.pace.slow(self._clock() + pause.seconds, pause)
                if batch is not None:
                    self._ledger.put_away(batch)
                    self._waiting.append(batch)
                self._end_sending()

    def split(self, batch: Batch) -> None:
        """Put the halves of *batch* at the head of the line."""
        with self._changed:
            if batch is self._sending:
                first, second = self._ledger.halve(batch)
                self._waiting.extendleft((second, first))
                self._end_sending()

    def _end_sending(self) -> None:
        self._sending = None
        self._changed.notify_all()

    def flush(self, timeout: float | None, *, respect_backoff: bool = True) -> bool:
        """Have everything sent now; wait for what becomes of it.

        Args:
            timeout: Seconds at most; None waits for as long as it takes.
            respect_backoff: Whether to wait on, once the backend has failed, for what is safe on
                disk, and for nothing while it has asked for a pause. An impatient flush is the
                last: what dead processes left is not begun any more.

        Returns:
            True if all that was pending at the call was delivered in time.
        """
        with self._changed:
            self._is_ending |= not respect_backoff
            self._close_open()
            fates = {batch.fate for batch in self._all()}
            # What is on disk need not be tried at the end of each of many processes.
            self.pace.hurry(
                is_hurried=respect_backoff or not all(fate.is_on_disk for fate in fates)
            )
            self._changed.notify_all()
            retries = self.pace.retries
            if not respect_backoff and self._sending is None:
                timeout = self.pace.worth_waiting(timeout, self._clock())

            def is_over() -> bool:
                left = [fate for fate in fates if fate.open_parts]
                if not respect_backoff and self.pace.retries > retries:
                    return all(fate.is_on_disk for fate in left)
                return not left

            self._changed.wait_for(is_over, timeout)
            return all(not fate.open_parts and fate.failed is None for fate in fates)

    def close(self, reason: DropReason, *, keep: bool = True) -> bool:
        """Take no more; leave what is left on disk, or give it up, counted under *reason*.

        Args:
            reason: Why.
            keep: Whether what is on disk may stay there; else it is given up as well.

        Returns:
            True if nothing was left.
        """
        with self._changed:
            self._is_closed = True
            self._close_open()
            left = list(self._all())
            self._has_left |= bool(left)
            self._waiting.clear()
            settle = self._ledger.leave if keep else self._ledger.drop
            for batch in left:
                settle(batch, reason)
            self._end_sending()
            return not self._has_left

    def _all(self) -> Iterable[Batch]:
        return filter(None, (self._sending, *self._waiting))
