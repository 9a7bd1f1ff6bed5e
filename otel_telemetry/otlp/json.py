"""Decoded events as OTLP JSON, which every OTLP/HTTP backend accepts and `jq` reads.

OTLP specification 1.x, "JSON Protobuf Encoding": protobuf's JSON with lowerCamelCase names and
64-bit integers as strings, but trace and span ids in hexadecimal. Pure standard library.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping

from otel_telemetry.otlp.decoder import DecodedEvent

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.otlp.decoder import DecodedValue

    Json = dict[str, object]


def request_as_json(events: Iterable[DecodedEvent]) -> Json:
    """Return an ExportLogsServiceRequest of *events*, in order within their scope.

    Events whose resource, or scope, is the same object share it in the request.
    """
    resources: dict[object, tuple[DecodedEvent, dict[object, list[DecodedEvent]]]] = {}
    for event in events:
        _, scopes = resources.setdefault(id(event.resource), (event, {}))
        scopes.setdefault(id(event.scope_attributes), []).append(event)
    return {
        "resourceLogs": [
            {
                **_resource(first),
                "scopeLogs": [
                    {**_scope(some[0]), "logRecords": [_record(event) for event in some]}
                    for some in scopes.values()
                ],
            }
            for first, scopes in resources.values()
        ]
    }


def _resource(event: DecodedEvent) -> Json:
    return _without_defaults(
        {
            "resource": _without_defaults(
                {
                    "attributes": _attributes(event.resource),
                    "droppedAttributesCount": event.resource_dropped_count,
                }
            ),
            "schemaUrl": event.resource_schema_url,
        }
    )


def _scope(event: DecodedEvent) -> Json:
    return _without_defaults(
        {
            "scope": _without_defaults(
                {
                    "name": event.scope_name,
                    "version": event.scope_version,
                    "attributes": _attributes(event.scope_attributes),
                    "droppedAttributesCount": event.scope_dropped_count,
                }
            ),
            "schemaUrl": event.scope_schema_url,
        }
    )


def _record(event: DecodedEvent) -> Json:
    return _without_defaults(
        {
            "timeUnixNano": str(event.timestamp) if event.timestamp else "",
            "observedTimeUnixNano": str(event.observed_timestamp)
            if event.observed_timestamp
            else "",
            "severityNumber": event.severity_number,
            "severityText": event.severity_text,
            "eventName": event.name,
            "body": {} if event.body is None else _value(event.body),
            "attributes": _attributes(event.attributes),
            "droppedAttributesCount": event.dropped_count,
            "traceId": event.trace_id,
            "spanId": event.span_id,
            "flags": event.flags,
        }
    )


def _without_defaults(message: Json) -> Json:
    """Return *message* without unset fields, as in protobuf's JSON."""
    return {name: value for name, value in message.items() if value}


def _attributes(attributes: Mapping[str, DecodedValue]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: DecodedValue) -> Json:
    """Return an AnyValue."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _SPECIAL[str(value)]}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"arrayValue": {"values": [_value(item) for item in value]}}


_SPECIAL = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
