"""The real rotel collector forwards requests."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Final

import grpc
import urllib3
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.support.rotel import Rotel
from tests.support.sink import Sink

EXPORT: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def text(key: str, value: str) -> KeyValue:
    """Return one attribute."""
    return KeyValue(key=key, value=AnyValue(string_value=value))


REQUEST: Final = ExportLogsServiceRequest(
    resource_logs=[
        ResourceLogs(
            resource=Resource(attributes=[text("plan", "free")]),
            scope_logs=[
                ScopeLogs(
                    scope=InstrumentationScope(
                        name="acme", attributes=[text("database", "postgres")]
                    ),
                    log_records=[
                        LogRecord(
                            event_name="didCreateEntry",
                            time_unix_nano=1,
                            attributes=[text("model", "article")],
                        )
                    ],
                )
            ],
        )
    ]
)


def post(rotel: Rotel, body: bytes, **headers: str) -> int:
    """Send one request over http, and return its status."""
    with urllib3.PoolManager(retries=False) as http:
        return http.request(
            "POST",
            f"{rotel.http_endpoint}/v1/logs",
            body=body,
            headers={"Content-Type": "application/x-protobuf", **headers},
        ).status


def forwarded(sink: Sink) -> ResourceLogs:
    """Wait for the only request that rotel forwards, and return its logs."""
    request = sink.next_request(within=10)
    assert request.path == "/v1/logs"
    (resource_logs,) = ExportLogsServiceRequest.FromString(request.body).resource_logs
    return resource_logs


def test_an_event_over_http_is_forwarded_with_all_attributes() -> None:
    """Its name and its three kinds of attributes pass an independent collector."""
    with Sink() as sink, Rotel(sink.url) as rotel:
        status = post(rotel, REQUEST.SerializeToString())
        arrived = forwarded(sink)

    (scope_logs,) = arrived.scope_logs
    (record,) = scope_logs.log_records
    assert status == 200
    assert record.event_name == "didCreateEntry"
    assert list(record.attributes) == [text("model", "article")]
    assert list(arrived.resource.attributes) == [text("plan", "free")]
    assert list(scope_logs.scope.attributes) == [text("database", "postgres")]


def test_a_compressed_request_is_forwarded() -> None:
    """With gzip."""
    with Sink() as sink, Rotel(sink.url) as rotel:
        body = gzip.compress(REQUEST.SerializeToString())

        assert post(rotel, body, **{"Content-Encoding": "gzip"}) == 200
        assert forwarded(sink).scope_logs[0].log_records[0].event_name == "didCreateEntry"


def test_an_event_over_grpc_is_forwarded() -> None:
    """To the same sink."""
    with Sink() as sink, Rotel(sink.url) as rotel:
        target = rotel.grpc_endpoint.removeprefix("http://")
        with grpc.insecure_channel(target) as channel:
            channel.unary_unary(
                EXPORT,
                request_serializer=ExportLogsServiceRequest.SerializeToString,
                response_deserializer=ExportLogsServiceResponse.FromString,
            )(REQUEST, timeout=10)

        assert forwarded(sink).scope_logs[0].log_records[0].event_name == "didCreateEntry"


def test_the_output_lists_the_received_events() -> None:
    """A failing test can show them."""
    with Sink() as sink, Rotel(sink.url) as rotel:
        post(rotel, REQUEST.SerializeToString())
        forwarded(sink)

    assert "didCreateEntry" in rotel.output
    assert "postgres" in rotel.output


def test_two_collectors_run_side_by_side(start_rotel: Callable[[str], Rotel]) -> None:
    """One can forward to the other."""
    with Sink() as sink:
        last = start_rotel(sink.url)
        first = start_rotel(last.http_endpoint)
        post(first, REQUEST.SerializeToString())

        assert forwarded(sink).scope_logs[0].log_records[0].event_name == "didCreateEntry"
