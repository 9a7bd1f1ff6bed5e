"""Decodes OTLP requests, in protobuf or JSON, to plain Python values."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_telemetry.testing.receiver.received import Contents, ReceivedEvent, ReceivedSpan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs

    from otel_telemetry.testing.receiver.received import ReceivedValue, Signal

Message: TypeAlias = (
    ExportLogsServiceRequest | ExportTraceServiceRequest | ExportMetricsServiceRequest
)

_MESSAGES: Final[Mapping[Signal, type[Message]]] = {
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
_HEX_FIELDS = frozenset({"traceId", "spanId", "parentSpanId"})


class UnreadableError(Exception):
    """The bytes are not a request of their signal."""


def from_protobuf(signal: Signal, data: bytes) -> Message:
    """Parse a protobuf request.

    Raises:
        UnreadableError: The bytes are not a request of the signal.
    """
    message = _MESSAGES[signal]()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise UnreadableError(str(error)) from error
    return message


def from_json(signal: Signal, data: bytes) -> Message:
    """Parse a request in OTLP's JSON, which is protobuf's JSON with hexadecimal ids.

    Raises:
        UnreadableError: The bytes are not a request of the signal.
    """
    try:
        document = json.loads(data)
        if not isinstance(document, dict):
            raise UnreadableError("the request is not a JSON object")
        _ids_to_base64(document)
        message = _MESSAGES[signal]()
        json_format.ParseDict(document, message, ignore_unknown_fields=True)
    # For some bad input, json_format raises an error that is not its own.
    except (json_format.Error, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    return message


def _ids_to_base64(node: object) -> None:
    """Convert, in place, the hexadecimal ids to base64, which protobuf's JSON uses for bytes.

    OTLP has attribute keys as values, never as member names, so none is mistaken for an id.
    """
    if isinstance(node, list):
        for item in node:
            _ids_to_base64(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _HEX_FIELDS and isinstance(value, str):
                node[key] = base64.b64encode(bytes.fromhex(value)).decode("ascii")
            else:
                _ids_to_base64(value)


def count_records(message: Message) -> int:
    """Count the log records of a request, without decoding them."""
    if not isinstance(message, ExportLogsServiceRequest):
        return 0
    return sum(
        len(scope.log_records)
        for resource in message.resource_logs
        for scope in resource.scope_logs
    )


def contents_of(message: Message) -> Contents:
    """Return the events and spans of a request, which are decoded on first use."""
    if isinstance(message, ExportLogsServiceRequest):
        logs = message
        return Contents(make_events=lambda: tuple(_events(logs.resource_logs)))
    if isinstance(message, ExportTraceServiceRequest):
        traces = message
        return Contents(make_spans=lambda: tuple(_spans(traces)))
    return Contents()


def _events(resource_logs: Iterable[ResourceLogs]) -> Iterator[ReceivedEvent]:
    """Decode the events; those of one resource or scope share its attributes."""
    for of_resource in resource_logs:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            scope = of_scope.scope
            scope_attributes = _attributes(scope.attributes)
            for record in of_scope.log_records:
                yield ReceivedEvent(
                    name=record.event_name,
                    body=_value(record.body),
                    attributes=_attributes(record.attributes),
                    resource=resource,
                    scope_name=scope.name,
                    scope_version=scope.version,
                    scope_attributes=scope_attributes,
                    timestamp=record.time_unix_nano,
                    observed_timestamp=record.observed_time_unix_nano,
                    severity_number=record.severity_number,
                    severity_text=record.severity_text,
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    # The lowest eight of the 32 bits are the W3C flags.
                    trace_flags=record.flags & 0xFF,
                    dropped_attributes_count=record.dropped_attributes_count,
                    resource_dropped_attributes_count=of_resource.resource.dropped_attributes_count,
                    scope_dropped_attributes_count=scope.dropped_attributes_count,
                )


def _spans(message: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    """Decode the spans."""
    for of_resource in message.resource_spans:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield ReceivedSpan(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    resource=resource,
                )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, ReceivedValue]:
    """Convert key-value pairs to a dict."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(any_value: AnyValue) -> ReceivedValue:
    """Convert an AnyValue to the Python value of the same type; an empty one is None."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in any_value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(any_value.kvlist_value.values)
    value: ReceivedValue = getattr(any_value, kind)
    return value
