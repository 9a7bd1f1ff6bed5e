"""Requests are built of batches, and responses are parsed."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_telemetry.otlp.encoder import log_record_field, resource_field, scope_field
from otel_telemetry.otlp.requests import PartialSuccess, export_request, parse_response


def record(name: str) -> bytes:
    """Encode a record."""
    return log_record_field(
        timestamp=1,
        observed_timestamp=2,
        severity_number=9,
        body=None,
        attributes={},
        event_name=name,
    )


def resource(name: str) -> bytes:
    """Encode a resource."""
    return resource_field({"name": name}, schema_url="https://r.example")


def scope(name: str) -> bytes:
    """Encode a scope."""
    return scope_field(name, "1", schema_url="https://s.example")


def official(batch: list[tuple[str, str, str]]) -> ExportLogsServiceRequest:
    """Build the request for records, each given as its resource, scope and name."""
    grouped: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for of_resource, of_scope, name in batch:
        grouped[of_resource][of_scope].append(name)
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=Resource(
                    attributes=[KeyValue(key="name", value=AnyValue(string_value=of_resource))]
                ),
                scope_logs=[
                    ScopeLogs(
                        scope=InstrumentationScope(name=of_scope, version="1"),
                        log_records=[
                            LogRecord(
                                time_unix_nano=1,
                                observed_time_unix_nano=2,
                                severity_number=9,  # type: ignore[arg-type]  # an enum's int
                                event_name=name,
                            )
                            for name in names
                        ],
                        schema_url="https://s.example",
                    )
                    for of_scope, names in scopes.items()
                ],
                schema_url="https://r.example",
            )
            for of_resource, scopes in grouped.items()
        ]
    )


def assert_request(batch: list[tuple[str, str, str]]) -> None:
    """Make the request for *batch* and compare it with the official one."""
    data = export_request((resource(of), scope(under), record(name)) for of, under, name in batch)

    assert ExportLogsServiceRequest.FromString(data) == official(batch)


class TestRequests:
    """Records nested in scopes, nested in resources."""

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.text(min_size=1))))
    def test_a_request_is_that_of_the_official_classes(
        self, batch: list[tuple[str, str, str]]
    ) -> None:
        """Each record once, under its own resource and scope, in order within its scope."""
        assert_request(batch)

    def test_a_batch_of_nothing_is_an_empty_request(self) -> None:
        """Which is legal."""
        assert export_request([]) == b""

    def test_each_of_many_resources_has_its_own_scopes(self) -> None:
        """Two thousand of them, no two records alike: nothing is merged, nothing is repeated."""
        assert_request([(f"r{number}", f"s{number % 7}", f"e{number}") for number in range(2000)])

    def test_each_of_many_scopes_is_there_once(self) -> None:
        """Records that take turns among a thousand scopes find the scope they belong to."""
        batch = [("r", f"s{number % 1000}", f"e{number}") for number in range(3000)]

        assert_request(batch)
        assert len(official(batch).resource_logs[0].scope_logs) == 1000

    def test_records_are_grouped_by_the_bytes_of_resource_and_scope(self) -> None:
        """Equal bytes of different objects are one group."""
        data = export_request(
            (bytes(bytearray(resource("r"))), bytes(bytearray(scope("s"))), record(name))
            for name in ("one", "two")
        )

        assert ExportLogsServiceRequest.FromString(data) == official(
            [("r", "s", "one"), ("r", "s", "two")]
        )


class TestResponses:
    """The body of a response whose status is success."""

    @given(st.integers(0, 2**63 - 1), st.text())
    def test_a_partial_success_is_that_of_the_official_class(
        self, rejected: int, message: str
    ) -> None:
        """The number of rejected records, and the message."""
        answer = ExportLogsServiceResponse(
            partial_success=ExportLogsPartialSuccess(
                rejected_log_records=rejected, error_message=message
            )
        )

        assert parse_response(answer.SerializeToString()) == PartialSuccess(
            rejected_count=rejected, message=message
        )

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="empty"),
            pytest.param(ExportLogsServiceResponse().SerializeToString(), id="full success"),
            pytest.param(b"\x0a\x00", id="an empty partial success"),
            pytest.param(b'{"partialSuccess":{"rejectedLogRecords":"5"}}', id="JSON"),
            pytest.param(b"<html>OK</html>", id="HTML"),
            pytest.param(b"OK", id="text"),
            pytest.param(b"\x0a\x7f\x08\x05", id="cut off"),
            pytest.param(b"\x0a\x02\x08\x80", id="cut off within"),
            pytest.param(b"\x08\x05", id="partial_success is a number"),
            pytest.param(b"\x0a\x03\x0a\x01x", id="rejected is a text"),
            pytest.param(b"\x0a\x02\x10\x07", id="the message is a number"),
            pytest.param(b"\x12\x04\x08\x05\x12\x00", id="another field"),
            pytest.param(b"\x0a\x02\x18\x05", id="another field within"),
        ],
    )
    def test_anything_else_means_full_success(self, body: bytes) -> None:
        """Some backends respond with HTML or JSON."""
        assert parse_response(body) == PartialSuccess()

    def test_unknown_fields_of_a_response_are_skipped(self) -> None:
        """A backend may use a newer protocol."""
        body = b"\x10\x01\x0a\x09\x1d\0\0\0\0\x08\x03\x12\x00\x22\x01x"

        assert parse_response(body) == PartialSuccess(rejected_count=3)

    def test_a_message_that_is_not_unicode_is_replaced(self) -> None:
        """By replacement characters."""
        assert parse_response(b"\x0a\x05\x08\x01\x12\x01\xff").message == "\ufffd"
