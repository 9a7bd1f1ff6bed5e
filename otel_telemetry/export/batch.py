"""A batch: the records of one request, from the first one on."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterable, Sequence

from otel_telemetry.otlp.requests import EncodedRecord
from otel_telemetry.receipt import Outcome, Receipt
from otel_telemetry.spool.segment import SegmentWriter

_COMPRESSION_LEVEL = 1  # the fastest: the queue is locked meanwhile, and records repeat much


class BatchResult:
    """The outcome of one batch, over all requests that it takes.

    A batch that is too large is sent in halves, each with an outcome of its own. The last part
    settles the shared receipt and deletes the segments. Guarded by the queue's lock.

    Attributes:
        segments: The files that hold the records, if any do.
        is_on_disk: Whether the segments hold every record.
        spooled_count: How many records they hold, if not all; of a batch in one part.
    """

    __slots__ = (
        "delivered_count",
        "failed",
        "is_on_disk",
        "open_parts",
        "reason",
        "receipt",
        "segments",
        "spooled_count",
    )

    def __init__(self, segments: tuple[str, ...] = (), *, is_on_disk: bool = False) -> None:
        self.receipt = Receipt()
        self.segments = segments
        self.is_on_disk = is_on_disk
        self.spooled_count = 0
        self.open_parts = 1
        self.delivered_count = 0
        self.failed: Outcome | None = None
        self.reason = ""

    def fail(self, outcome: Outcome, reason: str) -> None:
        """Record that some records were not delivered; the latest reason wins."""
        self.failed, self.reason = outcome, reason

    @property
    def outcome(self) -> Outcome:
        """The outcome once no part is open."""
        if self.failed is None:
            return Outcome.DELIVERED
        return Outcome.PARTIAL if self.delivered_count else self.failed


class Batch:
    """Encoded records, each with its resource and scope. Guarded by the queue's lock.

    Each resource is kept once. While a batch waits behind others, its records are spilled: freed if
    they are on disk, else compressed to about a tenth.

    Args:
        opened_at: When the first record came, in seconds of the monotonic clock.
        result: The outcome of the batch that this one is a part of; None for a whole batch.
        writer: The open segment to which the records are written as well.

    Attributes:
        first_sent_at: When its first request was sent, on the same clock; None before.
        count: Records in it.
        size: Bytes of a request with them, at most.
        memory_size: Bytes that it uses of `max_pending_bytes`.
        is_in_memory: Whether the records are in memory, and not on disk alone.
    """

    __slots__ = (
        "_compressed",
        "_is_part",
        "_records",
        "_resources",
        "_writer",
        "count",
        "first_sent_at",
        "is_in_memory",
        "memory_size",
        "opened_at",
        "result",
        "size",
    )

    def __init__(
        self,
        opened_at: float,
        result: BatchResult | None = None,
        writer: SegmentWriter | None = None,
    ) -> None:
        self.opened_at = opened_at
        self.result = result or BatchResult((writer.path,) if writer else ())
        self.first_sent_at: float | None = None
        self.count = self.size = 0
        self._is_part = result is not None
        self._writer = writer
        self._clear()
        self.is_in_memory = True

    def _clear(self) -> None:
        self.is_in_memory = False
        self.memory_size = 0
        self._compressed: bytes | None = None
        self._records: list[EncodedRecord] = []
        self._resources: dict[bytes, bytes] = {}

    def append(self, resource: bytes, scope: bytes, record: bytes) -> int:
        """Add a record; return the bytes by which the batch grew."""
        # The scope is counted with every record: an upper bound, since each resource repeats it.
        grown = len(scope) + len(record)
        known = self._resources.get(resource)
        if known is None:
            known = self._resources[resource] = resource
            grown += len(resource)
        self._records.append((known, scope, record))
        self.count += 1
        self.size += grown
        self.memory_size += grown
        if self._writer is not None:
            self._writer.append(resource, scope, record)
        return grown

    def close(self) -> None:
        """Accept no more records, and close the segment."""
        if self._writer is not None:
            self._writer.close()
            self.result.is_on_disk, self.result.spooled_count = (
                self._writer.is_complete,
                self._writer.record_count,
            )
            self._writer = None

    def spill(self) -> int:
        """Free memory: drop records that are on disk, compress the others.

        Returns:
            The bytes that were freed.
        """
        before = self.memory_size
        if self.is_in_memory and self.result.is_on_disk and not self._is_part:
            self._clear()
        elif self.is_in_memory and self._compressed is None:
            packed = zlib.compress(marshal.dumps(self._records), _COMPRESSION_LEVEL)
            if len(packed) < self.memory_size:
                self._clear()
                self.is_in_memory = True
                self._compressed, self.memory_size = packed, len(packed)
        return before - self.memory_size

    def load(self, records: Iterable[EncodedRecord]) -> None:
        """Load *records*, read from disk; some may be missing."""
        self.count = self.size = 0
        self._clear()
        self.is_in_memory = True
        for record in records:
            self.append(*record)

    def records(self) -> Sequence[EncodedRecord]:
        """Return the records in their order."""
        if self._compressed is None:
            return self._records
        records: list[EncodedRecord] = marshal.loads(zlib.decompress(self._compressed))  # noqa: S302 - ours
        return records

    def split(self) -> tuple[Batch, Batch]:
        """Return two batches with half of the records each, which share the result."""
        first, second = Batch(self.opened_at, self.result), Batch(self.opened_at, self.result)
        middle = self.count // 2
        for index, record in enumerate(self.records()):
            (first if index < middle else second).append(*record)
        self.result.open_parts += 1
        self.result.spooled_count = 0
        return first, second
