"""Delivery in one piece: outbox, spool, courier and transport, with one start and one end."""

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


def connect(config: DeliveryConfig) -> Transport:
    """Return the transport that *config* asks for; imports its library now."""
    if config.protocol == "grpc":
        from otel_telemetry.export.grpc import GRPCTransport  # noqa: PLC0415 - only if asked for

        return GRPCTransport(config)
    from otel_telemetry.export.http import HTTPTransport  # noqa: PLC0415 - in the courier's thread

    return HTTPTransport(config)


class Delivery:
    """Bytes in, bytes at the backend. Thread-safe and fork-safe; nothing here raises.

    Args:
        config: Where to, how much at once, how long at most.
        counters: The counts to keep.
        app: Whose state directory holds the spool, where `config` names no path.
        permission: What may leave, and whether it still may.
        on_idle: Called in the courier's thread when it has found nothing to deliver.
        connect: Makes the transport.
    """

    def __init__(
        self,
        config: DeliveryConfig,
        counters: Counters,
        *,
        app: str,
        consent_gate: ConsentGate = ConsentGate(),  # noqa: B008 - frozen
        on_idle: Callable[[], object] = lambda: None,
        connect: Callable[[DeliveryConfig], Transport] = connect,
    ) -> None:
        self.counters = counters
        is_grpc = config.protocol == "grpc"
        bounds = QueueLimits(
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
        self._outbox = BatchQueue(bounds, counters, spool=self._spool, on_open=self.ensure_started)
        self._recovery = (
            None
            if self._spool is None
            else Recovery(self._spool, bounds, self._outbox.lost, since=consent_gate.granted_at)
        )
        self._courier = ExportWorker(
            self._outbox,
            counters,
            lambda: connect(config),
            backoff=Backoff(directory),
            recovery=self._recovery,
            is_permitted=consent_gate.is_granted,
            on_start=self._expire_neighbours,
            on_end=_observed(config, counters),
            on_idle=on_idle,
        )
        self._own = directory if is_apart(config) else None
        self._max_age = config.spool_max_age
        self.append = self._outbox.append

    def after_fork(self) -> None:
        """Begin anew in a forked child: empty, without a thread, a connection or a lock.

        The counts begin anew first: the outbox shares their lock.
        """
        self.counters.after_fork()
        for part in (self._spool, self._recovery, self._outbox, self._courier):
            if part is not None:
                part.after_fork()

    def _expire_neighbours(self) -> None:
        if self._own is not None:
            spool.expire_stale_destinations(self._own, self._max_age, self._outbox.lost)

    def ensure_started(self) -> None:
        """Start the courier, which then also sends what dead processes left."""
        self._courier.ensure_started()

    def flush(self, timeout: float | None) -> bool:
        """Send everything now; True if the backend acknowledged it all within *timeout* seconds."""
        return self._outbox.flush(timeout)

    def shutdown(self, timeout: float) -> bool:
        """Flush for *timeout* seconds at most, leave or give up the rest, end the courier.

        Once the backend has failed, what is safe on disk is not waited for. Idempotent. True if
        nothing was left.
        """
        if timeout > 0:  # else a last request would be begun, and broken off
            self._outbox.flush(timeout, respect_backoff=False)
        is_empty = self._outbox.close(DropReason.SHUTDOWN)
        self._end()
        return is_empty

    def discard(self, reason: DropReason) -> None:
        """End the courier at once, and delete what is pending, counted under *reason*."""
        self._outbox.close(reason, keep=False)
        self._end()

    def _end(self) -> None:
        self._courier.stop()
        if self._spool is not None:
            self._spool.log_pending_error()
            self._spool.close()


def _observed(config: DeliveryConfig, counters: Counters) -> Callable[[float, str], object]:
    """Show the counts where the settings say; return what is to be told of each end of a batch."""
    if config.meter_provider is None:
        return lambda _seconds, _error: None
    from otel_telemetry.export.metrics import observe  # noqa: PLC0415 - only if asked for

    return observe(config.meter_provider, counters, is_grpc=config.protocol == "grpc")
