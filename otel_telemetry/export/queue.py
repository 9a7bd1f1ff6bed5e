"""The queue of batches between `send` and the worker: limits, schedule, accounting, queue."""

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

FIRST_POLL = 0.01
"""Seconds before the worker first polls for a full batch; each poll doubles them.

A worker that was woken in a burst of events would compete with the burst for the interpreter lock,
which costs both more than the work.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """The sizes at which a batch, the memory or the disk is full.

    Attributes:
        flush_interval: Seconds that a batch stays open, at most.
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
    """What the worker does when no batch is due.

    Attributes:
        MAINTAIN: Scan the spool, or send segments of dead processes.
        STOP: End: the queue is closed.
    """

    MAINTAIN = "maintain"
    STOP = "stop"


class SendSchedule:
    """When the next request may be sent. Guarded by the queue's lock.

    Attributes:
        not_before: In seconds of the monotonic clock; 0 for now.
        ignore_backoff: Whether a flush overrides the backoff of other processes.
        retries: How often a request was delayed.
    """

    __slots__ = ("_requested_by_server", "ignore_backoff", "not_before", "retries")

    def __init__(self) -> None:
        self.not_before = 0.0
        self.ignore_backoff = False
        self.retries = 0
        self._requested_by_server = False

    def delay(self, until: float, pause: RetryDelay) -> None:
        """Delay the next request until the time *until*, because of *pause*."""
        self.retries += 1
        if pause.from_shared_state and not pause.requested_by_server and self.ignore_backoff:
            return  # a flush came while the shared state was read
        self.not_before = until
        self._requested_by_server = pause.requested_by_server
        self.ignore_backoff = False

    def reset(self) -> None:
        """Allow the next request now: the backend responded."""
        self.not_before = 0.0
        self._requested_by_server = self.ignore_backoff = False

    def effective_timeout(self, timeout: float | None, now: float) -> float | None:
        """Return *timeout* in seconds; 0 if no request may be sent before it ends."""
        return 0.0 if timeout is not None and self.not_before - now >= timeout else timeout

    def send_now(self, *, ignore_backoff: bool) -> None:
        """Allow the next request now, unless the backend asked for a delay."""
        self.ignore_backoff = ignore_backoff
        if not self._requested_by_server:
            self.not_before = 0.0


