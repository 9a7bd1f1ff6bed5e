"""What batches amount to, in counts and in bytes, and what is settled when one comes to its end."""

from __future__ import annotations

from collections.abc import Iterable

from otel_telemetry.counters import Counters
from otel_telemetry.delivery.batch import Batch
from otel_telemetry.delivery.disk.spool import Spool
from otel_telemetry.otlp.requests import EncodedRecord
from otel_telemetry.receipt import Outcome


class Ledger:
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

    def lose(self, count: int, reason: str) -> None:
        """Count records of dead processes that cannot be sent."""
        self._counters.accepted += count
        self._counters.recovered += count
        self._counters.dropped[reason] += count

    def restore(self, batch: Batch, records: Iterable[EncodedRecord], reason: str) -> None:
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
            batch.fate.fail(Outcome.DROPPED, reason)
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

    def drop(self, batch: Batch, reason: str) -> None:
        """Count *batch* as dropped."""
        self._counters.dropped[reason] += batch.count
        batch.fate.fail(Outcome.DROPPED, reason)
        self._end(batch)

    def leave(self, batch: Batch, reason: str) -> None:
        """Count *batch* as left for the next process; what is not on disk is lost for *reason*."""
        kept = batch.count if batch.fate.is_on_disk else batch.fate.kept
        self._counters.spooled += kept
        if kept < batch.count:
            self._counters.dropped[reason] += batch.count - kept
            batch.fate.fail(Outcome.DROPPED, reason)
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
