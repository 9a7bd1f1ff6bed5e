"""Reads segments back into batches: spilled ones of this process, and those of dead processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.export.batch import Batch, BatchResult
from otel_telemetry.export.queue import QueueLimits
from otel_telemetry.otlp.requests import EncodedRecord
from otel_telemetry.spool.segment import SegmentContent
from otel_telemetry.spool.spool import ClaimedOwner, Spool
from otel_telemetry.stats import DropReason


class Recovery:
    """Merges segments of dead processes into full requests, oldest first. Used by the worker alone.

    Args:
        spool: Reads and deletes the segments.
        limits: How large a request may be, and all segments together.
        on_lost: Called with the number of records that are dropped, and the reason.
        since: Seconds since the epoch; events recorded before are dropped.
    """

    def __init__(
        self,
        spool: Spool,
        limits: QueueLimits,
        on_lost: Callable[[int, DropReason], None],
        *,
        since: float = 0.0,
    ) -> None:
        self._spool = spool
        self._limits = limits
        self._on_lost = on_lost
        self._since = since
        self.after_fork()

    def after_fork(self) -> None:
        """Start without claims: the parent process keeps its own."""
        self._claimed: list[ClaimedOwner] = []
        self._backlog: deque[str] = deque()
        self._unread: list[str] = []
        # Segments of other format versions, and the owners that left nothing else: their locks stay
        # free for programs that can read them.
        self._unreadable: set[str] = set()
        self._skipped_owners: set[str] = set()

    @property
    def has_backlog(self) -> bool:
        """Whether there is more to send."""
        return bool(self._backlog)

    def scan(self) -> bool:
        """Claim segments of dead processes, and release the claims that are settled.

        Returns:
            True if a claim was new, so that there may be more.
        """
        for owner in self._claimed[:]:
            left = [path for path in owner.segments if self._spool.exists(path)]
            if self._unreadable.issuperset(left):
                self._spool.release(owner.name)
                self._claimed.remove(owner)
                if left:
                    self._skipped_owners.add(owner.name)
        self._backlog.extend(self._unread)
        self._unread.clear()
        new = self._spool.claim_abandoned(self._skipped_owners)
        for owner in new:
            self._claimed.append(owner)
            self._backlog.extend(owner.segments)
        excess = self._spool.size() - self._limits.spool_max_bytes if self._backlog else 0
        while excess > 0 and self._backlog:
            path = self._backlog.popleft()
            excess -= self._spool.size_of(path)
            self._drop_segment(path, DropReason.SPOOL_FULL)
        return bool(new)

    def next_batch(self, opened_at: float) -> Batch | None:
        """Return as many segments as fit into one request, as a batch; None if none is left.

        Args:
            opened_at: The time, in seconds of the monotonic clock.
        """
        batch = Batch(opened_at, BatchResult(is_on_disk=True))
        while self._backlog:
            path = self._backlog[0]
            reason = self._spool.rejection_reason(path, self._since)
            if reason is not None:
                self._drop_segment(self._backlog.popleft(), reason)
                continue
            try:
                content = self._spool.read_segment(path)
            except OSError:
                self._unread.append(self._backlog.popleft())
                continue
            if content is not None and not self._fits(batch, content):
                break
            self._backlog.popleft()
            if content is None:
                self._unreadable.add(path)  # or it is gone
                continue
            if content.corrupt:
                self._on_lost(content.corrupt, DropReason.SPOOL_LOST)
            if content.corrupt or content.is_torn:
                quiet_log.warning(
                    "a telemetry segment is damaged: only its readable events are sent"
                )
            if not content.records:
                self._spool.remove(path)
                continue
            for record in content.records:
                batch.append(*record)
            batch.result.segments += (path,)
        return batch if batch.count else None

    def _fits(self, batch: Batch, content: SegmentContent) -> bool:
        if not batch.count:
            return True
        size = sum(len(scope) + len(record) for _, scope, record in content.records)
        size += sum(map(len, {resource for resource, _, _ in content.records}))
        return (
            batch.count + len(content.records) <= self._limits.max_batch_events
            and batch.size + size <= self._limits.max_batch_bytes
        )

    def reload(self, batch: Batch, now: float) -> tuple[tuple[EncodedRecord, ...], DropReason]:
        """Return the records of a spilled batch, and the reason for missing ones.

        Args:
            batch: The batch.
            now: The time, in seconds of the monotonic clock, which no setting of the clock moves.

        Raises:
            OSError: Its segments cannot be read now.
        """
        if now - batch.opened_at > self._spool.max_age:
            return (), DropReason.EXPIRED
        records: tuple[EncodedRecord, ...] = ()
        for path in batch.result.segments:
            content = self._spool.read_segment(path)
            records += content.records if content is not None else ()
        return records, DropReason.SPOOL_LOST

    def log_pending_error(self) -> None:
        """Log the latest error of the spool."""
        self._spool.log_pending_error()

    def _drop_segment(self, path: str, reason: DropReason) -> None:
        self._spool.drop_segment(path, reason, self._on_lost)
