"""OTLP messages of the official classes, for comparison with our own encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from otel_telemetry.otlp.encoder import log_record_field

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from otel_telemetry.types import AttributeValue


def any_value(value: AttributeValue) -> AnyValue:
    """Return the official message for *value*."""
    if value is None:
        return AnyValue()
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))


def pairs(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    """Return the official messages for *attributes*."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def assert_same(data: bytes, expected: Message) -> None:
    """Parse *data* with the official class and compare: by bytes, for NaN is not equal to itself.

    What the official class does not know is kept by it, and would show here.
    """
    parsed = type(expected).FromString(data)

    assert parsed.SerializeToString(deterministic=True) == expected.SerializeToString(
        deterministic=True
    )


def assert_record(
    *,
    timestamp: int = 1,
    observed_timestamp: int = 2,
    severity_number: int = 9,
    body: AttributeValue = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    event_name: str = "",
    severity_text: str = "",
    dropped_count: int = 0,
    trace_id: int = 0,
    span_id: int = 0,
    trace_flags: int = 0,
) -> None:
    """Encode a record and compare it with the official one."""
    data = log_record_field(
        timestamp=timestamp,
        observed_timestamp=observed_timestamp,
        severity_number=severity_number,
        body=body,
        attributes=attributes or {},
        event_name=event_name,
        severity_text=severity_text,
        dropped_count=dropped_count,
        trace_id=trace_id,
        span_id=span_id,
        trace_flags=trace_flags,
    )
    expected = LogRecord(
        time_unix_nano=timestamp,
        observed_time_unix_nano=observed_timestamp,
        severity_number=severity_number,  # type: ignore[arg-type]  # an enum's int
        severity_text=severity_text,
        body=None if body is None else any_value(body),
        attributes=pairs(attributes or {}),
        dropped_attributes_count=dropped_count,
        flags=trace_flags if trace_id else 0,
        trace_id=trace_id.to_bytes(16, "big") if trace_id else b"",
        span_id=span_id.to_bytes(8, "big") if trace_id else b"",
        event_name=event_name,
    )
    assert_same(data, ScopeLogs(log_records=[expected]))
