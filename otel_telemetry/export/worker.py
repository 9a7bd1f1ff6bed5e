"""Our own requests, kept out of the host's traces. Imports no OpenTelemetry where there is none."""

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
from otel_telemetry.export.backoff import FIRST, Backoff, RetryDelay
from otel_telemetry.export.batch import Batch
from otel_telemetry.export.queue import BatchQueue, WorkerTask
from otel_telemetry.export.recovery import Recovery
from otel_telemetry.export.result import ExportResult, no_response
from otel_telemetry.otlp.requests import EncodedRecord, export_request
from otel_telemetry.stats import Counters, Disposition, DropReason


def suppress_instrumentation(modules: Mapping[str, ModuleType] = sys.modules) -> None:
    """Have every instrumentation leave alone what this thread does, for good.

    Args:
        modules: Where OpenTelemetry is, if the host has it.
    """
    context = modules.get("opentelemetry.context")
    if context is not None:
        with contextlib.suppress(AttributeError):  # another thread is importing it
            context.attach(context.set_value("suppress_instrumentation", True))


_SCAN_INTERVAL = 10.0  # how long a forked child's last events wait, while others live
_JOIN_TIMEOUT = 0.05
_TELLING = 0.5  # seconds without an answer; a shorter wait says nothing of the backend
THREAD_NAME = "otel_telemetry-courier"


_ERROR_TYPES = {Disposition.DELIVERED: "", Disposition.PARTIAL: "rejected"}


class Transport(Protocol):
    """Sends requests to one backend; used by one thread at a time, but for `abort`."""

    def send(self, request: bytes) -> ExportResult:
        """Send an ExportLogsServiceRequest and return what became of it; never raises."""

    def abort(self) -> None:
        """Make a `send` that is under way in another thread return soon; for good."""

    def after_fork(self) -> None:
        """Forget the connections that belong to the parent of this forked process."""


