"""Segments → batches again: our own that left memory, and those that dead processes left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.export.batch import Batch, BatchResult
from otel_telemetry.export.queue import QueueLimits
from otel_telemetry.otlp.requests import EncodedRecord
from otel_telemetry.spool.segment import Content
from otel_telemetry.spool.spool import Orphan, Spool
from otel_telemetry.stats import DropReason


class Recovery:
    """What dead processes left, oldest first, merged into full requests. Used by the courier alone.

    Args:
        spool: Where segments lie.
        bounds: How large a request may be, and all segments together.
        on_lost: Told how many records cannot be sent, and why.
        since: Seconds since the epoch; what was recorded before does not leave.
    """

    def __init__(
        self,
        spool: Spool,
        bounds: QueueLimits,
        on_lost: Callable[[int, DropReason], None],
        *,
        since: float = 0.0,
    ) -> None:
        self._spool = spool
        self._bounds = bounds
        self._on_lost = on_lost
        self._since = since
        self.after_fork()

    def after_fork(self) -> None:
        """Begin with nothing claimed: what the parent of this forked process claimed is its own."""
        self._orphans: list[Orphan] = []
        self._backlog: deque[str] = deque()
        self._unread: list[str] = []
        # Segments that only others can read, and the dead processes that left nothing else: their
        # locks are free for those others.
        self._foreign: set[str] = set()
        self._passed_over: set[str] = set()

    @property
    def has_backlog(self) -> bool:
        """Whether there is more to send."""
        return bool(self._backlog)

    def scan(self) -> bool:
        """Claim what dead processes left; let go of claims that are done with.

        Returns:
            True if there was something new, and so may be more.
        """
        for orphan in self._orphans[:]:
            left = [path for path in orphan.segments if self._spool.has(path)]
            if self._foreign.issuperset(left):
                self._spool.release(orphan.name)
                self._orphans.remove(orphan)
                if left:
                    self._passed_over.add(orphan.name)
        self._backlog.extend(self._unread)
        self._unread.clear()
        new = self._spool.claim_orphans(self._passed_over)
        for orphan in new:
            self._orphans.append(orphan)
            self._backlog.extend(orphan.segments)
        excess = self._spool.size() - self._bounds.spool_max_bytes if self._backlog else 0
        while excess > 0 and self._backlog:
            path = self._backlog.popleft()
            excess -= self._spool.size_of(path)
            self._give_up(path, DropReason.SPOOL_FULL)
        return bool(new)

    def next_batch(self, opened: float) -> Batch | None:
        """Return as many segments as fit into one request, as a batch; None if none is left.

        Args:
            opened: The time, in seconds of the monotonic clock.
        """
        batch = Batch(opened, BatchResult(is_on_disk=True))
        while self._backlog:
            path = self._backlog[0]
            reason = self._spool.rejection_reason(path, self._since)
            if reason is not None:
                self._give_up(self._backlog.popleft(), reason)
                continue
            try:
                content = self._spool.read(path)
            except OSError:
                self._unread.append(self._backlog.popleft())
                continue
            if content is not None and not self._fits(batch, content):
                break
            self._backlog.popleft()
            if content is None:
                self._foreign.add(path)  # or it is gone
                continue
            if content.corrupt:
                self._on_lost(content.corrupt, DropReason.SPOOL_LOST)
            if content.corrupt or content.is_torn:
                quiet_log.warning("a telemetry segment was damaged; what could be read is sent")
            if not content.records:
                self._spool.remove(path)
                continue
            for record in content.records:
                batch.append(*record)
            batch.fate.segments += (path,)
        return batch if batch.count else None

    def _fits(self, batch: Batch, content: Content) -> bool:
        if not batch.count:
            return True
        size = sum(len(scope) + len(record) for _, scope, record in content.records)
        size += sum(map(len, {resource for resource, _, _ in content.records}))
        return (
            batch.count + len(content.records) <= self._bounds.max_batch_events
            and batch.size + size <= self._bounds.max_batch_bytes
        )

    def reload(self, batch: Batch, now: float) -> tuple[tuple[EncodedRecord, ...], DropReason]:
        """Return the records of a batch that left memory, and why those missing are lost.

        Args:
            batch: The batch.
            now: The time, in seconds of the monotonic clock: to a batch of our own, it matters not
                that the wall clock was set.

        Raises:
            OSError: Its segments cannot be read now.
        """
        if now - batch.opened > self._spool.max_age:
            return (), DropReason.EXPIRED
        records: tuple[EncodedRecord, ...] = ()
        for path in batch.fate.segments:
            content = self._spool.read(path)
            records += content.records if content is not None else ()
        return records, DropReason.SPOOL_LOST

    def log_pending_error(self) -> None:
        """Log what went wrong with the spool."""
        self._spool.log_pending_error()

    def _give_up(self, path: str, reason: DropReason) -> None:
        self._spool.give_up(path, reason, self._on_lost)
