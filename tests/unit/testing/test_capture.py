"""Events that stay in the test: what is captured, and what is left of it afterwards."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from enum import Enum

import pytest

from otel_telemetry import (
    Event,
    InvalidEventError,
    Outcome,
    Telemetry,
    TelemetryConfig,
    TelemetryPayload,
)
from otel_telemetry.catalog import Catalog, event, field
from otel_telemetry.testing import CapturedEvent, OTLPReceiver, capture_events
from tests.support.audit import AUDIT
from tests.support.processes import refusing_port

Make = Callable[..., Telemetry]


class _Kind(Enum):
    SINGLE = "singleType"


@pytest.mark.parametrize("enabled", [True, False, None], ids=["on", "off", "undecided"])
def test_an_event_ends_in_the_test_whatever_was_decided(
    make: Make, receiver: OTLPReceiver, *, enabled: bool | None
) -> None:
    """In its three buckets, with the values that would have left."""
    telemetry = make(version="5.1.0", enabled=enabled, resource_attributes={"edition": "free"})

    with capture_events(telemetry) as events:
        receipt = telemetry.send(
            "didCreateEntry",
            TelemetryPayload(
                event_properties={"kind": _Kind.SINGLE, "tags": ("a",)},
                user_properties={"plan": "free", "os.type": "plan9"},
                group_properties={"locales": 3},
            ),
            timestamp=1_700_000_000_000_000_000,
        )

    sent = events.only()
    assert sent.resource["service.version"] == "5.1.0"
    assert sent.resource["edition"] == "free"
    assert sent.resource["plan"] == "free"
    assert sent == CapturedEvent(
        name="didCreateEntry",
        timestamp=1_700_000_000_000_000_000,
        event_properties={"kind": "singleType", "tags": sent.event_properties["tags"]},
        user_properties={"plan": "free", "os.type": "plan9"},
        group_properties={"locales": 3},
        resource=sent.resource,
    )
    events.assert_sent("didCreateEntry", event_properties={"tags": ["a"]})
    assert receipt.outcome is Outcome.DELIVERED
    assert receiver.requests == ()


def test_the_buckets_are_the_same_where_all_goes_on_the_record(make: Make) -> None:
    """How events are laid out on the wire is no business of such a test."""
    telemetry = make(properties_on="record")

    with capture_events(telemetry) as events:
        telemetry.send("x", event_properties={"a": 1}, user_properties={"b": 2})

    assert events[0].event_properties == {"a": 1}
    assert events[0].user_properties == {"b": 2}


def test_values_are_those_of_the_moment(make: Make) -> None:
    """What happens to a list after `send` does not happen to the event."""
    telemetry = make()
    tags = ["a"]

    with capture_events(telemetry) as events:
        telemetry.send("x", event_properties={"tags": tags})
        tags.append("b")

    events.assert_sent("x", event_properties={"tags": ["a"]})


def test_events_go_the_whole_normal_way(make: Make) -> None:
    """Hooks, checks and limits have their say, and what they did is counted."""

    def hook(given: Event) -> Event | None:
        return None if given.name == "private" else given

    telemetry = make(before_send=hook, attribute_count_limit=2)

    with capture_events(telemetry) as events:
        telemetry.send("private")
        telemetry.send("")
        telemetry.send("x", event_properties={"a": 1, "b": 2, "c": 3, "service.name": "other"})

    assert events.names == ("x",)
    assert events.dropped == {"before_send": 1, "invalid": 1}
    assert set(events.corrected) == {"cut", "reserved_key"}


def test_strict_is_strict(make: Make) -> None:
    """A test is where a maintainer wants to hear of it."""
    telemetry = make(strict=True, enabled=False)

    with capture_events(telemetry) as events, pytest.raises(InvalidEventError):
        telemetry.send("")

    assert len(events) == 0


def test_the_environment_of_the_machine_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same test has the same result on every desk."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=theirs")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    telemetry = Telemetry("acme-cms", enabled=True)

    with capture_events(telemetry) as events:
        telemetry.send("x")

    assert "team" not in events.only().resource


def test_several_instances_are_captured_together(make: Make) -> None:
    """In the order of all their events; an instance given twice counts once."""
    one, other = make("one"), make("other", attribute_count_limit=1)

    with capture_events(one, other, one) as events:
        other.send("a", event_properties={"x": 1, "y": 2})
        one.send("b")
        for telemetry in (one, other):
            telemetry.send("")

    assert events.names == ("a", "b")
    assert events[1].resource["service.name"] == "one"
    assert events.dropped == {"invalid": 2}
    assert events.corrected == {"cut": 1}


def test_events_of_all_threads_are_captured(make: Make) -> None:
    """It is the instance that is diverted, not the thread."""
    telemetry = make(enabled=False)
    threads = [
        threading.Thread(target=lambda: [telemetry.send("x") for _ in range(100)]) for _ in range(4)
    ]

    with capture_events(telemetry) as events:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(events) == 400
    assert events.names.count("x") == 400


def test_events_of_coroutines_are_captured(make: Make) -> None:
    """And awaiting one gives what the code under test would see."""
    telemetry = make(enabled=False)

    async def work() -> bool:
        async with telemetry:
            return await telemetry.send("x") and await telemetry.aflush()

    with capture_events(telemetry) as events:
        assert asyncio.run(work())

    assert events.names == ("x",)


def test_no_thread_no_file_no_connection(make: Make, tmp_path: object) -> None:
    """Not even where the settings name a spool and a backend."""
    with refusing_port() as port:
        telemetry = make(endpoint=f"http://127.0.0.1:{port}", spool=str(tmp_path))
        with capture_events(telemetry):  # what it imports, it has imported
            telemetry.send("x")

        before = threading.active_count()
        with (
            AUDIT.counting("socket.connect") as connections,
            AUDIT.counting("os.mkdir") as directories,
            capture_events(telemetry),
        ):
            telemetry.send("x")
            telemetry.flush()
            assert threading.active_count() == before

    assert connections == directories == []
    assert os.listdir(str(tmp_path)) == []


def test_the_settings_stay_as_they_are(make: Make) -> None:
    """The code under test may look at them."""
    telemetry = make(properties_on="record")
    config = telemetry.config

    with capture_events(telemetry):
        assert telemetry.config is config
        assert isinstance(telemetry.config, TelemetryConfig)


def test_a_catalogue_holds_and_typed_events_are_taken(make: Make) -> None:
    """What is not declared would not leave, so it is not captured, and is counted."""

    @event("didCreateEntry", since="5.0")
    class EntryCreated:
        """An entry was created."""

        draft: bool = field("Whether it is a draft.", data_class="feature", example=True)

    telemetry = make(enabled=False, catalog=Catalog(EntryCreated, version=1))

    with capture_events(telemetry) as events:
        telemetry.send(EntryCreated(draft=True))
        telemetry.send("didCreateEntry", event_properties={"draft": False, "title": "private"})
        telemetry.send("didGuess")

    events.assert_sent("didCreateEntry", event_properties={"draft": True}, times=1)
    assert events[1].event_properties == {"draft": False}
    assert events.dropped == {"undeclared": 1}
    assert events.corrected == {"undeclared_property": 1}
