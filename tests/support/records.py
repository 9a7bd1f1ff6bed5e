"""Records of events, as the mapper makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from otel_telemetry.mapping.sdk import EventRecord, EventResource, EventScope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_telemetry.mapping.mapper import Mapper
    from otel_telemetry.types import AttributeValue

_Resource = TypeVar("_Resource")
_Scope = TypeVar("_Scope")
_Record = TypeVar("_Record")


def make_record(**event_properties: AttributeValue) -> EventRecord:
    """Make a record."""
    resource = EventResource({"service.name": "acme", "plan": "free"})
    scope = EventScope("acme", "1", {"db": b"\xff"})
    return EventRecord("e", "e", 5, 5, event_properties, 0, resource, scope)


def recorded(
    mapper: Mapper[_Resource, _Scope, _Record],
    name: str = "e",
    event: Mapping[str, object] | None = None,
    user: Mapping[str, object] | None = None,
    group: Mapping[str, object] | None = None,
    *,
    timestamp: int | None = None,
) -> _Record:
    """Return the record of an event with these three buckets."""
    return mapper.map(name, timestamp, event, mapper.resources.get(user), mapper.scopes.get(group))
