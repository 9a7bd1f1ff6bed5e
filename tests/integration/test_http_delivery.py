"""From `send` to a backend over HTTP."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry import Outcome, TelemetryPayload

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Telemetry
    from otel_telemetry.testing import OTLPReceiver

VALUES: Final = {
    "text": "späti",
    "true": True,
    "one": 1,
    "one_point_zero": 1.0,
    "negative": -(2**63),
    "bytes": b"\x00\xff",
    "nothing": None,
    "list": ["a", 1, True, 1.0, None],
    "map": {"deep": [{"deeper": 1.0}], "none": None},
    "empty_list": [],
    "empty_map": {},
}


def test_three_buckets_arrive_as_record_resource_and_scope(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Event properties are on the record, user on the resource, group on the scope."""
    telemetry = make_telemetry(http_receiver)
    telemetry.send(
        "didCreateEntry",
        TelemetryPayload(
            event_properties={"model": "article"},
            user_properties={"plan": "free"},
            group_properties={"database": "postgres"},
        ),
    )
    assert telemetry.flush(10)

    (event,) = http_receiver.events
    assert (event.name, event.body) == ("didCreateEntry", "didCreateEntry")
    assert set(event.attributes) == {"model", "log.record.uid"}
    assert event.attributes["model"] == "article"
    assert event.resource["plan"] == "free"
    assert event.resource["service.name"] == "acme-cms"
    assert event.resource["service.version"] == "5.1.0"
    assert event.scope_attributes == {"database": "postgres"}
    assert (event.scope_name, event.scope_version) == ("acme-cms", "5.1.0")
    assert event.severity_number == 9
    assert 0 < event.timestamp <= event.observed_timestamp


def test_value_types_are_kept_in_every_bucket(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """This holds at every level: True, 1 and 1.0 are three values."""
    telemetry = make_telemetry(http_receiver)
    telemetry.send(
        "didStart", event_properties=VALUES, user_properties=VALUES, group_properties=VALUES
    )
    assert telemetry.flush(10)

    (event,) = http_receiver.events
    for bucket in (event.attributes, event.resource, event.scope_attributes):
        assert repr({key: bucket[key] for key in VALUES}) == repr(VALUES)


def test_users_and_groups_equal_except_in_type_stay_separate(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """True, 1 and 1.0 make three resources and three scopes, in one request."""
    telemetry = make_telemetry(http_receiver)
    for value in (True, 1, 1.0, True):
        telemetry.send("didStart", user_properties={"v": value}, group_properties={"v": value})
    assert telemetry.flush(10)

    arrived = [(event.resource["v"], event.scope_attributes["v"]) for event in http_receiver.events]
    assert len(http_receiver.requests) == 1
    assert sorted(map(repr, arrived)) == ["(1, 1)", "(1.0, 1.0)", "(True, True)", "(True, True)"]


def test_event_is_a_snapshot_of_its_properties(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Changes after `send` do not reach the backend."""
    properties: dict[str, object] = {"list": [1], "map": {"k": 1}}
    telemetry = make_telemetry(http_receiver)
    telemetry.send(
        "didStart",
        event_properties=properties,
        user_properties=properties,
        group_properties=properties,
    )
    properties["list"] = properties["map"] = "changed"
    assert telemetry.flush(10)

    (event,) = http_receiver.events
    for bucket in (event.attributes, event.resource, event.scope_attributes):
        assert (bucket["list"], bucket["map"]) == ([1], {"k": 1})


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_compression_follows_the_setting(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry], compression: str
) -> None:
    """The same events arrive with gzip and without compression."""
    telemetry = make_telemetry(http_receiver, compression=compression)
    for number in range(100):
        telemetry.send("didStart", event_properties={"number": number})
    assert telemetry.flush(10)

    (request,) = http_receiver.requests
    assert request.headers.get("content-encoding") == ("gzip" if compression == "gzip" else None)
    assert (request.size < len(request.protobuf)) is (compression == "gzip")
    assert len(gzip.compress(request.protobuf)) < len(request.protobuf)
    assert [event.attributes["number"] for event in http_receiver.events] == list(range(100))


def test_configured_headers_are_sent_with_every_request(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """This includes the second request."""
    telemetry = make_telemetry(http_receiver, headers={"X-Api-Key": "k"})
    for _ in range(2):
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert [request.headers["x-api-key"] for request in http_receiver.requests] == ["k", "k"]


def test_logs_endpoint_is_used_unchanged(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """No path is added."""
    telemetry = make_telemetry(logs_endpoint=f"{http_receiver.http_endpoint}/otlp/logs")
    receipt = telemetry.send("didStart")
    telemetry.flush(10)

    assert http_receiver.requests[0].path == "/otlp/logs"
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "HTTP status 404")


# -- Batches -----------------------------------------------------------------------------------


def test_full_batch_by_count_is_sent_without_a_flush(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The limit is the number of events."""
    telemetry = make_telemetry(http_receiver, max_batch_events=3)
    for number in range(7):
        telemetry.send("didStart", event_properties={"number": number})
    requests = http_receiver.wait_for_requests(2)

    assert [len(request.events) for request in requests] == [3, 3]
    assert telemetry.flush(10)
    assert [event.attributes["number"] for event in http_receiver.events] == list(range(7))


def test_requests_keep_the_size_limit_of_a_batch(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Only the framing of the request comes on top."""
    telemetry = make_telemetry(http_receiver, max_batch_bytes=5_000, compression="none")
    for _ in range(20):
        telemetry.send("didStart", event_properties={"text": "x" * 1_000})
    assert telemetry.flush(10)

    assert len(http_receiver.requests) >= 5
    assert all(request.size < 5_100 for request in http_receiver.requests)
    assert len(http_receiver.events) == 20


def test_event_larger_than_a_batch_is_sent_alone(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The limit of a batch does not drop an event."""
    telemetry = make_telemetry(http_receiver, max_batch_bytes=5_000)
    for size in (10, 20_000, 10):
        telemetry.send("didStart", event_properties={"text": "x" * size})
    assert telemetry.flush(10)

    assert [len(request.events) for request in http_receiver.requests] == [1, 1, 1]


def test_open_batch_is_sent_after_the_flush_interval(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The batch need not be full."""
    telemetry = make_telemetry(http_receiver, flush_interval=0.05)
    receipt = telemetry.send("didStart")

    assert receipt.wait(10) is Outcome.DELIVERED
    assert [event.name for event in http_receiver.events] == ["didStart"]


def test_events_of_a_batch_share_a_receipt(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """They have the same outcome."""
    telemetry = make_telemetry(http_receiver)
    first, second = telemetry.send("didStart"), telemetry.send("didStart")
    before = first.outcome
    assert telemetry.flush(10)
    after = first.outcome

    assert first is second
    assert (before, after) == (Outcome.PENDING, Outcome.DELIVERED)
    assert telemetry.send("didStart") is not first


def test_every_event_has_a_unique_id(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """A store can drop duplicates by it."""
    first, second = make_telemetry(http_receiver), make_telemetry(http_receiver)
    for _ in range(50):
        first.send("didStart")
        second.send("didStart")
    assert first.flush(10)
    assert second.flush(10)

    assert len({event.uid for event in http_receiver.events}) == 100
