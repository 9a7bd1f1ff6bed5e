"""Events to the application's own provider, whose processors and exporters do the rest."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.events import Event
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.engine import Delivery, connect
from otel_telemetry.export.processor import DeliveryProcessor
from otel_telemetry.export.worker import Transport
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.base_resource import base_attributes, with_base
from otel_telemetry.mapping.sdk import (
    EventRecord,
    EventResource,
    app_emit,
    event_records,
    own_provider,
)
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.pipeline.sink import Immediate
from otel_telemetry.receipt import DISABLED, Outcome, Receipt, dropped
from otel_telemetry.stats import Correction, Counters, DropReason
from otel_telemetry.types import AttributeValue

if TYPE_CHECKING:
    from otel_telemetry.mapping.sdk import EventMapper
    from otel_telemetry.pipeline.sink import Sink


class AppProviderSink:
    """Through the application's own provider, whose processors and exporters do the rest."""

    def __init__(
        self, provider: LoggerProvider, name: str, version: str | None, counters: Counters
    ) -> None:
        self._provider = provider
        self._emit = app_emit(provider, name, version)
        self._counters = counters
        self._receipt = Receipt(Outcome.DELIVERED, "handed to the application's LoggerProvider")

    def emit(self, record: EventRecord) -> Receipt:
        """Hand *record* over; what becomes of it is the application's to know."""
        self._emit(record)
        self._counters.hand_over()
        return self._receipt

    def after_fork(self) -> None:
        """Do nothing: the provider looks after itself."""

    def flush(self, timeout: float | None) -> bool:
        """Flush the application's provider, for *timeout* seconds at most.

        The SDK's own flush keeps no deadline: it runs in a thread that is left behind when the time
        is up.
        """
        result = [False]

        def run() -> None:
            milliseconds = 30_000 if timeout is None else int(timeout * 1000)
            try:
                result[0] = self._provider.force_flush(milliseconds)
            except Exception as error:
                quiet_log.warning("the provider's flush raised %s", type(error).__name__)

        thread = threading.Thread(target=run, name="otel_telemetry-flush", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is going down, and the provider flushes by itself
            return False
        thread.join(timeout)
        return result[0]

    def shutdown(self, timeout: float) -> bool:
        """Flush. The provider is the application's, and stays up."""
        return self.flush(timeout)

    def discard(self, reason: DropReason) -> None:
        """Do nothing: what was handed over is the application's."""


class BackendSink:
    """Through a provider of our own and our own delivery to an OTLP backend."""

    def __init__(
        self,
        config: TelemetryConfig,
        counters: Counters,
        base: EventResource,
        consent_gate: ConsentGate,
        connect: Callable[[DeliveryConfig], Transport] = connect,
    ) -> None:
        self._delivery = Delivery(
            config,
            counters,
            app=config.name,
            consent_gate=consent_gate,
            connect=connect,
        )
        if config.spool is not False:
            self._delivery.ensure_started()
        processor = DeliveryProcessor(self._delivery, shutdown_timeout=config.shutdown_timeout)
        self._provider, self._emit = own_provider(base, processor, config.name, config.version)

    def emit(self, record: EventRecord) -> Receipt:
        """Emit through the provider; the processor leaves the receipt on the record."""
        self._emit(record)
        return record.receipt or dropped(DropReason.INTERNAL)

    def after_fork(self) -> None:
        """Begin with an empty outbox and without a thread; the provider has no state of ours."""
        self._delivery.after_fork()

    def flush(self, timeout: float | None) -> bool:
        """Send everything now."""
        return self._delivery.flush(timeout)

    def shutdown(self, timeout: float) -> bool:
        """End the delivery within *timeout*, then the provider, which has nothing left to do."""
        is_empty = self._delivery.shutdown(timeout)
        self._provider.shutdown()
        return is_empty

    def discard(self, reason: DropReason) -> None:
        """Delete what is pending, and end both."""
        self._delivery.discard(reason)
        self._provider.shutdown()


CaptureCallback = Callable[[Event, Mapping[str, AttributeValue]], None]
"""Takes an event that would leave, and its whole resource. Several threads may call it at once."""


class CaptureSink(Immediate):
    """Into a function, as the events they were. Nothing leaves.

    Args:
        take: Called with each event.
        base: What its resource has beside the user properties.
        counters: The counts to keep.
    """

    def __init__(
        self, take: CaptureCallback, base: Mapping[str, AttributeValue], counters: Counters
    ) -> None:
        self._take = take
        self._base = base
        self._counters = counters
        self._receipt = Receipt(Outcome.DELIVERED, "taken by a test")

    def emit(self, record: EventRecord) -> Receipt:
        """Take *record* apart again: its user properties alone are its resource."""
        event = Event(
            name=record.event_name,
            timestamp=record.timestamp,
            event_properties={key: value for key, value in record.attributes.items() if key != UID},
            user_properties=record.resource.attributes,
            group_properties=record.instrumentation_scope.attributes,
        )
        self._take(event, {**self._base, **event.user_properties})
        self._counters.hand_over()
        return self._receipt


class LogSink(Immediate):
    """Onto stderr, a line of JSON for each event: what would be sent. Nothing leaves."""

    def __init__(self, name: str, stream: Callable[[], TextIO | None] = lambda: sys.stderr) -> None:
        self._name = name
        self._stream = stream

    def emit(self, record: EventRecord) -> Receipt:
        """Print *record*."""
        event = {
            "event": record.log_record.event_name,
            "event_properties": dict(record.log_record.attributes or {}),
            "group_properties": dict(record.instrumentation_scope.attributes),
            "resource": dict(record.resource.attributes),
        }
        text = json.dumps(event, ensure_ascii=True, default=lambda value: value.hex())
        stream = self._stream()
        if stream is not None:  # a program without a console has none
            stream.write(f"{self._name} telemetry, not sent: {text}\n")
        return DISABLED


def sdk_pipeline(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_correction: Callable[[Correction, int], None],
    *,
    consent_gate: ConsentGate | None = None,
    transport: Transport | None = None,
    take: CaptureCallback | None = None,
) -> tuple[EventMapper, Sink[EventRecord]]:
    """Return what makes records of events, and what takes them: what the settings ask for.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: Who speaks; None for nobody.
        cleaner: Makes properties legal.
        on_correction: Told of what was mended: its kind, and how often.
        consent_gate: What may leave; None to print events instead of sending them.
        transport: Where requests go; None for the network.
        take: Called with the three buckets of each event, instead of all that; None for no one.
    """
    base = base_resource(config, installation_id)
    sink: Sink[EventRecord]
    if take is not None:
        sink = CaptureSink(take, base.attributes, counters)
    elif consent_gate is None:
        sink = LogSink(config.name)
    elif config.logger_provider is not None:
        sink = AppProviderSink(config.logger_provider, config.name, config.version, counters)
    else:
        made = connect if transport is None else lambda _config: transport
        sink = BackendSink(config, counters, base, consent_gate, made)
    records = event_records(
        config,
        cleaner,
        base=base if take is None else EventResource({}),  # else it would be taken for the user's
        validate=not isinstance(sink, BackendSink),
        on_correction=on_correction,
    )
    return records, sink


def base_resource(config: TelemetryConfig, installation_id: str | None = None) -> EventResource:
    """Return the resource that every event has before its user properties."""
    detected = Resource.create() if config.inherit_otel_env else Resource({})
    given = {**(detected.attributes or {}), **config.resource_attributes}
    base = base_attributes(config.name, config.version, installation_id)
    return EventResource(with_base(given, base), schema_url=detected.schema_url)
