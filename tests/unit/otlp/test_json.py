"""OTLP JSON, compared with the official classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_telemetry.otlp.decoder import DecodedEvent, decode_request
from otel_telemetry.otlp.json import request_as_json
from otel_telemetry.testing.receiver.decoding import contents_of, from_json
from tests.support.otlp_requests import of_receiver, requests

if TYPE_CHECKING:
    from otel_telemetry.otlp.decoder import DecodedValue


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


def test_events_of_one_resource_or_scope_are_grouped() -> None:
    """In any order of the events; True and 1 are different."""
    one: dict[str, DecodedValue] = {"k": 1}
    scope: dict[str, DecodedValue] = {}
    events = [
        DecodedEvent(name="a", resource=one, scope_name="s", scope_attributes=scope),
        DecodedEvent(name="b", resource={"k": True}, resource_schema_url="u"),
        DecodedEvent(name="c", resource=one, scope_name="t"),
        DecodedEvent(name="d", resource=one, scope_name="s", scope_attributes=scope),
    ]

    document = request_as_json(iter(events))

    assert document == {
        "resourceLogs": [
            {
                "resource": {"attributes": [{"key": "k", "value": {"intValue": "1"}}]},
                "scopeLogs": [
                    {
                        "scope": {"name": "s"},
                        "logRecords": [{"eventName": "a"}, {"eventName": "d"}],
                    },
                    {"scope": {"name": "t"}, "logRecords": [{"eventName": "c"}]},
                ],
            },
            {
                "resource": {"attributes": [{"key": "k", "value": {"boolValue": True}}]},
                "schemaUrl": "u",
                "scopeLogs": [{"logRecords": [{"eventName": "b"}]}],
            },
        ]
    }
