"""The delivery engine: queue, spool, worker and transport, with one start and one end."""

from __future__ import annotations

from collections.abc import Callable

from otel_telemetry.config.config import DeliveryConfig
from otel_telemetry.export.backoff import Backoff
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.queue import BatchQueue, QueueLimits
from otel_telemetry.export.recovery import Recovery
from otel_telemetry.export.worker import ExportWorker, Transport
from otel_telemetry.otlp.requests import MAX_REQUEST_BYTES
from otel_telemetry.spool import spool
from otel_telemetry.spool.destination import is_apart, spool_directory
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import Counters, DropReason


def create_transport(config: DeliveryConfig) -> Transport:
    """Return the transport that *config* asks for; imports its library now."""
    if config.protocol == "grpc":
        from otel_telemetry.export.grpc import GRPCTransport  # noqa: PLC0415 - only if asked for

        return GRPCTransport(config)
    from otel_telemetry.export.http import HTTPTransport  # noqa: PLC0415 - in the worker's thread

    return HTTPTransport(config)


class DeliveryEngine:
    """Delivers encoded records to the backend. Thread-safe and fork-safe; nothing here raises.

    The object that makes it owns it, and ends it once by `shutdown` or `discard`.

    Args:
        config: The destination, sizes and timeouts.
        counters: The counts.
        app: The application whose state directory holds the spool if `config` names no path.
        consent_gate: Which events may be sent, and whether that still holds.
        on_idle: Called in the worker's thread when nothing is pending.
        connect: Makes the transport.

    Attributes:
        counters: The counts.
        append: Appends an encoded record to the queue; see `BatchQueue.append`.
    """

    def __init__(
        self,
        config: DeliveryConfig,
        counters: Counters,
        *,
        app: str,
        consent_gate: ConsentGate = ConsentGate(),  # noqa: B008 - frozen
        on_idle: Callable[[], object] = lambda: None,
        connect: Callable[[DeliveryConfig], Transport] = create_transport,
    ) -> None:
        self.counters = counters
        is_grpc = config.protocol == "grpc"
        limits = QueueLimits(
            flush_interval=config.flush_interval,
            max_batch_events=config.max_batch_events,
            max_batch_bytes=min(config.max_batch_bytes, MAX_REQUEST_BYTES)
            if is_grpc
            else config.max_batch_bytes,
            max_pending_bytes=config.max_pending_bytes,
            spool_max_bytes=config.spool_max_bytes,
        )
        directory = spool_directory(config, app)
        self._spool = None if directory is None else Spool(directory, max_age=config.spool_max_age)
        self._queue = BatchQueue(limits, counters, spool=self._spool, on_open=self.ensure_started)
        self._recovery = (
            None
            if self._spool is None
            else Recovery(
                self._spool, limits, self._queue.count_lost, since=consent_gate.granted_at
            )
        )
        self._worker = ExportWorker(
            self._queue,
            counters,
            lambda: connect(config),
            backoff=Backoff(directory),
            recovery=self._recovery,
            is_granted=consent_gate.is_granted,
            on_start=self._expire_stale_destinations,
            on_batch_end=_observed(config, counters),
            on_idle=on_idle,
        )
        self._own = directory if is_apart(config) else None
        self._max_age = config.spool_max_age
        self.append = self._queue.append

    def after_fork(self) -> None:
        """Start again in a forked child: empty, without a thread, a connection or a lock.

        The counts come first: the queue shares their lock.
        """
        self.counters.after_fork()
        for part in (self._spool, self._recovery, self._queue, self._worker):
            if part is not None:
                part.after_fork()

    def _expire_stale_destinations(self) -> None:
        if self._own is not None:
            spool.expire_stale_destinations(self._own, self._max_age, self._queue.count_lost)

    def ensure_started(self) -> None:
        """Start the worker, which also sends the segments of dead processes."""
        self._worker.ensure_started()

    def flush(self, timeout: float | None) -> bool:
        """Send everything now; True if the backend acknowledged all of it in *timeout* seconds."""
        return self._queue.flush(timeout)

    def shutdown(self, timeout: float) -> bool:
        """Flush for *timeout* seconds at most, then end the worker. Idempotent.

        Events on disk stay there for the next process; the others are dropped. After a failed
        request, events on disk are not waited for. True if no event was pending at the end.
        """
        if timeout > 0:  # else a last request would be started and aborted
            self._queue.flush(timeout, is_last=True)
        is_empty = self._queue.close(DropReason.SHUTDOWN)
        self._end()
        return is_empty

    def discard(self, reason: DropReason) -> None:
        """End the worker at once; pending events are deleted, and dropped for *reason*."""
        self._queue.close(reason, keep=False)
        self._end()

    def _end(self) -> None:
        self._worker.stop()
        if self._spool is not None:
            self._spool.log_pending_error()
            self._spool.close()


def _observed(config: DeliveryConfig, counters: Counters) -> Callable[[float, str], object]:
    """Report the counts to the meter provider; return the callback for the end of a batch."""
    if config.meter_provider is None:
        return lambda _seconds, _error: None
    from otel_telemetry.export.metrics import observe  # noqa: PLC0415 - only if asked for

    return observe(config.meter_provider, counters, is_grpc=config.protocol == "grpc")
