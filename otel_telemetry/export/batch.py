"""A batch: the records of one request, from the first one on."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterable, Sequence

from otel_telemetry.otlp.requests import EncodedRecord
from otel_telemetry.receipt import Outcome, Receipt
from otel_telemetry.spool.segment import SegmentWriter

_PACKING_LEVEL = 1  # the fastest: it runs while the outbox is locked, and repeats are many


class BatchResult:
    """What became of the records of one batch, however many requests it took.

    A batch that is too large is sent in halves, and each half may meet another end; the receipt
    that all its records share is settled with the last part, and their segments are deleted then.
    Guarded by the outbox's lock.

    Attributes:
        segments: The files that hold the records, if any do.
        is_on_disk: Whether they hold every one of them.
        kept: How many they hold, if not; of a batch in one part.
    """

    __slots__ = (
        "failed",
        "is_on_disk",
        "kept",
        "open_parts",
        "reason",
        "receipt",
        "segments",
        "taken",
    )

    def __init__(self, segments: tuple[str, ...] = (), *, is_on_disk: bool = False) -> None:
        self.receipt = Receipt()
        self.segments = segments
        self.is_on_disk = is_on_disk
        self.kept = 0
        self.open_parts = 1
        self.taken = 0
        self.failed: Outcome | None = None
        self.reason = ""

    def fail(self, outcome: Outcome, reason: str) -> None:
        """Note that some records were not taken; the latest word is kept."""
        self.failed, self.reason = outcome, reason

    @property
    def outcome(self) -> Outcome:
        """The outcome once no part is open."""
        if self.failed is None:
            return Outcome.DELIVERED
        return Outcome.PARTIAL if self.taken else self.failed


class Batch:
    """Encoded records, each with its resource and scope. Guarded by the outbox's lock.

    Each resource is kept once. While a batch waits behind others, its records cost nothing but a
    place in the line if they are on disk, and a tenth of their bytes if they are not, for they are
    compressed.

    Args:
        opened: When the first record came, in seconds of the monotonic clock.
        fate: That of the batch of which this one is a part.
        writer: The open segment that its records go to as well.

    Attributes:
        asked_at: When the first request with it was made, on the same clock; None before.
        count: Records in it.
        size: Bytes of a request with them, at most.
        held: Bytes that it takes of the memory for pending events.
        in_memory: Whether the records are here, and not on disk alone.
    """

    __slots__ = (
        "_is_part",
        "_packed",
        "_records",
        "_resources",
        "_writer",
        "asked_at",
        "count",
        "fate",
        "held",
        "in_memory",
        "opened",
        "size",
    )

    def __init__(
        self, opened: float, fate: BatchResult | None = None, writer: SegmentWriter | None = None
    ) -> None:
        self.opened = opened
        self.fate = fate or BatchResult((writer.path,) if writer else ())
        self.asked_at: float | None = None
        self.count = self.size = 0
        self._is_part = fate is not None
        self._writer = writer
        self._clear()
        self.in_memory = True

    def _clear(self) -> None:
        self.in_memory = False
        self.held = 0
        self._packed: bytes | None = None
        self._records: list[EncodedRecord] = []
        self._resources: dict[bytes, bytes] = {}

    def append(self, resource: bytes, scope: bytes, record: bytes) -> int:
        """Add a record; return the bytes by which the batch grew."""
        # The scope is counted each time, for it stands under each resource; at most that often.
        grown = len(scope) + len(record)
        known = self._resources.get(resource)
        if known is None:
            known = self._resources[resource] = resource
            grown += len(resource)
        self._records.append((known, scope, record))
        self.count += 1
        self.size += grown
        self.held += grown
        if self._writer is not None:
            self._writer.append(resource, scope, record)
        return grown

    def close(self) -> None:
        """Take no more records; from here on, they need not be in memory if they are on disk."""
        if self._writer is not None:
            self._writer.close()
            self.fate.is_on_disk, self.fate.kept = self._writer.is_whole, self._writer.kept
            self._writer = None

    def leave_memory(self) -> int:
        """Make room while waiting: forget what is on disk, compress what is not.

        Returns:
            The bytes set free.
        """
        before = self.held
        if self.in_memory and self.fate.is_on_disk and not self._is_part:
            self._clear()
        elif self.in_memory and self._packed is None:
            packed = zlib.compress(marshal.dumps(self._records), _PACKING_LEVEL)
            if len(packed) < self.held:
                self._clear()
                self.in_memory = True
                self._packed, self.held = packed, len(packed)
        return before - self.held

    def enter_memory(self, records: Iterable[EncodedRecord]) -> None:
        """Take back *records*, which were read from disk; there may be fewer by now."""
        self.count = self.size = 0
        self._clear()
        self.in_memory = True
        for record in records:
            self.append(*record)

    def records(self) -> Sequence[EncodedRecord]:
        """Return the records in their order."""
        if self._packed is None:
            return self._records
        records: list[EncodedRecord] = marshal.loads(zlib.decompress(self._packed))  # noqa: S302 - ours
        return records

    def halves(self) -> tuple[Batch, Batch]:
        """Return two batches with half of the records each, parts of the same fate."""
        first, second = Batch(self.opened, self.fate), Batch(self.opened, self.fate)
        middle = self.count // 2
        for index, record in enumerate(self.records()):
            (first if index < middle else second).append(*record)
        self.fate.open_parts += 1
        self.fate.kept = 0
        return first, second
