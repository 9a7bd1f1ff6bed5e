"""Declared events, from `send` to the backend."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest

from otel_telemetry import ConfigurationError, InvalidEventError, Outcome, Telemetry
from otel_telemetry.catalog.documents import json_schema
from otel_telemetry.testing import OTLPReceiver, ReceivedEvent
from tests.support.declared import CATALOG, EntryCreated, EntryDeleted, Kind, Plan

Make = Callable[..., Telemetry]

_CREATED = EntryCreated(kind=Kind.SINGLE, slug="article", locales=3, seconds=0.2)


def _sent(telemetry: Telemetry, receiver: OTLPReceiver) -> tuple[ReceivedEvent, ...]:
    assert telemetry.flush(10)
    return receiver.events


def test_events_that_arrive_are_valid_by_the_json_schema(
    make: Make, receiver: OTLPReceiver
) -> None:
    """The attributes of the library aside."""
    telemetry = make(catalog=CATALOG)
    beside: dict[str, dict[str, object]] = {
        "user_properties": {"plan": Plan.FREE},
        "groupProperties": {"database": "mysql"},
    }

    telemetry.send(_CREATED, beside)
    telemetry.send(EntryDeleted(kind="other", entries="a1b2", slug="page"), timestamp=5)
    telemetry.send("app started")
    telemetry.send("didCreateEntry", beside, event_properties={"kind": "x", "locales": 9})

    events = _sent(telemetry, receiver)
    declared = {item.name for item in CATALOG.properties()}
    for event in events:
        jsonschema.validate(
            {
                "event": event.name,
                "event_properties": {
                    key: value for key, value in event.attributes.items() if key != "log.record.uid"
                },
                "user_properties": {
                    key: value for key, value in event.resource.items() if key in declared
                },
                "group_properties": event.scope_attributes,
            },
            json.loads(json_schema(CATALOG)),
        )
    # Stable, and a request has events that are alike in their order.
    started, created, plain, deleted = sorted(events, key=lambda event: event.name)
    assert (started.name, deleted.name) == ("app started", "didDeleteEntry")
    assert created.attributes["seconds"] == "0.1 to <1"
    assert created.resource["plan"] == "free"
    assert created.scope_attributes == plain.scope_attributes == {"database": "mysql"}
    assert plain.attributes["locales"] == "5 to 19"
    assert deleted.timestamp == 5
    assert telemetry.stats.corrected == {"invalid_property": 1}


def test_an_undeclared_event_is_counted(make: Make, receiver: OTLPReceiver) -> None:
    """As dropped."""
    telemetry = make(catalog=CATALOG)

    receipt = telemetry.send("didUpdateEntry")

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "undeclared")
    assert (telemetry.stats.accepted, telemetry.stats.dropped) == (1, {"undeclared": 1})
    assert _sent(telemetry, receiver) == ()


def test_strict_raises_for_an_undeclared_event_or_value(make: Make, receiver: OTLPReceiver) -> None:
    """In the tests of an application, for example."""
    telemetry = make(catalog=CATALOG, strict=True)

    with pytest.raises(InvalidEventError, match="'didUpdateEntry' is not declared"):
        telemetry.send("didUpdateEntry")
    with pytest.raises(InvalidEventError, match=r"invalid_property \('kind'\)"):
        telemetry.send("didCreateEntry", event_properties={"kind": "x"})

    assert telemetry.stats.dropped == {"invalid": 2}
    assert _sent(telemetry, receiver) == ()


def test_a_typed_event_needs_no_catalogue(make: Make, receiver: OTLPReceiver) -> None:
    """It carries its declaration."""
    telemetry = make()

    telemetry.send(_CREATED, user_properties={"seats": 5})

    (event,) = _sent(telemetry, receiver)
    assert event.name == "didCreateEntry"
    assert event.attributes["locales"] == "2 to 4"
    assert event.resource["seats"] == 5


@pytest.mark.parametrize("strict", [False, True])
def test_a_typed_event_raises_nothing_when_telemetry_is_off(strict: bool) -> None:  # noqa: FBT001 - a table
    """Also with `strict`, and an undeclared event neither."""
    telemetry = Telemetry("acme-cms", enabled=False, catalog=CATALOG, strict=strict)

    assert telemetry.send(_CREATED).outcome is Outcome.DISABLED
    assert telemetry.send("didUpdateEntry").outcome is Outcome.DISABLED


def test_a_typed_event_without_values_is_dropped(make: Make) -> None:
    """And counted. Nothing is raised."""
    telemetry = make(catalog=CATALOG)

    receipt = telemetry.send(EntryCreated.__new__(EntryCreated))

    assert receipt.outcome is Outcome.DROPPED
    assert telemetry.stats.dropped == {"internal": 1}


def test_log_mode_prints_the_event_as_it_would_be_sent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the catalogue, not before."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")
    telemetry = Telemetry("acme-cms", catalog=CATALOG)

    telemetry.send("didCreateEntry", event_properties={"locales": 3, "email": "a@b.example"})
    telemetry.destroy()

    printed = json.loads(capsys.readouterr().err.partition("not sent: ")[2])
    del printed["event_properties"]["log.record.uid"]
    assert printed["event_properties"] == {"locales": "2 to 4"}


def test_the_environment_cannot_set_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it cannot remove it either."""
    monkeypatch.setenv("OTEL_TELEMETRY_CATALOG", "none")

    with pytest.raises(ConfigurationError, match="is not supported: set catalog in code"):
        Telemetry("acme-cms", catalog=CATALOG)
