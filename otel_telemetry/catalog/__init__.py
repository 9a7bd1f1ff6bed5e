"""What leaves is declared: a class an event, an attribute a property.

@event("didCreateEntry", since="5.0")
class EntryCreated:
    "An entry was created."

    kind: Kind = field("What kind of content it is.", data_class="feature")

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
