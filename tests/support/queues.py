"""A queue with a controlled clock, whose counts are checked after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_telemetry.export.batch import Batch
from otel_telemetry.export.queue import BatchQueue, WorkerTask
from otel_telemetry.otlp.requests import export_request
from otel_telemetry.stats import Counters
from tests.support.scripted import (
    RESOURCE,
    SCOPE,
    Clock,
    assert_adds_up,
    names_in,
    queue_limits,
    record,
)

if TYPE_CHECKING:
    from otel_telemetry.receipt import Receipt
    from otel_telemetry.spool.spool import Spool
    from otel_telemetry.stats import Stats


class QueueHarness:
    """A queue with a clock of its own.

    Attributes:
        clock: Its clock.
        open_count: How often it opened a batch.
    """

    def __init__(self, spool: Spool | None = None, **limits: int) -> None:
        self.clock = Clock()
        self.open_count = 0
        self.counters = Counters()
        self.queue = BatchQueue(
            queue_limits(**limits), self.counters, spool=spool, on_open=self._note, clock=self.clock
        )
        # As after a failure that is over: what is closed leaves memory at once, if it is on disk.
        self.queue.schedule.not_before = -1.0

    def _note(self) -> None:
        self.open_count += 1

    @property
    def stats(self) -> Stats:
        """The counts."""
        return self.counters.snapshot()

    def check(self) -> None:
        """Hold the counts and the sums of bytes to what is there."""
        assert_adds_up(self.stats)
        queue, counters = self.queue, self.counters
        with counters.lock:
            batches = [*queue._batches(), *([queue._open] if queue._open else [])]
            on_disk = [batch for batch in batches if batch.result.is_on_disk]
            assert counters.pending == sum(batch.count for batch in batches)
            in_flight = [batch for batch in batches if batch.first_sent_at is not None]
            assert counters.in_flight == sum(batch.count for batch in in_flight)
            assert queue._accounting.memory_size == sum(batch.memory_size for batch in batches)
            assert queue._accounting.disk_size == sum(batch.size for batch in on_disk)

    def append(self, *names: str, padding: int = 0) -> Receipt:
        """Append records; return the receipt of the last."""
        for name in names:
            receipt = self.queue.append(RESOURCE, SCOPE, record(name, padding))
            self.check()
        return receipt

    def dequeue(self) -> Batch:
        """Take the next batch, where there has to be one that is due by now or soon."""
        turn = self.queue.dequeue(maintain_at=0.0)
        if turn is WorkerTask.MAINTAIN:
            self.clock.advance(1.0)
            turn = self.queue.dequeue(maintain_at=0.0)
        assert isinstance(turn, Batch)
        self.check()
        return turn

    def dequeue_names(self) -> list[str]:
        """Take the next batch; return the names in it."""
        return names_of(self.dequeue())

    def deliver_next(self) -> list[str]:
        """Take the next batch and have it delivered; return the names in it."""
        batch = self.dequeue()
        names = names_of(batch)
        self.queue.mark_delivered(batch, 0, "")
        self.check()
        return names


def names_of(batch: Batch) -> list[str]:
    """Return the event names of a batch in memory."""
    return names_in(export_request(batch.records()))
