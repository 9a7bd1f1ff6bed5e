"""Sinks of encoded records: a spool on disk that another process delivers, or the preview.

No OpenTelemetry is imported: a command-line tool starts and ends fast. When the process ends, and
at intervals before, it releases its segments and starts an uploader.
"""

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
from otel_telemetry.mapping.no_sdk import EncodingMapper
from otel_telemetry.otlp.requests import MAX_REQUEST_BYTES, EncodedRecord, export_request
from otel_telemetry.pipeline.sink import StatelessSink
from otel_telemetry.receipt import Outcome, Receipt, dropped
from otel_telemetry.spool import destination
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import DropReason

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.export.consent_gate import ConsentGate
    from otel_telemetry.export.worker import Transport
    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.pipeline.sink import Sink
    from otel_telemetry.spool.segment import SegmentWriter
    from otel_telemetry.stats import Correction, Counters


_MIN_INTERVAL = 60.0  # seconds between two hand-overs of a process that goes on


class SpoolSink:
    """Writes encoded records to the spool. Thread-safe and fork-safe; no method raises.

    A written record is `SPOOLED`: this process does not learn what becomes of it.

    Args:
        config: The settings.
        counters: The counts to keep; their lock guards the state of the sink.
        path: The directory of the destination; None if the user has no directory for it.
        launch: Starts an uploader, if it is time for one.
        clock: Monotonic seconds.
        is_granted: Whether the user still consents, asked before each hand-over. Once it returns
            False, the records are deleted.
        wait: Waits some seconds for an uploader within this process.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        counters: Counters,
        path: str | None,
        launch: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        is_granted: Callable[[], bool] = lambda: True,
        wait: Callable[[float], object] = lambda _seconds: None,
    ) -> None:
        self._config = config
        self._counters = counters
        self._path = path
        self._launch = launch
        self._is_granted = is_granted
        self._wait = wait
        self._clock = clock
        self._interval = max(config.detached_interval, _MIN_INTERVAL)
        self._receipt = Receipt(Outcome.SPOOLED)
        self._writer: SegmentWriter | None = None
        self._spool: Spool | None = None
        self._is_closed = False
        self._reset()

    def _reset(self) -> None:
        self._handed_over_at = self._clock()
        self._has_manifest = False
        self._count = self._size = self._disk = 0
        # The ended segments that may still be on disk: path, bytes and records of each.
        self._segments: deque[tuple[str, int, int]] = deque()

    def after_fork(self) -> None:
        """Start empty in a forked child: the parent's records stay the parent's."""
        self._counters.after_fork()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._spool is not None:
            self._spool.after_fork()
        self._reset()

    def emit(self, record: EncodedRecord) -> Receipt:
        """Write *record*; the receipt says whether it is on disk."""
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
            is_due = self._clock() - self._handed_over_at >= self._interval
        if reason is not None:
            if self._spool is not None:
                self._spool.log_pending_error()
            return dropped(reason)
        if is_due:
            self._hand_over()
        return self._receipt

    def _write(self, record: EncodedRecord, size: int) -> DropReason | None:
        """Write *record* of *size* bytes; return the reason if it is dropped."""
        config = self._config
        if self._count >= config.max_batch_events or self._size + size > config.max_batch_bytes:
            self._end_segment()
        writer = self._writer = self._writer or self._open_segment()
        if writer is None:
            return DropReason.SPOOL_FAILED
        writer.append(*record)
        if not writer.is_complete:  # the disk is full: the next record gets a new segment
            self._end_segment()
            return DropReason.SPOOL_FAILED
        self._count += 1
        self._size += size
        return None

    def _open_segment(self) -> SegmentWriter | None:
        if self._path is None:
            return None
        self._spool = self._spool or Spool(self._path, max_age=self._config.spool_max_age)
        writer = self._spool.open_segment()
        if writer is not None and not self._has_manifest:
            with contextlib.suppress(OSError):
                destination.write_manifest(self._path, self._config)
                self._has_manifest = True
        return writer

    def _end_segment(self) -> None:
        """End the open segment, and delete the oldest ones beyond the limit of the disk."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.close()
        self._segments.append((writer.path, self._size, self._count))
        self._disk += self._size
        self._count = self._size = 0
        while self._disk > self._config.spool_max_bytes:
            self._delete_oldest_segment(DropReason.SPOOL_FULL)

    def _delete_oldest_segment(self, reason: DropReason) -> None:
        """Delete the oldest segment, unless an uploader has delivered it."""
        path, size, count = self._segments.popleft()
        self._disk -= size
        with contextlib.suppress(OSError):
            os.unlink(path)
            self._counters.spooled -= count
            self._counters.dropped[reason] += count

    def _hand_over(self) -> None:
        """Let uploaders take the written segments, and start one if it is time."""
        if not self._is_granted():
            # Another process has withdrawn consent, and may have deleted the spool before now.
            self.discard(DropReason.CONSENT_WITHDRAWN)
            return
        with self._counters.lock:
            self._release()
        self._launch()

    def _release(self) -> None:
        """Release the lock that marks segments as those of a living process."""
        self._end_segment()
        self._handed_over_at = self._clock()
        spool, self._spool = self._spool, None  # the next segments get another lock
        if spool is not None:
            spool.close()
            spool.log_pending_error()

    def flush(self, timeout: float | None) -> bool:  # noqa: ARG002 - it does not wait
        """Release the segments; True only if this process wrote no record.

        It does not learn what becomes of the records that it wrote.
        """
        self._hand_over()
        return not self._counters.spooled

    def shutdown(self, timeout: float) -> bool:
        """Do as `flush`, and take no more records."""
        self._is_closed = True
        is_empty = self.flush(timeout)
        self._wait(timeout)
        return is_empty

    def discard(self, reason: DropReason) -> None:
        """Take no more records, and delete those of this process that are not delivered yet."""
        with self._counters.lock:
            self._is_closed = True
            self._end_segment()
            while self._segments:
                self._delete_oldest_segment(reason)
            self._release()


