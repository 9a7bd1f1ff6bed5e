"""The decoder reads requests as the official classes do."""

from __future__ import annotations

import contextlib
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from otel_telemetry.otlp.decoder import DecodedEvent, decode_record, decode_request
from otel_telemetry.otlp.encoder import log_record_field, resource_field, scope_field
from otel_telemetry.otlp.wire import field
from otel_telemetry.testing.receiver.decoding import contents_of
from tests.support.official import pairs
from tests.support.otlp_requests import as_received, of_receiver, requests
from tests.support.values import same


def _nested(depth: int) -> bytes:
    """Return a request whose record has a body of lists within lists."""
    value = field(b"\x0a", b"end")
    for _ in range(depth):
        value = field(b"\x2a", field(b"\x0a", value))
    record = field(b"\x12", field(b"\x2a", value))
    return field(b"\x0a", field(b"\x12", record))


@given(requests)
def test_every_request_is_read_as_the_official_classes_read_it(
    request: ExportLogsServiceRequest,
) -> None:
    """Every field, every kind of value, at every level."""
    ours = list(decode_request(request.SerializeToString()))
    theirs = contents_of(request).events

    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert same(as_received(our), of_receiver(their))


@given(requests)
def test_schema_urls_are_read(request: ExportLogsServiceRequest) -> None:
    """They say what the names of attributes mean."""
    ours = [
        (event.resource_schema_url, event.scope_schema_url)
        for event in decode_request(request.SerializeToString())
    ]

    assert ours == [
        (resource.schema_url, scope.schema_url)
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for _ in scope.log_records
    ]


@given(
    st.binary(max_size=200)
    | st.builds(lambda r, n: r.SerializeToString()[:n], requests, st.integers(0, 300))
)
def test_what_is_no_request_is_a_value_error_at_most(data: bytes) -> None:
    """A file may hold anything."""
    with contextlib.suppress(ValueError):
        list(decode_request(data))


def test_a_value_that_nests_without_end_is_an_error() -> None:
    """And not the end of the interpreter's stack; ours nest 16 levels at most."""
    assert [event.body for event in decode_request(_nested(1))] == [["end"]]
    with pytest.raises(ValueError, match="too deep"):
        list(decode_request(_nested(10_000)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x08\x01", "varint instead of bytes"),
        (_nested(0).replace(b"\x2a\x05", b"\x12\x05"), "not a varint"),
        (field(b"\x0a", field(b"\x12", field(b"\x12", b"\x2a\x05\x25abcd"))), "8 bytes"),
    ],
    ids=["number for message", "message for number", "short double"],
)
def test_a_field_of_another_kind_is_an_error(data: bytes, message: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=message):
        list(decode_request(data))


def test_the_last_of_a_repeated_key_counts_and_unknown_fields_are_passed_over() -> None:
    """As in protobuf."""
    record = LogRecord(attributes=[*pairs({"a": 1}), *pairs({"a": 2})])
    request = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])]
    )

    (event,) = decode_request(request.SerializeToString() + b"\xf8\x07\x01")

    assert asdict(event) == asdict(DecodedEvent(attributes={"a": 2}))


def test_what_records_share_is_decoded_once() -> None:
    """And is one object in all of them."""
    resource, scope = resource_field({"k": True}), scope_field("s", "1", {"n": 1})
    record = log_record_field(
        timestamp=1, observed_timestamp=2, severity_number=9, body="x", attributes={"a": 1}
    )

    first, second = (next(decode_record(resource, scope, record)) for _ in range(2))

    assert first == second
    assert same(
        (first.resource, first.scope_name, first.scope_version, first.scope_attributes),
        ({"k": True}, "s", "1", {"n": 1}),
    )
    assert (first.timestamp, first.body, first.attributes) == (1, "x", {"a": 1})
    assert first.resource is second.resource
    assert first.scope_attributes is second.scope_attributes
