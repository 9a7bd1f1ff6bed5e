"""Test the events of an application, without a backend, with telemetry on or off.

Run it directly or with pytest. In pytest, the fixture `captured_events` replaces the `with`.
"""

from __future__ import annotations

from otel_telemetry import Telemetry
from otel_telemetry.testing import capture_events

# The application. Its telemetry is off, because the user has not turned it on.
telemetry = Telemetry("acme-cms", endpoint="https://telemetry.acme.example")


def create_entry(model: str, *, draft: bool) -> None:
    if not telemetry.is_disabled:
        telemetry.send("didCreateEntry", event_properties={"model": model, "draft": draft})


def test_an_entry_is_counted() -> None:
    with capture_events(telemetry) as events:
        create_entry("article", draft=True)

    events.assert_sent("didCreateEntry", event_properties={"model": "article"}, times=1)
    events.assert_not_sent("didPublishEntry")


def main() -> None:
    test_an_entry_is_counted()
    with capture_events(telemetry) as events:
        create_entry("page", draft=False)
    try:
        events.assert_sent("didCreateEntry", event_properties={"model": "article"})
    except AssertionError as error:
        print(f"the message of a failing test:\n{error}")
    print(f"\nafter the tests: {telemetry.decision.reason}")


if __name__ == "__main__":
    main()
