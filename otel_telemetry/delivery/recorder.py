"""Records to the spool and leaves them there: the half of detached delivery within the host.

No thread, no connection; pure standard library.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque

from otel_telemetry.delivery import destination
from otel_telemetry.delivery.bounds import MAX_REQUEST_BYTES
from otel_telemetry.delivery.disk.spool import Spool
from otel_telemetry.receipt import Outcome, Receipt, dropped

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.config import TelemetryConfig
    from otel_telemetry.counters import Counters
    from otel_telemetry.delivery.disk.segment import SegmentWriter
    from otel_telemetry.otlp.requests import EncodedRecord

_LEAST_INTERVAL = 60.0  # seconds between two hand-overs of a process that lives on


class Recorder:
    """Takes encoded records. Thread-safe and fork-safe; nothing here raises.

    What is written is `SPOOLED` at once: nobody in this process will learn more of it.

    Args:
        config: Where to, and how much at most.
        counters: The counts to keep; their lock guards everything here.
        path: The directory of the destination; None if there is no place for one.
        launch: Sees to it that somebody delivers what is left behind.
        clock: Monotonic seconds.
        is_permitted: Asked before anything is left behind; once it says False, it is deleted.
        wait: Gives those within this process who deliver some seconds at its end.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        counters: Counters,
        path: str | None,
        launch: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        is_permitted: Callable[[], bool] = lambda: True,
        wait: Callable[[float], object] = lambda _seconds: None,
    ) -> None:
        self._config = config
        self._counters = counters
        self._path = path
        self._launch = launch
        self._is_permitted = is_permitted
        self._wait = wait
        self._clock = clock
        self._interval = max(config.detached_interval, _LEAST_INTERVAL)
        self._receipt = Receipt(Outcome.SPOOLED)
        self._writer: SegmentWriter | None = None
        self._spool: Spool | None = None
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:
        self._handed_over = self._clock()
        self._is_told = False
        self._count = self._size = self._disk = 0
        # What may still lie on disk: path, bytes and records of each segment.
        self._left: deque[tuple[str, int, int]] = deque()

    def new_process(self) -> None:
        """Begin empty in a forked child: what its parent has written is the parent's."""
        self._counters.new_process()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._spool is not None:
            self._spool.new_process()
        self._begin()

    def emit(self, record: EncodedRecord) -> Receipt:
        """Write *record*; return whether it is on disk."""
        size = sum(map(len, record))
        if size > MAX_REQUEST_BYTES:
            self._counters.drop("too_large")
            return dropped("too_large")
        with self._counters.lock:
            self._counters.accepted += 1
            reason = "destroyed" if self._is_closed else self._write(record, size)
            if reason:
                self._counters.dropped[reason] += 1
            else:
                self._counters.spooled += 1
            is_due = self._clock() - self._handed_over >= self._interval
        if reason:
            if self._spool is not None:
                self._spool.speak()
            return dropped(reason)
        if is_due:
            self._hand_over()
        return self._receipt

    def _write(self, record: EncodedRecord, size: int) -> str:
        """Write *record* of *size* bytes; return why not, or nothing."""
        config = self._config
        if self._count >= config.max_batch_events or self._size + size > config.max_batch_bytes:
            self._end()
        writer = self._writer = self._writer or self._open()
        if writer is None:
            return "spool_failed"
        writer.append(*record)
        if not writer.is_whole:  # the disk is full: the next one begins anew, if there is room
            self._end()
            return "spool_failed"
        self._count += 1
        self._size += size
        return ""

    def _open(self) -> SegmentWriter | None:
        if self._path is None:
            return None
        self._spool = self._spool or Spool(self._path, max_age=self._config.spool_max_age)
        writer = self._spool.open_segment()
        if writer is not None and not self._is_told:
            with contextlib.suppress(OSError):
                destination.tell(self._path, self._config)
                self._is_told = True
        return writer

    def _end(self) -> None:
        """End the segment that is open, and keep to the bounds of the disk."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.close()
        self._left.append((writer.path, self._size, self._count))
        self._disk += self._size
        self._count = self._size = 0
        while self._disk > self._config.spool_max_bytes:
            self._give_up("spool_full")

    def _give_up(self, reason: str) -> None:
        """Delete the oldest segment, unless somebody has delivered it by now."""
        path, size, count = self._left.popleft()
        self._disk -= size
        with contextlib.suppress(OSError):
            os.unlink(path)
            self._counters.spooled -= count
            self._counters.dropped[reason] += count

    def _hand_over(self) -> None:
        """Leave what is written to whoever delivers, and see that somebody does."""
        if not self._is_permitted():
            # Withdrawn by another process: whoever deletes what waits may have come before this.
            self.discard("consent_withdrawn")
            return
        with self._counters.lock:
            self._leave()
        self._launch()

    def _leave(self) -> None:
        self._end()
        self._handed_over = self._clock()
        # Its lock is what says that segments are a living process's; the next ones get another.
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()
            spool.speak()

    def flush(self, timeout: float | None) -> bool:  # noqa: ARG002 - it does not wait
        """Hand over what is written; True only if nothing ever was, for the rest is not known."""
        self._hand_over()
        return not self._counters.spooled

    def shutdown(self, timeout: float) -> bool:
        """Do as `flush`, and take no more."""
        self._is_closed = True
        is_empty = self.flush(timeout)
        self._wait(timeout)
        return is_empty

    def discard(self, reason: str) -> None:
        """Take no more, and delete what is written here and not delivered yet."""
        with self._counters.lock:
            self._is_closed = True
            self._end()
            while self._left:
                self._give_up(reason)
            self._leave()
