"""Sinks on the OpenTelemetry SDK: the backend, the application's provider, a test, or stderr."""

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
from otel_telemetry.export.engine import DeliveryEngine, create_transport
from otel_telemetry.export.processor import EncodingProcessor
from otel_telemetry.export.worker import Transport
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.base_resource import base_attributes, with_base
from otel_telemetry.mapping.sdk import EventRecord, EventResource, SdkMapper, create_provider
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.pipeline.sink import StatelessSink
from otel_telemetry.receipt import DISABLED, Outcome, Receipt, dropped
from otel_telemetry.stats import Correction, Counters, DropReason
from otel_telemetry.types import AttributeValue

if TYPE_CHECKING:
    from otel_telemetry.pipeline.sink import Sink


class BackendSink:
    """Emits through a provider of our own, which delivers to an OTLP backend."""

    def __init__(
        self,
        config: TelemetryConfig,
        counters: Counters,
        base: EventResource,
        consent_gate: ConsentGate,
        connect: Callable[[DeliveryConfig], Transport] = create_transport,
    ) -> None:
        self._engine = DeliveryEngine(
            config,
            counters,
            app=config.name,
            consent_gate=consent_gate,
            connect=connect,
        )
        if config.spool is not False:
            self._engine.ensure_started()
        processor = EncodingProcessor(self._engine)
        self._provider = create_provider(base, processor)
        self._logger = self._provider.get_logger(config.name, config.version)

    def emit(self, record: EventRecord) -> Receipt:
        """Emit through the provider.

        The SDK passes the record to `EncodingProcessor.on_emit`, which sets its receipt.
        """
        # The SDK keeps the resource and the scope of such a record; a contract test holds it.
        self._logger.emit(record)  # type: ignore[call-overload]
        return record.receipt or dropped(DropReason.INTERNAL)

    def after_fork(self) -> None:
        """Start with an empty queue and without a thread; the provider has no state of ours."""
        self._engine.after_fork()

    def flush(self, timeout: float | None) -> bool:
        """Send everything now."""
        return self._engine.flush(timeout)

    def shutdown(self, timeout: float) -> bool:
        """End the engine within *timeout* seconds, then the provider, which does not own it."""
        is_empty = self._engine.shutdown(timeout)
        self._provider.shutdown()
        return is_empty

    def discard(self, reason: DropReason) -> None:
        """Delete all pending events, and end the engine and the provider."""
        self._engine.discard(reason)
        self._provider.shutdown()


class AppProviderSink:
    """Emits through the application's own provider, whose processors and exporters deliver."""

    def __init__(
        self, provider: LoggerProvider, name: str, version: str | None, counters: Counters
    ) -> None:
        self._provider = provider
        self._logger = provider.get_logger(name, version)
        self._counters = counters
        self._receipt = Receipt(Outcome.DELIVERED, "handed to the application's LoggerProvider")

    def emit(self, record: EventRecord) -> Receipt:
        """Emit a record of the SDK's own classes, whose attributes the processors can change."""
        self._logger.emit(record.to_sdk_record())  # type: ignore[call-overload]  # the SDK takes it
        self._counters.hand_over()
        return self._receipt

    def after_fork(self) -> None:
        """Do nothing: the provider has its own hooks."""

    def flush(self, timeout: float | None) -> bool:
        """Flush the application's provider, for *timeout* seconds at most.

        The SDK's own flush keeps no deadline, so it runs in a thread, which is left behind when the
        time is up.
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
        except RuntimeError:  # the interpreter shuts down, and the provider flushes by itself
            return False
        thread.join(timeout)
        return result[0]

    def shutdown(self, timeout: float) -> bool:
        """Flush. The provider is the application's, and stays up."""
        return self.flush(timeout)

    def discard(self, reason: DropReason) -> None:
        """Do nothing: the records are the application's."""


CaptureCallback = Callable[[Event, Mapping[str, AttributeValue]], None]
"""Called with an event that would be sent, and its whole resource; from several threads at once."""


class CaptureSink(StatelessSink):
    """Calls a function with each event. Nothing is sent.

    Args:
        callback: The function.
        base: The attributes of the resource beside the user properties.
        counters: The counts to keep.
    """

    def __init__(
        self, callback: CaptureCallback, base: Mapping[str, AttributeValue], counters: Counters
    ) -> None:
        self._callback = callback
        self._base = base
        self._counters = counters
        self._receipt = Receipt(Outcome.DELIVERED, "taken by a test")

    def emit(self, record: EventRecord) -> Receipt:
        """Call the function. The resource of *record* has its user properties alone."""
        event = Event(
            name=record.event_name,
            timestamp=record.timestamp,
            event_properties={key: value for key, value in record.attributes.items() if key != UID},
            user_properties=record.resource.attributes,
            group_properties=record.instrumentation_scope.attributes,
        )
        self._callback(event, {**self._base, **event.user_properties})
        self._counters.hand_over()
        return self._receipt


class LogSink(StatelessSink):
    """Prints each event that would be sent to stderr, as a line of JSON. Nothing is sent."""

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


def sdk_mapper_and_sink(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_correction: Callable[[Correction, int], None],
    *,
    consent_gate: ConsentGate | None = None,
    transport: Transport | None = None,
    callback: CaptureCallback | None = None,
) -> tuple[SdkMapper, Sink[EventRecord]]:
    """Return the mapper and the sink of a pipeline on the SDK.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: The id of the installation; None for none.
        cleaner: Makes properties legal.
        on_correction: Called with the kind of each correction, and how often it was made.
        consent_gate: The consent to send; None to print events instead of sending them.
        transport: Sends the requests; None for the network.
        callback: Called with each event instead of sending it; None to send.
    """
    base = base_resource(config, installation_id)
    sink: Sink[EventRecord]
    if callback is not None:
        sink = CaptureSink(callback, base.attributes, counters)
        base = EventResource({})  # so that the resource has the user properties alone
    elif consent_gate is None:
        sink = LogSink(config.name)
    elif config.logger_provider is not None:
        sink = AppProviderSink(config.logger_provider, config.name, config.version, counters)
    else:
        connect = create_transport if transport is None else lambda _config: transport
        sink = BackendSink(config, counters, base, consent_gate, connect)
    mapper = SdkMapper(
        config,
        cleaner,
        base=base,
        validate=not isinstance(sink, BackendSink),
        on_correction=on_correction,
    )
    return mapper, sink


def base_resource(config: TelemetryConfig, installation_id: str | None = None) -> EventResource:
    """Return the base of every event's resource."""
    detected = Resource.create() if config.inherit_otel_env else Resource({})
    configured = {**(detected.attributes or {}), **config.resource_attributes}
    base = base_attributes(config.name, config.version, installation_id)
    return EventResource(with_base(configured, base), schema_url=detected.schema_url)
