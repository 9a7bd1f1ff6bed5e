"""Events into a test, in their three buckets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otel_telemetry.counters import Counters
from otel_telemetry.mapping.records import EventRecord
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.payload import Event
from otel_telemetry.receipt import Outcome, Receipt
from otel_telemetry.sinks.sink import Immediate
from otel_telemetry.typing import AttributeValue

Take = Callable[[Event, Mapping[str, AttributeValue]], None]
"""Takes an event that would leave, and its whole resource. Several threads may call it at once."""


class DivertedSink(Immediate):
    """Into a function, as the events they were. Nothing leaves.

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