class BatchAccounting:
    """Counts the events of batches as they change state. Guarded by the queue's lock.

    Args:
        counters: The counts.
        spool: Deletes the segments of settled batches.

    Attributes:
        memory_size: Bytes of the batches in memory.
        disk_size: Bytes of the batches on disk.
    """

    __slots__ = ("_counters", "_spool", "disk_size", "memory_size")

    def __init__(self, counters: Counters, spool: Spool | None) -> None:
        self._counters = counters
        self._spool = spool
        self.memory_size = 0
        self.disk_size = 0

    def add_closed(self, batch: Batch) -> None:
        """Count the disk size of *batch*, which is closed now."""
        if batch.result.is_on_disk:
            self.disk_size += batch.size

    def spill(self, batch: Batch) -> None:
        """Free the memory of *batch* while it waits."""
        self.memory_size -= batch.spill()

    def start_request(self, batch: Batch, now: float) -> None:
        """Count *batch* as in flight, at its first request."""
        if batch.first_sent_at is None:
            batch.first_sent_at = now
            self._counters.in_flight += batch.count

    def _end_request(self, batch: Batch, count: int) -> None:
        """Count *count* records of *batch* as no longer in flight."""
        if batch.first_sent_at is not None:
            self._counters.in_flight -= count

    def add_recovered(self, batch: Batch) -> None:
        """Count *batch*, recovered from dead processes, as accepted."""
        self._counters.accepted += batch.count
        self._counters.recovered += batch.count
        self._counters.pending += batch.count
        self.memory_size += batch.memory_size
        self.disk_size += batch.size

    def count_lost(self, count: int, reason: DropReason) -> None:
        """Count records of dead processes as dropped for *reason*."""
        self._counters.accepted += count
        self._counters.recovered += count
        self._counters.dropped[reason] += count

    def restore(self, batch: Batch, records: Iterable[EncodedRecord], reason: DropReason) -> None:
        """Load *records* into *batch*; missing ones are dropped, and an empty batch is settled."""
        count, size = batch.count, batch.size
        batch.load(records)
        self.memory_size += batch.memory_size
        self.disk_size += batch.size - size
        lost = count - batch.count
        if lost:
            self._end_request(batch, lost)
            self._counters.pending -= lost
            self._counters.dropped[reason] += lost
            batch.result.fail(Outcome.DROPPED, reason.value)
        if not batch.count:
            self._settle(batch)

    def split(self, batch: Batch) -> tuple[Batch, Batch]:
        """Return the halves of *batch*; together they are a little larger."""
        self._end_request(batch, batch.count)
        first, second = batch.split()
        self.memory_size += first.memory_size + second.memory_size - batch.memory_size
        if batch.result.is_on_disk:
            self.disk_size += first.size + second.size - batch.size
        return first, second

    def deliver(self, batch: Batch, rejected: int, reason: str) -> None:
        """Count *batch* as delivered, except for *rejected* records."""
        rejected = min(max(rejected, 0), batch.count)
        self._counters.delivered += batch.count - rejected
        self._counters.rejected += rejected
        batch.result.delivered_count += batch.count - rejected
        if rejected:
            batch.result.fail(Outcome.PARTIAL, reason or "rejected by the backend")
        self._settle(batch)

    def refuse(self, batch: Batch, reason: str) -> None:
        """Count *batch* as refused for good."""
        self._counters.refused += batch.count
        batch.result.fail(Outcome.REFUSED, reason)
        self._settle(batch)

    def drop(self, batch: Batch, reason: DropReason) -> None:
        """Count *batch* as dropped."""
        self._counters.dropped[reason] += batch.count
        batch.result.fail(Outcome.DROPPED, reason.value)
        self._settle(batch)

    def leave_on_disk(self, batch: Batch, reason: DropReason) -> None:
        """Count *batch* as spooled; records that are not on disk are dropped for *reason*."""
        spooled_count = batch.count if batch.result.is_on_disk else batch.result.spooled_count
        self._counters.spooled += spooled_count
        if spooled_count < batch.count:
            self._counters.dropped[reason] += batch.count - spooled_count
            batch.result.fail(Outcome.DROPPED, reason.value)
        else:
            batch.result.fail(Outcome.SPOOLED, "")
        if spooled_count:
            # The segment stays, also where other parts are settled: the next process sends it all.
            batch.result.segments = ()
        self._settle(batch)

    def _settle(self, batch: Batch) -> None:
        """Settle *batch*, whose records have been counted."""
        result = batch.result
        self._end_request(batch, batch.count)
        self._counters.pending -= batch.count
        self.memory_size -= batch.memory_size
        if result.is_on_disk:
            self.disk_size -= batch.size
        result.open_parts -= 1
        if not result.open_parts:
            if self._spool is not None:
                for path in result.segments:
                    self._spool.remove(path)
            result.receipt.settle(result.outcome, result.reason)


