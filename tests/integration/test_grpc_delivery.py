"""From `send` to a backend over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry import Outcome, TelemetryPayload

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Telemetry
    from otel_telemetry.testing import OTLPReceiver

VALUES: Final = {
    "true": True,
    "one": 1,
    "one_point_zero": 1.0,
    "bytes": b"\x00\xff",
    "nothing": None,
    "map": {"deep": [{"deeper": 1.0}]},
}


def test_three_buckets_arrive_as_record_resource_and_scope(
    grpc_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Event properties are on the record, user on the resource, group on the scope."""
    telemetry = make_telemetry(grpc_receiver)
    telemetry.send(
        "didCreateEntry",
        TelemetryPayload(
            event_properties={"model": "article", **VALUES},
            user_properties={"plan": "free", **VALUES},
            group_properties={"database": "postgres", **VALUES},
        ),
    )
    assert telemetry.flush(10)

    (event,) = grpc_receiver.events
    assert event.name == "didCreateEntry"
    assert event.attributes["model"] == "article"
    assert event.resource["plan"] == "free"
    assert event.scope_attributes["database"] == "postgres"
    for bucket in (event.attributes, event.resource, event.scope_attributes):
        assert repr({key: bucket[key] for key in VALUES}) == repr(VALUES)


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_events_arrive_with_and_without_compression(
    grpc_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry], compression: str
) -> None:
    """The settings are those of HTTP."""
    telemetry = make_telemetry(grpc_receiver, compression=compression)
    for number in range(100):
        telemetry.send("didStart", event_properties={"number": number})
    assert telemetry.flush(10)

    assert [event.attributes["number"] for event in grpc_receiver.events] == list(range(100))


def test_configured_headers_are_sent_as_metadata(
    grpc_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """They are sent with every request."""
    telemetry = make_telemetry(grpc_receiver, headers={"X-Api-Key": "k"})
    for _ in range(2):
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert [request.headers["x-api-key"] for request in grpc_receiver.requests] == ["k", "k"]


def test_full_batch_by_count_is_sent_without_a_flush(
    grpc_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The limit is the number of events."""
    telemetry = make_telemetry(grpc_receiver, max_batch_events=3)
    for _ in range(7):
        telemetry.send("didStart")
    requests = grpc_receiver.wait_for_requests(2)

    assert [len(request.events) for request in requests] == [3, 3]


def test_open_batch_is_sent_after_the_flush_interval(
    grpc_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The batch need not be full."""
    telemetry = make_telemetry(grpc_receiver, flush_interval=0.05)

    assert telemetry.send("didStart").wait(10) is Outcome.DELIVERED


def test_requests_stay_below_the_grpc_limit(
    grpc_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Servers accept 4 MiB, even if the settings allow larger batches."""
    telemetry = make_telemetry(grpc_receiver, max_batch_bytes=64 * 1024 * 1024)
    for _ in range(10):
        telemetry.send("didStart", event_properties={"text": "x" * 1_000_000})
    assert telemetry.flush(20)

    assert len(grpc_receiver.events) == 10
    assert len(grpc_receiver.requests) > 1
    assert telemetry.stats.requests == {"delivered": len(grpc_receiver.requests)}
