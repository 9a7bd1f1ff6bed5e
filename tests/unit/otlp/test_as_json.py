"""OTLP's JSON, held against the official classes."""

from __future__ import annotations

import json

from hypothesis import given
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_telemetry.otlp.as_json import request_as_json
from otel_telemetry.otlp.decoder import DecodedEvent, decode_request
from otel_telemetry.testing.decoding import contents_of, from_json
from tests.support.otlp_requests import of_receiver, requests


@given(requests)
def test_a_backend_reads_the_json_as_it_reads_the_protobuf(
    request: ExportLogsServiceRequest,
) -> None:
    """The same events, in the same order, with the same types."""
    events = decode_request(request.SerializeToString())

    read = from_json("logs", json.dumps(request_as_json(events)).encode())

    expected = contents_of(request).events
    assert len(contents_of(read).events) == len(expected)
    for one, other in zip(contents_of(read).events, expected, strict=True):
        assert repr(of_receiver(one)) == repr(of_receiver(other))  # which has one NaN, as JSON


def test_neighbours_of_one_resource_and_scope_share_it() -> None:
    """And True, 1 and 1.0 are not one resource."""
    events = [
        DecodedEvent(name="a", resource={"k": 1}, scope_name="s"),
        DecodedEvent(name="b", resource={"k": 1}, scope_name="s"),
        DecodedEvent(name="c", resource={"k": 1}, scope_name="t"),
        DecodedEvent(name="d", resource={"k": True}, scope_name="t", resource_schema_url="u"),
    ]

    document = request_as_json(iter(events))

    assert document == {
        "resourceLogs": [
            {
                "resource": {"attributes": [{"key": "k", "value": {"intValue": "1"}}]},
                "scopeLogs": [
                    {
                        "scope": {"name": "s"},
                        "logRecords": [{"eventName": "a"}, {"eventName": "b"}],
                    },
                    {"scope": {"name": "t"}, "logRecords": [{"eventName": "c"}]},
                ],
            },
            {
                "resource": {"attributes": [{"key": "k", "value": {"boolValue": True}}]},
                "schemaUrl": "u",
                "scopeLogs": [{"scope": {"name": "t"}, "logRecords": [{"eventName": "d"}]}],
            },
        ]
    }
