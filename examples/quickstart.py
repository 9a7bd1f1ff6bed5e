"""Send events through the whole lifecycle, and print what arrives at an OTLP backend.

Run it directly: it starts a receiver in this process, in place of your collector.
"""

from __future__ import annotations

from collections.abc import Mapping

from otel_telemetry import TelemetryPayload, create_telemetry_instance
from otel_telemetry.testing import OTLPReceiver, ReceivedEvent


def main() -> None:
    with OTLPReceiver() as receiver:
        telemetry = create_telemetry_instance(
            "acme-cms", version="5.1.0", enabled=True, endpoint=receiver.http_endpoint
        )
        telemetry.register()
        print(
            f"telemetry is {'on' if telemetry.decision.enabled else 'off'}: "
            f"{telemetry.decision.reason}"
        )
        telemetry.bootstrap()
        telemetry.send(
            "didCreateEntry",
            TelemetryPayload(
                event_properties={"model": "article", "kind": "collectionType", "draft": True},
                user_properties={"plan": "free"},
                group_properties={"database": "postgres", "locales": 3},
            ),
        )
        receipt = telemetry.send(
            "didUpdateLocales",
            event_properties={"added": ["fr", "de"], "removed": []},
            user_properties={"plan": "team"},
            group_properties={"database": "postgres", "locales": 5},
        )
        telemetry.flush(timeout=5)
        print(f"the outcome of the last event: {receipt.outcome.name}")
        telemetry.destroy()

        for event in receiver.events:
            show(event)


def show(event: ReceivedEvent) -> None:
    """Print the attributes of *event*, by the kind of property."""
    print(f"\n{event.name}")
    rows: dict[str, Mapping[str, object]] = {
        "event properties, attributes of the log record": event.attributes,
        "user properties and the base, attributes of the resource": event.resource,
        "group properties, attributes of the scope": event.scope_attributes,
    }
    for title, attributes in rows.items():
        print(f"  {title}")
        width = max(map(len, attributes))
        for key, value in attributes.items():
            print(f"    {key:<{width}}  {value!r}")


if __name__ == "__main__":
    main()
