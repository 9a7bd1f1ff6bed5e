"""Where records go: to a backend, to the application's own provider, onto stderr, into a test."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Protocol, TextIO, TypeVar

from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.counters import Counters
from otel_telemetry.delivery.courier import Transport
from otel_telemetry.delivery.delivery import Delivery, connect
from otel_telemetry.delivery.permission import Permission
from otel_telemetry.delivery.processor import DeliveryProcessor, suppress_instrumentation
from otel_telemetry.log import quiet_log
from otel_telemetry.mapping.provider import app_emit, own_provider
from otel_telemetry.mapping.records import EventRecord
from otel_telemetry.mapping.resources import EventResource
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.payload import Event
from otel_telemetry.receipt import DISABLED, Outcome, Receipt, dropped
from otel_telemetry.typing import AttributeValue

Take = Callable[[Event, Mapping[str, AttributeValue]], None]
"""Takes an event that would leave, and its whole resource. Several threads may call it at once."""


_Record_contra = TypeVar("_Record_contra", contravariant=True)


class Sink(Protocol[_Record_contra]):
    """Takes records. Thread-safe."""

    def emit(self, record: _Record_contra, /) -> Receipt:
        """Take *record*; return what is known of it."""

    def new_process(self) -> None:
        """Begin anew in a forked child."""

    def flush(self, timeout: float | None) -> bool:
        """Send everything; True if it arrived within *timeout* seconds."""

    def shutdown(self, timeout: float) -> bool:
        """Flush, and end within *timeout* seconds; True if nothing was left behind."""

    def discard(self, reason: str) -> None:
        """End, and delete what is not delivered yet, counted under *reason*."""


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
            on_start=suppress_instrumentation,
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

    def new_process(self) -> None:
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

    def discard(self, reason: str) -> None:
        """Do nothing: what was handed over is the application's."""


class LogSink:
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

    def new_process(self) -> None:
        """Do nothing: there is no state."""

    def flush(self, timeout: float | None) -> bool:  # noqa: ARG002 - there is nothing to wait for
        """Do nothing: what was emitted is printed."""
        return True

    def shutdown(self, timeout: float) -> bool:  # noqa: ARG002 - as in `flush`
        """Do nothing."""
        return True

    def discard(self, reason: str) -> None:
        """Do nothing: nothing is kept."""


class DivertedSink:
    """Into a function, as the events they were. Nothing leaves, and there is nothing to wait for.

    Args:
        take: Called with each event.
        base: What its resource has beside the user properties.
        counters: The counts to keep.
    """

    def __init__(self, take: Take, base: Mapping[str, AttributeValue], counters: Counters) -> None:
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

    def new_process(self) -> None:
        """Do nothing: what a forked child sends is taken in the child."""

    def flush(self, timeout: float | None) -> bool:  # noqa: ARG002 - as in `LogSink`
        """Do nothing: what was emitted is taken."""
        return True

    def shutdown(self, timeout: float) -> bool:  # noqa: ARG002 - as in `LogSink`
        """Do nothing."""
        return True

    def discard(self, reason: str) -> None:
        """Do nothing: nothing is kept."""
