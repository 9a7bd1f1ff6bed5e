"""Records of events, as the mapper makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_telemetry.mapping.records import EventRecord
from otel_telemetry.mapping.resources import EventResource
from otel_telemetry.mapping.scopes import EventScope

if TYPE_CHECKING:
    from otel_telemetry.typing import AttributeValue


def make_record(**event_properties: AttributeValue) -> EventRecord:
    """Make a record."""
    resource = EventResource({"service.name": "acme", "plan": "free"})
    scope = EventScope("acme", "1", {"db": b"\xff"})
    return EventRecord("e", "e", 5, 5, event_properties, 0, resource, scope)
