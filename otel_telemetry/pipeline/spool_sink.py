"""Encoded events to a transport, each at once: what another process would send, to be looked at."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque

from otel_telemetry._internal import fork
from otel_telemetry.config import environment
from otel_telemetry.detached.launcher import Launcher, is_python
from otel_telemetry.mapping.base_resource import base_attributes, with_base
from otel_telemetry.mapping.no_sdk import encoded_events
from otel_telemetry.otlp.requests import MAX_REQUEST_BYTES, EncodedRecord, export_request
from otel_telemetry.pipeline.sink import Immediate
from otel_telemetry.receipt import Outcome, Receipt, dropped
from otel_telemetry.spool import destination
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import DropReason

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.export.consent_gate import ConsentGate
    from otel_telemetry.export.worker import Transport
    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.mapping.mapper import Mapper
    from otel_telemetry.pipeline.sink import Sink
    from otel_telemetry.spool.segment import SegmentWriter
    from otel_telemetry.stats import Correction, Counters


class AtOnceSink(Immediate):
    """Sends each record in a request of its own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def emit(self, record: EncodedRecord, /) -> Receipt:
        """Send *record*."""
        self._transport.send(export_request([record]))
        return Receipt(Outcome.SPOOLED)


_LEAST_INTERVAL = 60.0  # seconds between two hand-overs of a process that lives on


class SpoolSink:
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

    def after_fork(self) -> None:
        """Begin empty in a forked child: what its parent has written is the parent's."""
        self._counters.after_fork()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._spool is not None:
            self._spool.after_fork()
        self._begin()

    def emit(self, record: EncodedRecord) -> Receipt:
        """Write *record*; return whether it is on disk."""
        size = sum(map(len, record))
        if size > MAX_REQUEST_BYTES:
            self._counters.drop(DropReason.TOO_LARGE)
            return dropped(DropReason.TOO_LARGE)
        with self._counters.lock:
            self._counters.accepted += 1
            reason = DropReason.DESTROYED if self._is_closed else self._write(record, size)
            if reason is not None:
                self._counters.dropped[reason] += 1
            else:
                self._counters.spooled += 1
            is_due = self._clock() - self._handed_over >= self._interval
        if reason is not None:
            if self._spool is not None:
                self._spool.log_pending_error()
            return dropped(reason)
        if is_due:
            self._hand_over()
        return self._receipt

    def _write(self, record: EncodedRecord, size: int) -> DropReason | None:
        """Write *record* of *size* bytes; return why it was dropped, if it was."""
        config = self._config
        if self._count >= config.max_batch_events or self._size + size > config.max_batch_bytes:
            self._end()
        writer = self._writer = self._writer or self._open()
        if writer is None:
            return DropReason.SPOOL_FAILED
        writer.append(*record)
        if not writer.is_whole:  # the disk is full: the next one begins anew, if there is room
            self._end()
            return DropReason.SPOOL_FAILED
        self._count += 1
        self._size += size
        return None

    def _open(self) -> SegmentWriter | None:
        if self._path is None:
            return None
        self._spool = self._spool or Spool(self._path, max_age=self._config.spool_max_age)
        writer = self._spool.open_segment()
        if writer is not None and not self._is_told:
            with contextlib.suppress(OSError):
                destination.write_manifest(self._path, self._config)
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
            self._give_up(DropReason.SPOOL_FULL)

    def _give_up(self, reason: DropReason) -> None:
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
            self.discard(DropReason.CONSENT_WITHDRAWN)
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
            spool.log_pending_error()

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

    def discard(self, reason: DropReason) -> None:
        """Take no more, and delete what is written here and not delivered yet."""
        with self._counters.lock:
            self._is_closed = True
            self._end()
            while self._left:
                self._give_up(reason)
            self._leave()


def spool_pipeline(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_correction: Callable[[Correction, int], None],
    *,
    consent_gate: ConsentGate,
    transport: Transport | None = None,
    executable: str | None = None,
) -> tuple[Mapper[bytes, bytes, EncodedRecord], Sink[EncodedRecord]]:
    """Return what makes encoded records of events, and what takes them.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: Who speaks; None for nobody.
        cleaner: Makes properties legal.
        on_correction: Told of what was mended: its kind, and how often.
        consent_gate: What may leave.
        transport: Where each record goes at once, instead of the spool; None for the spool.
        executable: What may be a Python to start; None for the one that runs.
    """
    events = _events(config, installation_id, cleaner, on_correction)
    if transport is not None:
        return events, AtOnceSink(transport)
    directory = spool_directory(config, config.name)
    launch, wait = _launch(config, directory, consent_gate, executable or sys.executable)
    return events, SpoolSink(
        config, counters, directory, launch, is_permitted=consent_gate.is_granted, wait=wait
    )


def _events(
    config: TelemetryConfig,
    installation_id: str | None,
    cleaner: Cleaner,
    on_correction: Callable[[Correction, int], None],
) -> Mapper[bytes, bytes, EncodedRecord]:
    detected = (
        environment.read_resource_attributes(environment.current())
        if config.inherit_otel_env
        else {}
    )
    return encoded_events(
        config,
        cleaner,
        base=with_base(
            {**detected, **config.resource_attributes},
            base_attributes(config.name, config.version, installation_id, by_sdk=False),
        ),
        on_correction=on_correction,
        session=os.urandom(16).hex(),  # a run of a command-line tool is a session
    )


def _launch(
    config: TelemetryConfig, directory: str | None, consent_gate: ConsentGate, executable: str
) -> tuple[Callable[[], object], Callable[[float], object]]:
    """Return what has somebody deliver, and what gives them time at the end of this process."""
    beside = InProcessUploader(consent_gate)
    if directory is None:
        return lambda: None, beside.wait
    is_frozen = bool(getattr(sys, "frozen", False))
    if is_python(executable, environment.current(), is_frozen=is_frozen):
        return Launcher(directory, interval=config.detached_interval).launch, beside.wait
    # No process can be started: this one delivers, from now on what earlier ones have left.
    launch = Launcher(directory, interval=config.detached_interval, start=beside.start).launch
    launch()
    return launch, beside.wait


class InProcessUploader:
    """Delivers in a thread what processes have left.

    Args:
        consent_gate: What may leave.
    """

    def __init__(self, consent_gate: ConsentGate) -> None:
        self._permission = consent_gate
        self._thread: threading.Thread | None = None

    def start(self, directory: str) -> None:
        """Deliver what lies in *directory*."""
        self._thread = threading.Thread(
            target=self._run, args=(directory,), name="otel_telemetry-uploader", daemon=True
        )
        with contextlib.suppress(RuntimeError):  # no more threads: the next run tries again
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Give it *seconds* to finish: a program that ends at once would never deliver."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self, directory: str) -> None:
        # Whatever it is, it must not be printed.
        with contextlib.suppress(Exception):
            with fork.importing:
                from otel_telemetry.detached.uploader import upload  # noqa: PLC0415 - slow
            upload(directory, lambda _config: self._permission)
