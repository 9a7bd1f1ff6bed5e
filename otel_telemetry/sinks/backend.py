"""Events to an OTLP backend, through a provider and a delivery of our own."""

from __future__ import annotations

from collections.abc import Callable

from otel_telemetry.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.counters import Counters
from otel_telemetry.delivery.courier import Transport
from otel_telemetry.delivery.delivery import Delivery, connect
from otel_telemetry.delivery.permission import Permission
from otel_telemetry.delivery.processor import DeliveryProcessor
from otel_telemetry.mapping.provider import own_provider
from otel_telemetry.mapping.records import EventRecord
from otel_telemetry.mapping.resources import EventResource
from otel_telemetry.receipt import Receipt, dropped


class BackendSink:
    """Through a provider of our own and our own delivery to an OTLP backend."""

    def __init__(
        self,
        config: TelemetryConfig,
        counters: Counters,
        base: EventResource,
        permission: Permission,
        connect: Callable[[DeliveryConfig], Transport] = connect,
    ) -> None:
        self._delivery = Delivery(
            config,
            counters,
            app=config.name,
            permission=permission,
            connect=connect,
        )
        if config.spool is not False:
            self._delivery.ensure_started()
        processor = DeliveryProcessor(self._delivery, shutdown_timeout=config.shutdown_timeout)
        self._provider, self._emit = own_provider(base, processor, config.name, config.version)

    def emit(self, record: EventRecord) -> Receipt:
        """Emit through the provider; the processor leaves the receipt on the record."""
        self._emit(record)
        return record.receipt or dropped("internal")

    def new_process(self) -> None:
        """Begin with an empty outbox and without a thread; the provider has no state of ours."""
        self._delivery.new_process()

    def flush(self, timeout: float | None) -> bool:
        """Send everything now."""
        return self._delivery.flush(timeout)

    def shutdown(self, timeout: float) -> bool:
        """End the delivery within *timeout*, then the provider, which has nothing left to do."""
        is_empty = self._delivery.shutdown(timeout)
        self._provider.shutdown()
        return is_empty

    def discard(self, reason: str) -> None:
        """Delete what is pending, and end both."""
        self._delivery.discard(reason)
        self._provider.shutdown()
