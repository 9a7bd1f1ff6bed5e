"""What is shown of an event is what would leave."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_telemetry import Event, InvalidEventError, Telemetry
from otel_telemetry.hooks.sampling import once_per_day
from otel_telemetry.otlp.decoder import decode_request
from otel_telemetry.pipeline.preview import Preview, preview
from otel_telemetry.testing import OTLPReceiver
from tests.support.otlp_requests import as_received, buckets, of_receiver
from tests.support.values import same

Make = Callable[..., Telemetry]

_OWN = ("timestamp", "observed_timestamp")
names = st.text(min_size=1, max_size=30)


def _without_time_and_uid(event: dict[str, object]) -> dict[str, object]:
    attributes = event["attributes"]
    assert isinstance(attributes, dict)
    assert attributes.pop("log.record.uid")
    return {name: value for name, value in event.items() if name not in _OWN}


def _preview(telemetry: Telemetry, name: str = "didX", **event: object) -> Preview:
    return preview(telemetry.config, "some id", name, event, {}, {})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(names, buckets, buckets, buckets, st.sampled_from(["resource_and_scope", "record"]))
def test_the_preview_is_what_the_backend_gets_of_the_same_event(
    make: Make,
    receiver: OTLPReceiver,
    name: str,
    event: Mapping[str, object],
    user: Mapping[str, object],
    group: Mapping[str, object],
    place: str,
) -> None:
    """But for the time and the unique id, which every event has of its own."""
    receiver.clear()
    telemetry = make(properties_on=place, spool=False, resource_attributes={"edition": "free"})
    telemetry.send(name, event_properties=event, user_properties=user, group_properties=group)
    assert telemetry.flush(10)
    (received,) = receiver.events
    who = received.resource["app.installation.id"]

    shown = preview(telemetry.config, str(who), name, event, user, group)
    telemetry.destroy()

    assert shown.request is not None
    (decoded,) = decode_request(shown.request)
    assert same(
        _without_time_and_uid(as_received(decoded)), _without_time_and_uid(of_receiver(received))
    )
    assert len(shown.request) == len(receiver.requests[-1].protobuf)


def test_what_another_process_would_deliver_is_shown_as_it_would(make: Make) -> None:
    """Its bytes are made without OpenTelemetry; nothing is written down for it."""
    telemetry = make(delivery="detached", before_send=lambda event: event)

    shown = _preview(telemetry, model="article")

    assert shown.request is not None
    (event,) = decode_request(shown.request)
    assert event.attributes["model"] == "article"
    assert event.attributes["session.id"]
    assert event.resource["telemetry.sdk.name"] != "opentelemetry"
    assert [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()] == []


def test_nothing_leaves_and_nothing_is_kept(make: Make, receiver: OTLPReceiver) -> None:
    """No request, no file, no thread."""
    threads = set(threading.enumerate())

    assert _preview(make()).request is not None

    assert receiver.requests == ()
    assert [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()] == []
    assert set(threading.enumerate()) <= threads


def test_the_applications_hooks_see_it_as_they_see_every_event(make: Make) -> None:
    """What they change is changed in what is shown; what they drop would not leave."""

    def shout(event: Event) -> Event | None:
        if event.name == "secret":
            return None
        return replace(event, event_properties={"loud": True})

    telemetry = make(before_send=shout)

    shown = _preview(telemetry, quiet=True)
    dropped = _preview(telemetry, "secret")

    assert shown.request is not None
    (event,) = decode_request(shown.request)
    assert (event.attributes["loud"], "quiet" in event.attributes) == (True, False)
    assert (dropped.request, dropped.reason) == (None, "before_send")


def test_what_would_be_mended_is_told(make: Make) -> None:
    """So that its author can mend it at the source."""
    assert _preview(make(), **{"service.name": "mine"}).corrected == {"reserved_key": 1}


def test_what_could_not_go_is_an_error(make: Make) -> None:
    """As with `strict`."""
    with pytest.raises(InvalidEventError, match="1 to 256"):
        _preview(make(), "")


def test_what_goes_once_a_day_goes_after_it_was_looked_at(
    make: Make, receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """And once it went, it is shown that it would not."""
    telemetry = make(before_send=once_per_day("didX", state=tmp_path / "days"))
    assert _preview(telemetry).request is not None
    assert _preview(telemetry).request is not None
    assert not (tmp_path / "days").exists()

    telemetry.send("didX")
    assert telemetry.flush(10)

    assert [event.name for event in receiver.events] == ["didX"]
    assert _preview(telemetry).reason == "before_send"