class ExportWorker:
    """One daemon thread, started by the first batch, that sends one request at a time.

    Args:
        outbox: Where batches come from.
        counters: Where requests are counted.
        connect: Makes the transport; called in the courier's thread, for it may be slow.
        backoff: When the backend may be asked again.
        recovery: What reads segments; None without a spool.
        is_permitted: Asked before each request; False ends everything, and deletes what is pending.
        on_start: Called in the courier's thread when it starts.
        on_end: Told how many seconds a batch took from its first request to its end, and what kept
            it from being a full success, if anything did.
        on_idle: Called in the courier's thread, again and again, while it knows of nothing to
            deliver.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        outbox: BatchQueue,
        counters: Counters,
        connect: Callable[[], Transport],
        *,
        backoff: Backoff,
        recovery: Recovery | None = None,
        is_permitted: Callable[[], bool] = lambda: True,
        on_start: Callable[[], object] = lambda: None,
        on_end: Callable[[float, str], object] = lambda _seconds, _error: None,
        on_idle: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._counters = counters
        self._connect = connect
        self._backoff = backoff
        self._recovery = recovery
        self._is_permitted = is_permitted
        self._on_start = on_start
        self._on_end = on_end
        self._on_idle = on_idle
        self._clock = clock
        self._transport: Transport | None = None
        self._aborted = False
        self.after_fork()

    def after_fork(self) -> None:
        """Begin without a thread: a forked process has none but the one that forked."""
        self._asked_at: float | None = None
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._backoff.after_fork()
        self._has_more = True  # until a scan says otherwise
        self._next_scan = 0.0 if self._recovery is not None else math.inf
        if self._transport is not None:
            self._transport.after_fork()

    def ensure_started(self) -> None:
        """Start the thread if it is not running."""
        with self._starting:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
            with contextlib.suppress(RuntimeError):  # the next batch tries again
                thread.start()
                self._thread = thread

    def stop(self) -> None:
        """End the thread, once the outbox is closed; break off a request under way."""
        self._aborted = True
        asked_at = self._asked_at
        if asked_at is not None and self._clock() - asked_at >= _TELLING:
            # Else processes that end sooner than any request times out would learn nothing.
            self._backoff.failed(None)
        transport, thread = self._transport, self._thread
        if transport is not None:
            transport.abort()
        if thread is not None and thread is not threading.current_thread():
            # A look-up in the DNS cannot be broken off. The thread is a daemon: it is left behind.
            thread.join(_JOIN_TIMEOUT)
        self._backoff.close()

    def _run(self) -> None:
        try:
            suppress_instrumentation()
            self._on_start()
            while self._take_turn():
                pass
        except Exception:
            # Nothing above raises; if it does all the same, the batch is not sent again and again.
            quiet_log.warning("telemetry stopped: the courier failed")
            self._outbox.close(DropReason.INTERNAL)

    def _take_turn(self) -> bool:
        """Do one thing; False if there is nothing left to do, ever."""
        recovery = self._recovery
        if recovery is not None:
            recovery.log_pending_error()
        has_backlog = recovery is not None and recovery.has_backlog
        turn = self._outbox.take(tidy_at=self._next_scan, has_backlog=has_backlog)
        if isinstance(turn, Batch):
            pause = self._backoff.pause(is_hurried=self._outbox.pace.is_hurried)
            if pause is not None:
                self._outbox.postpone(turn, pause)
            elif turn.in_memory or self._load(turn):
                self._handle(turn)
            else:
                self._backoff.stand_down()
        elif turn is WorkerTask.TIDY and recovery is not None:
            if self._clock() >= self._next_scan:
                self._has_more = recovery.scan()
                self._next_scan = self._clock() + (0.0 if self._has_more else _SCAN_INTERVAL)
            if recovery.has_backlog and self._clock() >= self._outbox.pace.not_before:
                self._recover(recovery)
        if recovery is not None and not (
            self._has_more or recovery.has_backlog or self._counters.pending
        ):
            self._on_idle()
        return turn is not WorkerTask.END

    def _recover(self, recovery: Recovery) -> None:
        """Send some of what dead processes left."""
        pause = self._backoff.pause(is_hurried=self._outbox.pace.is_hurried)
        if pause is not None:
            self._outbox.postpone(None, pause)
            return
        batch = recovery.next_batch(self._clock())
        if batch is not None and self._outbox.adopt(batch):
            self._handle(batch)
        else:
            self._backoff.stand_down()

    def _load(self, batch: Batch) -> bool:
        """Read a batch of our own back from its segment; False if there is nothing to send now."""
        records: tuple[EncodedRecord, ...] = ()
        reason = DropReason.SPOOL_LOST
        try:
            if self._recovery is not None:
                records, reason = self._recovery.reload(batch, self._clock())
        except OSError as error:
            self._outbox.postpone(batch, RetryDelay(seconds=FIRST))
            quiet_log.warning("telemetry is delayed: %s", error.strerror)
            return False
        return self._outbox.restore(batch, records, reason)

    def _handle(self, batch: Batch) -> None:
        if not self._is_permitted():
            self._outbox.close(DropReason.CONSENT_WITHDRAWN, keep=False)
            self._backoff.stand_down()
            return
        began = self._asked_at = self._clock()
        answer = self._send(batch)
        self._asked_at = None
        with self._counters.lock:
            self._counters.requests[answer.disposition] += 1
        if answer.disposition is Disposition.RETRY:
            if self._aborted:
                return  # by us: what is left has been settled
            self._outbox.postpone(batch, self._backoff.failed(answer.retry_after))
            quiet_log.warning("telemetry is delayed: %s", answer.reason)
            return
        self._backoff.succeeded()
        with contextlib.suppress(Exception):  # the host's own instruments
            seconds = self._clock() - (batch.asked_at or began)
            error = _ERROR_TYPES.get(answer.disposition, answer.disposition.value)
            self._on_end(seconds, error)
        if answer.is_accepted:
            self._outbox.delivered(batch, answer.rejected, answer.reason)
            if answer.reason:
                quiet_log.warning("the telemetry backend says: %.500s", answer.reason)
        elif answer.disposition is Disposition.REFUSED:
            self._outbox.refused(batch, answer.reason)
            quiet_log.warning("telemetry was refused: %s", answer.reason)
        elif batch.count > 1:
            self._outbox.split(batch)
        else:
            self._outbox.drop(batch, DropReason.TOO_LARGE)
            quiet_log.warning("an event was dropped: %s", answer.reason)

    def _send(self, batch: Batch) -> ExportResult:
        if self._transport is None:
            try:
                with fork.import_lock:
                    "localhost".encode("idna")  # imports too, and any look-up of a name does it
                    self._transport = self._connect()
            except Exception as error:
                # A certificate that is not there yet, a proxy that cannot be one.
                return no_response(f"{type(error).__name__} while connecting was prepared")
            if self._aborted:
                self._transport.abort()
        return self._transport.send(export_request(batch.records()))
