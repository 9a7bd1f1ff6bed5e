"""Declare all events, so that no others are sent, and generate a page about them for your users.

Keep the page in your repository and call `documents.check(CATALOG, "TELEMETRY.md")` in CI: it
returns the differences if the events changed and the page did not.
"""

from __future__ import annotations

from enum import Enum

from otel_telemetry import create_telemetry_instance
from otel_telemetry.catalog import Catalog, event, field
from otel_telemetry.catalog.documents import markdown
from otel_telemetry.testing import OTLPReceiver


class Kind(Enum):
    """The kind of content."""

    COLLECTION = "collectionType"
    SINGLE = "singleType"


class Plan(Enum):
    """The plan of the customer."""

    FREE = "free"
    TEAM = "team"


class Installation:
    """Properties of every event."""

    plan: Plan = field(
        "Which plan the customer has.", data_class="configuration", bucket="user", since="5.0"
    )


@event("didCreateEntry", since="5.0")
class EntryCreated:
    """An entry was created."""

    kind: Kind = field("What kind of content it is.", data_class="feature")
    locales: int = field(
        "How many locales it has.", data_class="feature", buckets=(1, 2, 5, 20), example=3
    )


CATALOG = Catalog(EntryCreated, version=1, common=Installation)


def main() -> None:
    with OTLPReceiver() as receiver:
        telemetry = create_telemetry_instance(
            "acme-cms", enabled=True, endpoint=receiver.http_endpoint, catalog=CATALOG
        )
        # Typed: a type checker checks the properties. A number is sent as the label of its range.
        telemetry.send(
            EntryCreated(kind=Kind.SINGLE, locales=7), user_properties={"plan": Plan.FREE}
        )
        # Plain: undeclared properties are removed.
        telemetry.send(
            "didCreateEntry", event_properties={"kind": "singleType", "title": "My diary"}
        )
        telemetry.send("didReadDiary")
        telemetry.destroy()

        for received in receiver.events:
            properties = dict(received.attributes)
            del properties["log.record.uid"]
            print(f"{received.name} arrived with {properties}")
        print(f"removed: {dict(telemetry.stats.corrected)}")
        print(f"dropped: {dict(telemetry.stats.dropped)}")

    print("\nThe page for users:\n")
    print(markdown(CATALOG).partition("## `didCreateEntry`")[2].strip())


if __name__ == "__main__":
    main()
