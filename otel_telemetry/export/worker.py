"""The worker: one thread that sends batches, and handles the results of the requests."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Protocol

from otel_telemetry._internal import fork
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.export.backoff import FIRST_DELAY, Backoff, RetryDelay
from otel_telemetry.export.batch import Batch
from otel_telemetry.export.queue import BatchQueue, WorkerTask
from otel_telemetry.export.recovery import Recovery
from otel_telemetry.export.result import ExportResult, no_response
from otel_telemetry.otlp.requests import EncodedRecord, export_request
from otel_telemetry.stats import Counters, Disposition, DropReason


def suppress_instrumentation(modules: Mapping[str, ModuleType] = sys.modules) -> None:
    """Keep the requests of this thread out of the application's traces.

    Args:
        modules: The imported modules; OpenTelemetry is not imported for this.
    """
    context = modules.get("opentelemetry.context")
    if context is not None:
        with contextlib.suppress(AttributeError):  # another thread is importing it
            context.attach(context.set_value("suppress_instrumentation", True))


_SCAN_INTERVAL = 10.0  # seconds; the last events of a dead process wait that long
_JOIN_TIMEOUT = 0.05
_LEAST_EVIDENCE = 0.5  # seconds without a response that count as a failure when the worker stops
THREAD_NAME = "otel_telemetry-worker"


_ERROR_TYPES = {Disposition.DELIVERED: "", Disposition.PARTIAL: "rejected"}


class Transport(Protocol):
    """Sends requests to one backend. One thread at a time, except for `abort`.

    `HTTPTransport` is in `http`, `GRPCTransport` in `grpc`.
    """

    def send(self, request: bytes) -> ExportResult:
        """Send an ExportLogsServiceRequest and return its result; never raises."""

    def abort(self) -> None:
        """End the `send` of another thread soon, and every later one; final."""

    def after_fork(self) -> None:
        """Forget the connections of the parent process."""


class ExportWorker:
    """One daemon thread, started by the first batch, that sends one request at a time.

    Args:
        queue: The batches to send.
        counters: Count the requests.
        connect: Makes the transport; called in the worker's thread, because it may be slow.
        backoff: When the next request may be sent.
        recovery: Reads segments; None without a spool.
        is_granted: Called before each request; False closes the queue and deletes its batches.
        on_start: Called in the worker's thread when it starts.
        on_batch_end: Called with the seconds from the first request of a batch to its end, and the
            type of its error; empty for a full success.
        on_idle: Called in the worker's thread, again and again, while nothing is pending.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        queue: BatchQueue,
        counters: Counters,
        connect: Callable[[], Transport],
        *,
        backoff: Backoff,
        recovery: Recovery | None = None,
        is_granted: Callable[[], bool] = lambda: True,
        on_start: Callable[[], object] = lambda: None,
        on_batch_end: Callable[[float, str], object] = lambda _seconds, _error: None,
        on_idle: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._counters = counters
        self._connect = connect
        self._backoff = backoff
        self._recovery = recovery
        self._is_granted = is_granted
        self._on_start = on_start
        self._on_batch_end = on_batch_end
        self._on_idle = on_idle
        self._clock = clock
        self._transport: Transport | None = None
        self._aborted = False
        self.after_fork()

    def after_fork(self) -> None:
        """Start without a thread: a forked process has only the thread that forked."""
        self._request_started_at: float | None = None
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._backoff.after_fork()
        self._has_more = True  # until a scan says otherwise
        self._next_scan = 0.0 if self._recovery is not None else math.inf
        if self._transport is not None:
            self._transport.after_fork()

    def ensure_started(self) -> None:
        """Start the thread if it does not run."""
        with self._starting:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
            with contextlib.suppress(RuntimeError):  # the next batch tries again
                thread.start()
                self._thread = thread

    def stop(self) -> None:
        """End the thread after the queue is closed; abort the request in flight."""
        self._aborted = True
        first_sent_at = self._request_started_at
        if first_sent_at is not None and self._clock() - first_sent_at >= _LEAST_EVIDENCE:
            # Processes that end sooner than a request times out would never back off otherwise.
            self._backoff.record_failure(None)
        transport, thread = self._transport, self._thread
        if transport is not None:
            transport.abort()
        if thread is not None and thread is not threading.current_thread():
            # A DNS look-up cannot be aborted. The thread is a daemon and is left behind.
            thread.join(_JOIN_TIMEOUT)
        self._backoff.close()

    def _run(self) -> None:
        try:
            suppress_instrumentation()
            self._on_start()
            while self._step():
                pass
        except Exception:
            # Nothing above should raise. Closed, or the same batch would be sent again and again.
            quiet_log.warning("telemetry stopped: the export worker failed")
            self._queue.close(DropReason.INTERNAL)

    def _step(self) -> bool:
        """Send one batch or do one task; False if the queue is closed."""
        recovery = self._recovery
        if recovery is not None:
            recovery.log_pending_error()
        has_backlog = recovery is not None and recovery.has_backlog
        turn = self._queue.dequeue(maintain_at=self._next_scan, has_backlog=has_backlog)
        if isinstance(turn, Batch):
            pause = self._backoff.delay(ignore_backoff=self._queue.schedule.ignore_backoff)
            if pause is not None:
                self._queue.requeue(turn, pause)
            elif turn.is_in_memory or self._load(turn):
                self._send_batch(turn)
            else:
                self._backoff.release_probe()
        elif turn is WorkerTask.MAINTAIN and recovery is not None:
            if self._clock() >= self._next_scan:
                self._has_more = recovery.scan()
                self._next_scan = self._clock() + (0.0 if self._has_more else _SCAN_INTERVAL)
            if recovery.has_backlog and self._clock() >= self._queue.schedule.not_before:
                self._send_backlog(recovery)
        if recovery is not None and not (
            self._has_more or recovery.has_backlog or self._counters.pending
        ):
            self._on_idle()
        return turn is not WorkerTask.STOP

    def _send_backlog(self, recovery: Recovery) -> None:
        """Send one request of segments of dead processes."""
        pause = self._backoff.delay(ignore_backoff=self._queue.schedule.ignore_backoff)
        if pause is not None:
            self._queue.requeue(None, pause)
            return
        batch = recovery.next_batch(self._clock())
        if batch is not None and self._queue.claim(batch):
            self._send_batch(batch)
        else:
            self._backoff.release_probe()

    def _load(self, batch: Batch) -> bool:
        """Load a spilled batch from its segment; False if it has no records to send now."""
        records: tuple[EncodedRecord, ...] = ()
        reason = DropReason.SPOOL_LOST
        try:
            if self._recovery is not None:
                records, reason = self._recovery.reload(batch, self._clock())
        except OSError as error:
            self._queue.requeue(batch, RetryDelay(seconds=FIRST_DELAY))
            quiet_log.warning("telemetry is delayed: %s", error.strerror)
            return False
        return self._queue.restore(batch, records, reason)

    def _send_batch(self, batch: Batch) -> None:
        if not self._is_granted():
            self._queue.close(DropReason.CONSENT_WITHDRAWN, keep=False)
            self._backoff.release_probe()
            return
        began = self._request_started_at = self._clock()
        answer = self._send(batch)
        self._request_started_at = None
        with self._counters.lock:
            self._counters.requests[answer.disposition] += 1
        if answer.disposition is Disposition.RETRY:
            if self._aborted:
                return  # `close` has settled the batch
            self._queue.requeue(batch, self._backoff.record_failure(answer.retry_after))
            quiet_log.warning("telemetry is delayed: %s", answer.reason)
            return
        self._backoff.record_success()
        with contextlib.suppress(Exception):  # an instrument of the application may raise
            seconds = self._clock() - (batch.first_sent_at or began)
            error = _ERROR_TYPES.get(answer.disposition, answer.disposition.value)
            self._on_batch_end(seconds, error)
        if answer.is_accepted:
            self._queue.mark_delivered(batch, answer.rejected, answer.reason)
            if answer.reason:
                quiet_log.warning("the telemetry backend sent a warning: %.500s", answer.reason)
        elif answer.disposition is Disposition.REFUSED:
            self._queue.mark_refused(batch, answer.reason)
            quiet_log.warning("telemetry was refused: %s", answer.reason)
        elif batch.count > 1:
            self._queue.split(batch)
        else:
            self._queue.drop(batch, DropReason.TOO_LARGE)
            quiet_log.warning("an event was dropped: %s", answer.reason)

    def _send(self, batch: Batch) -> ExportResult:
        if self._transport is None:
            try:
                with fork.import_lock:
                    "localhost".encode("idna")  # imports a codec, as every DNS look-up does
                    self._transport = self._connect()
            except Exception as error:
                # For example a certificate file that does not exist yet, or an invalid proxy URL.
                return no_response(f"{type(error).__name__} before the connection")
            if self._aborted:
                self._transport.abort()
        return self._transport.send(export_request(batch.records()))
