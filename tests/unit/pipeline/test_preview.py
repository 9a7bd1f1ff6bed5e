"""A preview shows the request that would be sent."""

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
def test_the_preview_equals_the_request_that_the_backend_gets(
    make: Make,
    receiver: OTLPReceiver,
    name: str,
    event: Mapping[str, object],
    user: Mapping[str, object],
    group: Mapping[str, object],
    place: str,
) -> None:
    """Only the time and the unique id differ."""
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


def test_the_preview_of_detached_delivery_is_encoded_without_the_sdk(make: Make) -> None:
    """Nothing is written to the spool."""
    telemetry = make(delivery="detached", before_send=lambda event: event)

    shown = _preview(telemetry, model="article")

    assert shown.request is not None
    (event,) = decode_request(shown.request)
    assert event.attributes["model"] == "article"
    assert event.attributes["session.id"]
    assert event.resource["telemetry.sdk.name"] != "opentelemetry"
    assert [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()] == []


def test_a_preview_sends_and_writes_nothing(make: Make, receiver: OTLPReceiver) -> None:
    """No request, no file, no thread."""
    threads = set(threading.enumerate())

    assert _preview(make()).request is not None

    assert receiver.requests == ()
    assert [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()] == []
    assert set(threading.enumerate()) <= threads


def test_hooks_change_and_drop_the_previewed_event(make: Make) -> None:
    """As they do with every event."""

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


def test_a_preview_has_the_corrections_of_the_event(make: Make) -> None:
    """By kind."""
    assert _preview(make(), **{"service.name": "mine"}).corrected == {"reserved_key": 1}


def test_a_preview_of_a_wrong_event_raises(make: Make) -> None:
    """As with `strict`."""
    with pytest.raises(InvalidEventError, match="1 to 256"):
        _preview(make(), "")


def test_a_preview_does_not_count_for_once_per_day(
    make: Make, receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """After the day's event, the preview says that it would be dropped."""
    telemetry = make(before_send=once_per_day("didX", state=tmp_path / "days"))
    assert _preview(telemetry).request is not None
    assert _preview(telemetry).request is not None
    assert not (tmp_path / "days").exists()

    telemetry.send("didX")
    assert telemetry.flush(10)

    assert [event.name for event in receiver.events] == ["didX"]
    assert _preview(telemetry).reason == "before_send"