class UnbatchedSink(StatelessSink):
    """Sends each record at once in a request of its own. Used for previews.

    Args:
        transport: Sends the requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def emit(self, record: EncodedRecord, /) -> Receipt:
        """Send *record*."""
        self._transport.send(export_request([record]))
        return Receipt(Outcome.SPOOLED)


def spool_mapper_and_sink(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_correction: Callable[[Correction, int], None],
    *,
    consent_gate: ConsentGate,
    transport: Transport | None = None,
    executable: str | None = None,
) -> tuple[EncodingMapper, Sink[EncodedRecord]]:
    """Return the mapper and the sink of a pipeline to the spool.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: The id of the installation; None for none.
        cleaner: Makes properties legal.
        on_correction: Called with the kind of each correction, and how often it was made.
        consent_gate: The consent to send.
        transport: Sends each record at once, and the spool is not used; None for the spool.
        executable: The program that starts an uploader, if it is a Python; None for the one that
            runs now.
    """
    mapper = _create_mapper(config, installation_id, cleaner, on_correction)
    if transport is not None:
        return mapper, UnbatchedSink(transport)
    path = spool_directory(config, config.name)
    launch, wait = _uploader_calls(config, path, consent_gate, executable or sys.executable)
    return mapper, SpoolSink(
        config, counters, path, launch, is_granted=consent_gate.is_granted, wait=wait
    )


def _create_mapper(
    config: TelemetryConfig,
    installation_id: str | None,
    cleaner: Cleaner,
    on_correction: Callable[[Correction, int], None],
) -> EncodingMapper:
    detected = (
        environment.read_resource_attributes(environment.current())
        if config.inherit_otel_env
        else {}
    )
    return EncodingMapper(
        config,
        cleaner,
        base=with_base(
            {**detected, **config.resource_attributes},
            base_attributes(config.name, config.version, installation_id, by_sdk=False),
        ),
        on_correction=on_correction,
        session_id=os.urandom(16).hex(),  # one run of a command-line tool is one session
    )


def _uploader_calls(
    config: TelemetryConfig, path: str | None, consent_gate: ConsentGate, executable: str
) -> tuple[Callable[[], object], Callable[[float], object]]:
    """Return the call that starts an uploader, and the one that waits at the end of the process."""
    uploader = InProcessUploader(consent_gate)
    if path is None:
        return lambda: None, uploader.wait
    is_frozen = bool(getattr(sys, "frozen", False))
    if is_python(executable, environment.current(), is_frozen=is_frozen):
        return Launcher(path, interval=config.detached_interval).start_if_due, uploader.wait
    # No process can be started: a thread delivers, from now on, what earlier runs have written.
    launcher = Launcher(path, interval=config.detached_interval, start=uploader.start)
    launcher.start_if_due()
    return launcher.start_if_due, uploader.wait


class InProcessUploader:
    """Delivers the spool in a thread, where no process can be started.

    Args:
        consent_gate: The consent to send.
    """

    def __init__(self, consent_gate: ConsentGate) -> None:
        self._consent_gate = consent_gate
        self._thread: threading.Thread | None = None

    def start(self, directory: str) -> None:
        """Deliver the segments in *directory*."""
        self._thread = threading.Thread(
            target=self._run, args=(directory,), name="otel_telemetry-uploader", daemon=True
        )
        with contextlib.suppress(RuntimeError):  # no more threads: the next run tries again
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait *seconds* at most: a program that ends at once would otherwise never deliver."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self, directory: str) -> None:
        # An error in a thread would be printed.
        with contextlib.suppress(Exception):
            with fork.import_lock:
                from otel_telemetry.detached.uploader import upload  # noqa: PLC0415 - slow
            upload(directory, lambda _config: self._consent_gate)
