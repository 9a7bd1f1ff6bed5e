"""Delivery through a real collector of another project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource

from otel_telemetry import Outcome, TelemetryPayload

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import OTLPLogRecordProcessor, Telemetry
    from otel_telemetry.testing import OTLPReceiver
    from tests.support.rotel import Rotel


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_event_arrives_with_every_field(
    http_receiver: OTLPReceiver,
    start_rotel: Callable[[str], Rotel],
    make_telemetry: Callable[..., Telemetry],
    protocol: str,
    compression: str,
) -> None:
    """Its name, its three buckets and the type of every value stay the same."""
    rotel = start_rotel(http_receiver.http_endpoint)
    endpoint = rotel.grpc_endpoint if protocol == "grpc" else rotel.http_endpoint
    telemetry = make_telemetry(endpoint, protocol=protocol, compression=compression)
    values = {"true": True, "one": 1, "half": 0.5, "list": [1, "a"], "map": {"k": b"\x00"}}
    receipt = telemetry.send(
        "didCreateEntry",
        TelemetryPayload(
            event_properties={"model": "article", **values},
            user_properties={"plan": "free", **values},
            group_properties={"database": "postgres", **values},
        ),
    )
    assert telemetry.flush(10)
    (event,) = http_receiver.wait_for_events(1)

    assert receipt.outcome is Outcome.DELIVERED
    assert event.name == "didCreateEntry"
    assert event.attributes["model"] == "article"
    assert event.resource["plan"] == "free"
    assert event.resource["service.name"] == "acme-cms"
    assert event.scope_attributes["database"] == "postgres"
    assert (event.scope_name, event.scope_version) == ("acme-cms", "5.1.0")
    for bucket in (event.attributes, event.resource, event.scope_attributes):
        assert repr({key: bucket[key] for key in values}) == repr(values)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_events_of_many_users_arrive_with_their_own_properties(
    http_receiver: OTLPReceiver,
    start_rotel: Callable[[str], Rotel],
    make_telemetry: Callable[..., Telemetry],
    protocol: str,
) -> None:
    """None is missing."""
    rotel = start_rotel(http_receiver.http_endpoint)
    endpoint = rotel.grpc_endpoint if protocol == "grpc" else rotel.http_endpoint
    telemetry = make_telemetry(endpoint, protocol=protocol)
    for number in range(1_000):
        telemetry.send(
            "didStart",
            event_properties={"n": number},
            user_properties={"n": number},
            group_properties={"n": number % 10},
        )
    assert telemetry.flush(20)
    events = http_receiver.wait_for_events(1_000, timeout=20)

    assert sorted(int(str(event.attributes["n"])) for event in events) == list(range(1_000))
    for event in events:
        assert event.attributes["n"] == event.resource["n"]
        assert int(str(event.resource["n"])) % 10 == event.scope_attributes["n"]


def test_requests_stay_below_the_grpc_limit(
    http_receiver: OTLPReceiver,
    start_rotel: Callable[[str], Rotel],
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """It is 4 MiB, even if the settings allow larger batches."""
    rotel = start_rotel(http_receiver.http_endpoint)
    telemetry = make_telemetry(rotel.grpc_endpoint, protocol="grpc", max_batch_bytes=64 * 1024**2)
    for _ in range(3):
        telemetry.send("didStart", event_properties={"text": "x" * 2_000_000})
    assert telemetry.flush(20)

    assert len(http_receiver.wait_for_events(3, timeout=20)) == 3


def test_plain_records_arrive_through_the_processor(
    http_receiver: OTLPReceiver,
    start_rotel: Callable[[str], Rotel],
    make_processor: Callable[..., OTLPLogRecordProcessor],
) -> None:
    """They come from an ordinary LoggerProvider."""
    rotel = start_rotel(http_receiver.http_endpoint)
    processor = make_processor(rotel.http_endpoint)
    provider = LoggerProvider(Resource({"service.name": "acme"}), shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    provider.get_logger("scope").emit(LogRecord(body="hello", attributes={"n": 1}))
    assert provider.force_flush()
    (event,) = http_receiver.wait_for_events(1)

    assert (event.body, event.attributes, event.resource) == (
        "hello",
        {"n": 1},
        {"service.name": "acme"},
    )
