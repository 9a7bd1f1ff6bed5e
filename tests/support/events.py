"""Events for hooks, and the texts in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otel_telemetry.events import Event
from otel_telemetry.types import AttributeValue


def make_event(
    event: Mapping[str, AttributeValue] | None = None,
    user: Mapping[str, AttributeValue] | None = None,
    group: Mapping[str, AttributeValue] | None = None,
    *,
    name: str = "e",
) -> Event:
    """Return an event."""
    return Event(
        name=name,
        timestamp=1,
        event_properties={} if event is None else event,
        user_properties={} if user is None else user,
        group_properties={} if group is None else group,
    )


def texts_of(value: object) -> Iterator[str]:
    """Yield each text of an event or a value: its name, keys and values at each level."""
    if isinstance(value, Event):
        yield value.name
        for bucket in (value.event_properties, value.user_properties, value.group_properties):
            yield from texts_of(bucket)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
