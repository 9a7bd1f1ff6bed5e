"""Decoding OTLP requests to plain Python values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from otel_telemetry.testing import ReceivedEvent, ReceivedSpan, Signal
from otel_telemetry.testing.receiver.decoding import (
    UnreadableError,
    contents_of,
    count_records,
    from_json,
    from_protobuf,
)

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"


def pair(key: str, value: AnyValue) -> KeyValue:
    """Return an attribute."""
    return KeyValue(key=key, value=value)


def text(key: str, value: str) -> KeyValue:
    """Return an attribute that is a string."""
    return pair(key, AnyValue(string_value=value))


FULL_RECORD = LogRecord(
    event_name="didCreateEntry",
    body=AnyValue(string_value="didCreateEntry"),
    attributes=[text("model", "article")],
    time_unix_nano=1_700_000_000_000_000_001,
    observed_time_unix_nano=1_700_000_000_000_000_002,
    severity_number=9,  # type: ignore[arg-type]
    severity_text="Information",
    trace_id=bytes.fromhex(TRACE_ID),
    span_id=bytes.fromhex(SPAN_ID),
    flags=0x101,
    dropped_attributes_count=1,
)
FULL_REQUEST = ExportLogsServiceRequest(
    resource_logs=[
        ResourceLogs(
            resource=Resource(attributes=[text("plan", "free")], dropped_attributes_count=2),
            scope_logs=[
                ScopeLogs(
                    scope=InstrumentationScope(
                        name="acme-cms",
                        version="5.1.0",
                        attributes=[text("database", "postgres")],
                        dropped_attributes_count=3,
                    ),
                    log_records=[FULL_RECORD, LogRecord()],
                )
            ],
        ),
        ResourceLogs(),
    ]
)
FULL_EVENT = ReceivedEvent(
    name="didCreateEntry",
    body="didCreateEntry",
    attributes={"model": "article"},
    resource={"plan": "free"},
    scope_name="acme-cms",
    scope_version="5.1.0",
    scope_attributes={"database": "postgres"},
    timestamp=1_700_000_000_000_000_001,
    observed_timestamp=1_700_000_000_000_000_002,
    severity_number=9,
    severity_text="Information",
    trace_id=TRACE_ID,
    span_id=SPAN_ID,
    trace_flags=1,
    dropped_attributes_count=1,
    resource_dropped_attributes_count=2,
    scope_dropped_attributes_count=3,
)


def test_an_event_has_all_fields_of_its_record_resource_and_scope() -> None:
    """A field that the sender left out has the empty value of its type."""
    full, empty = contents_of(FULL_REQUEST).events

    assert full == FULL_EVENT
    assert empty == ReceivedEvent(
        resource=FULL_EVENT.resource,
        scope_name="acme-cms",
        scope_version="5.1.0",
        scope_attributes=FULL_EVENT.scope_attributes,
        resource_dropped_attributes_count=2,
        scope_dropped_attributes_count=3,
    )


def test_records_are_counted_without_decoding() -> None:
    """Only log requests have records."""
    assert count_records(FULL_REQUEST) == 2
    assert count_records(ExportTraceServiceRequest()) == 0


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        pytest.param(AnyValue(), None, id="none"),
        pytest.param(AnyValue(string_value=""), "", id="empty string"),
        pytest.param(AnyValue(bool_value=True), True, id="bool"),
        pytest.param(AnyValue(bool_value=False), False, id="false"),
        pytest.param(AnyValue(int_value=1), 1, id="int"),
        pytest.param(AnyValue(int_value=-(2**63)), -(2**63), id="smallest int"),
        pytest.param(AnyValue(double_value=1.0), 1.0, id="float"),
        pytest.param(AnyValue(bytes_value=b"\0\xff"), b"\0\xff", id="bytes"),
        pytest.param(AnyValue(array_value=ArrayValue()), [], id="empty list"),
        pytest.param(AnyValue(kvlist_value=KeyValueList()), {}, id="empty map"),
    ],
)
def test_a_value_keeps_its_type(wire: AnyValue, value: object) -> None:
    """True, 1 and 1.0 are three values, and an empty value is None."""
    nested = AnyValue(
        kvlist_value=KeyValueList(
            values=[pair("in", AnyValue(array_value=ArrayValue(values=[wire])))]
        )
    )
    record = LogRecord(attributes=[pair("v", wire), pair("nested", nested)])
    request = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])]
    )

    (event,) = contents_of(request).events

    assert event.attributes == {"v": value, "nested": {"in": [value]}}
    assert type(event.attributes["v"]) is type(value)


def test_a_span_has_its_ids_and_resource() -> None:
    """Ids are hexadecimal."""
    span = Span(name="GET /", trace_id=bytes.fromhex(TRACE_ID), span_id=bytes.fromhex(SPAN_ID))
    request = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=[text("plan", "free")]),
                scope_spans=[ScopeSpans(spans=[span])],
            )
        ]
    )

    contents = contents_of(request)

    assert contents.spans == (
        ReceivedSpan(name="GET /", trace_id=TRACE_ID, span_id=SPAN_ID, resource={"plan": "free"}),
    )
    assert contents.events == ()


def test_metrics_have_neither_events_nor_spans() -> None:
    """The receiver only lists their requests."""
    contents = contents_of(ExportMetricsServiceRequest())

    assert (contents.events, contents.spans) == ((), ())


def test_json_follows_the_rules_of_otlp() -> None:
    """Ids are hexadecimal, bytes base64, large integers strings; unknown members are ignored."""
    record = {
        "eventName": "didCreateEntry",
        "timeUnixNano": "1700000000000000001",
        "observedTimeUnixNano": 1_700_000_000_000_000_002,
        "severityNumber": 9,
        "traceId": TRACE_ID.upper(),
        "spanId": SPAN_ID,
        "flags": 1,
        "body": {"stringValue": "didCreateEntry"},
        "attributes": [
            {"key": "traceId", "value": {"stringValue": "no id"}},
            {"key": "int", "value": {"intValue": "9007199254740993"}},
            {"key": "bytes", "value": {"bytesValue": "AP8="}},
            {"key": "list", "value": {"arrayValue": {"values": [{"doubleValue": 1}, {}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a"}]}}},
        ],
        "fromTheFuture": {"spanId": 5},
    }
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}

    (event,) = contents_of(from_json("logs", json.dumps(document).encode())).events

    assert event == ReceivedEvent(
        name="didCreateEntry",
        body="didCreateEntry",
        timestamp=1_700_000_000_000_000_001,
        observed_timestamp=1_700_000_000_000_000_002,
        severity_number=9,
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        trace_flags=1,
        attributes={
            "traceId": "no id",
            "int": 9_007_199_254_740_993,
            "bytes": b"\0\xff",
            "list": [1.0, None],
            "map": {"a": None},
        },
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"resourceLogs": 5}', id="wrong type"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(
            b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}', id="bad id"
        ),
    ],
)
def test_bad_json_raises_unreadable_error(data: bytes) -> None:
    """Every defect raises the same error."""
    with pytest.raises(UnreadableError):
        from_json("logs", data)


def test_truncated_protobuf_raises_unreadable_error() -> None:
    """The last byte is missing."""
    with pytest.raises(UnreadableError):
        from_protobuf("logs", FULL_REQUEST.SerializeToString()[:-1])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceLogs", "scopeLogs", "logRecords", "traceId", "body", "intValue", "x"]
            ),
            children,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(document=JSON_VALUES, signal=st.sampled_from(["logs", "traces", "metrics"]))
def test_any_json_is_decoded_or_raises_unreadable_error(document: object, signal: Signal) -> None:
    """No document raises another error in a thread of the receiver."""
    try:
        message = from_json(signal, json.dumps(document).encode())
    except UnreadableError:
        return
    assert isinstance(contents_of(message).events, tuple)


@given(data=st.binary(), signal=st.sampled_from(["logs", "traces", "metrics"]))
def test_any_bytes_are_decoded_or_raise_unreadable_error(data: bytes, signal: Signal) -> None:
    """The same for protobuf."""
    try:
        message = from_protobuf(signal, data)
    except UnreadableError:
        return
    assert isinstance(contents_of(message).spans, tuple)
