"""Declare events as classes, their properties as annotated attributes.

Only declared events and properties leave a program that has a `Catalog`::

    @event("didCreateEntry", since="5.0")
    class EntryCreated:
        "An entry was created."

        kind: Kind = field("The kind of content.", data_class="feature")

    CATALOG = Catalog(EntryCreated, version=1)
    telemetry = Telemetry("acme-cms", catalog=CATALOG)
    telemetry.send(EntryCreated(kind=Kind.SINGLE))
"""

from __future__ import annotations

from otel_telemetry.catalog.catalog import Catalog
from otel_telemetry.catalog.declarations import event
from otel_telemetry.catalog.fields import field, version
from otel_telemetry.events import TypedEvent

__all__ = ["Catalog", "TypedEvent", "event", "field", "version"]