class BatchQueue:
    """A queue of batches. Thread-safe: any thread appends, one worker dequeues and settles.

    A result of the worker for a batch that `close` has settled meanwhile is ignored.

    Args:
        limits: The sizes at which a batch, the memory or the disk is full.
        counters: The counts; their lock guards the queue too.
        spool: Where records are written as well; None for memory only.
        on_open: Called when a batch was opened, without the lock: it may start a thread, and a
            greenlet in place of a thread shares the locks of its starter.
        clock: Monotonic seconds.

    Attributes:
        schedule: When the next request may be sent; read-only for callers.
    """

    def __init__(
        self,
        limits: QueueLimits,
        counters: Counters,
        *,
        spool: Spool | None = None,
        on_open: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._counters = counters
        self._spool = spool
        self._on_open = on_open
        self._clock = clock
        self._open: Batch | None = None
        self._is_ending = self._is_closed = self._has_leftovers = self._is_idle = False
        self.after_fork()

    def after_fork(self) -> None:
        """Start empty: the parent process sends the batches that it holds."""
        self._changed = threading.Condition(self._counters.lock)
        if self._open is not None:
            self._open.close()
        self._open = None
        self._waiting: deque[Batch] = deque()
        self._sending: Batch | None = None
        self._accounting = BatchAccounting(self._counters, self._spool)
        self.schedule = SendSchedule()

    def append(self, resource: bytes, scope: bytes, record: bytes) -> Receipt:
        """Append an encoded record; return the receipt of its batch, or of its drop.

        `ExportWorker` takes the batch by `dequeue`.
        """
        size = len(resource) + len(scope) + len(record)
        if size > MAX_REQUEST_BYTES:
            self._counters.drop(DropReason.TOO_LARGE)
            return dropped(DropReason.TOO_LARGE)
        counters, limits = self._counters, self._limits
        with counters.lock:  # the lock of the condition, without the cost of its methods
            counters.accepted += 1
            if self._is_closed:
                counters.dropped[DropReason.DESTROYED] += 1
                return dropped(DropReason.DESTROYED)
            if self._accounting.memory_size + size > limits.max_pending_bytes:
                counters.dropped[DropReason.QUEUE_FULL] += 1
                return dropped(DropReason.QUEUE_FULL)
            batch = known = self._open
            if batch is not None and batch.size + size > limits.max_batch_bytes:
                self._close_open_batch()
                batch = None
            if batch is None:
                batch = self._open_batch()
            self._accounting.memory_size += batch.append(resource, scope, record)
            counters.pending += 1
            if batch.count >= limits.max_batch_events:
                self._close_open_batch()
        if batch is not known:
            self._on_open()
        return batch.result.receipt

    def _open_batch(self) -> Batch:
        writer = None if self._spool is None else self._spool.open_segment()
        batch = self._open = Batch(self._clock(), writer=writer)
        if self._is_idle:
            self._changed.notify_all()
        return batch

    def _close_open_batch(self) -> None:
        batch, self._open = self._open, None
        if batch is None:
            return
        batch.close()
        self._accounting.add_closed(batch)
        # The next batch to be sent stays in memory: it would be read back at once.
        if self._waiting or self.schedule.not_before:
            self._accounting.spill(batch)
        self._make_room()
        self._waiting.append(batch)
        if len(self._waiting) > 1:
            self._changed.notify_all()

    def _make_room(self) -> None:
        """Drop the oldest batches on disk until the disk size is within its limit."""
        while self._accounting.disk_size > self._limits.spool_max_bytes:
            oldest = next((batch for batch in self._waiting if batch.result.is_on_disk), None)
            if oldest is None:
                return
            self._waiting.remove(oldest)
            self._accounting.drop(oldest, DropReason.SPOOL_FULL)

    def dequeue(self, *, maintain_at: float, has_backlog: bool = False) -> Batch | WorkerTask:
        """Wait for the next batch that is due, and return it.

        The worker polls for full batches: a batch that fills up does not wake it.

        Args:
            maintain_at: When to return `WorkerTask.MAINTAIN` if no batch is due, in seconds of the
                clock.
            has_backlog: Whether segments of dead processes wait. Then that task is also returned
                as soon as a request may be sent.
        """
        poll = FIRST_POLL
        with self._changed:
            while not self._is_closed:
                wait = self._seconds_until_due()
                if wait is not None and wait <= 0:
                    if not self._waiting:
                        self._close_open_batch()
                    self._sending = self._waiting.popleft()
                    self._accounting.start_request(self._sending, self._clock())
                    return self._sending
                # Segments of dead processes obey the schedule too.
                maintain_by = (
                    min(maintain_at, self.schedule.not_before) if has_backlog else maintain_at
                )
                until = threading.TIMEOUT_MAX if self._is_ending else maintain_by - self._clock()
                if until <= 0:
                    return WorkerTask.MAINTAIN
                self._is_idle = wait is None
                until = until if wait is None else min(wait, until, poll)
                poll *= 2
                self._changed.wait(min(until, threading.TIMEOUT_MAX))
            return WorkerTask.STOP

    def _seconds_until_due(self) -> float | None:
        """Return the seconds until a batch is due; None if no batch waits."""
        due = self.schedule.not_before
        if not self._waiting:
            if self._open is None:
                return None
            due = max(due, self._open.opened_at + self._limits.flush_interval)
        return due - self._clock()

    def claim(self, batch: Batch) -> bool:
        """Make *batch*, recovered from dead processes, the one to send; False while ending."""
        with self._changed:
            if self._is_ending or self._is_closed:
                return False
            self._accounting.add_recovered(batch)
            self._accounting.start_request(batch, self._clock())
            self._sending = batch
            return True

    def restore(self, batch: Batch, records: Iterable[EncodedRecord], reason: DropReason) -> bool:
        """Load *records*, read from disk, into *batch*; missing ones are dropped for *reason*.

        Returns:
            True if the batch has records to send.
        """
        with self._changed:
            if batch is not self._sending:
                return False
            self._accounting.restore(batch, records, reason)
            if not batch.count:
                self._end_sending()
            return batch.count > 0

    def count_lost(self, count: int, reason: DropReason) -> None:
        """Count records of dead processes as dropped for *reason*."""
        with self._changed:
            self._accounting.count_lost(count, reason)

    def mark_delivered(self, batch: Batch, rejected: int, reason: str) -> None:
        """Count *batch* as delivered, except for *rejected* records."""
        with self._changed:
            if batch is self._sending:
                self.schedule.reset()
                self._accounting.deliver(batch, rejected, reason)
                self._end_sending()

    def mark_refused(self, batch: Batch, reason: str) -> None:
        """Count *batch* as refused for good."""
        with self._changed:
            if batch is self._sending:
                self._accounting.refuse(batch, reason)
                self._end_sending()

    def drop(self, batch: Batch, reason: DropReason) -> None:
        """Count *batch* as dropped for *reason*."""
        with self._changed:
            if batch is self._sending:
                self._accounting.drop(batch, reason)
                self._end_sending()

    def requeue(self, batch: Batch | None, pause: RetryDelay) -> None:
        """Put *batch*, if any, at the end of the queue; send nothing for as long as *pause* says.

        At the end, so that a batch that fails again and again does not block the others.
        """
        with self._changed:
            if batch is self._sending:
                self.schedule.delay(self._clock() + pause.seconds, pause)
                if batch is not None:
                    self._accounting.spill(batch)
                    self._waiting.append(batch)
                self._end_sending()

    def split(self, batch: Batch) -> None:
        """Put the halves of *batch* at the head of the queue."""
        with self._changed:
            if batch is self._sending:
                first, second = self._accounting.split(batch)
                self._waiting.extendleft((second, first))
                self._end_sending()

    def _end_sending(self) -> None:
        self._sending = None
        self._changed.notify_all()

    def flush(self, timeout: float | None, *, is_last: bool = False) -> bool:
        """Send everything now, and wait for the outcome.

        Args:
            timeout: Seconds at most; None for no limit.
            is_last: Whether the process ends after it. Then the flush does not wait for batches on
                disk once a request failed, nor while the backend asks for a delay, and no segment
                of a dead process is begun.

        Returns:
            True if all that was pending at the call was delivered in time.
        """
        with self._changed:
            self._is_ending |= is_last
            self._close_open_batch()
            fates = {batch.result for batch in self._batches()}
            # Batches on disk need no try at the end of each of many processes.
            self.schedule.send_now(
                ignore_backoff=not is_last or not all(result.is_on_disk for result in fates)
            )
            self._changed.notify_all()
            retries = self.schedule.retries
            if is_last and self._sending is None:
                timeout = self.schedule.effective_timeout(timeout, self._clock())

            def is_over() -> bool:
                left = [result for result in fates if result.open_parts]
                if is_last and self.schedule.retries > retries:
                    return all(result.is_on_disk for result in left)
                return not left

            self._changed.wait_for(is_over, timeout)
            return all(not result.open_parts and result.failed is None for result in fates)

    def close(self, reason: DropReason, *, keep: bool = True) -> bool:
        """Accept no more events; leave pending batches on disk, or drop them for *reason*.

        Args:
            reason: Why batches that do not stay on disk are dropped.
            keep: Whether batches on disk stay there; else they are dropped as well.

        Returns:
            True if no batch was pending.
        """
        with self._changed:
            self._is_closed = True
            self._close_open_batch()
            left = list(self._batches())
            self._has_leftovers |= bool(left)
            self._waiting.clear()
            settle = self._accounting.leave_on_disk if keep else self._accounting.drop
            for batch in left:
                settle(batch, reason)
            self._end_sending()
            return not self._has_leftovers

    def _batches(self) -> Iterable[Batch]:
        return filter(None, (self._sending, *self._waiting))
