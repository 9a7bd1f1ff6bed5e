"""Decodes the events of a request or a segment, for people who inspect what is sent.

Field numbers are those of opentelemetry-proto v1 (common, resource and logs). Unknown fields are
skipped, as in protobuf. Pure standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import lru_cache

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import INT_MAX, UINT_MAX
from otel_telemetry.otlp.wire import read_fields

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    _Fields: TypeAlias = "dict[str, Any]"  # some fields of `DecodedEvent`
    DecodedValue: TypeAlias = (
        "str | bool | int | float | bytes | list[DecodedValue] | dict[str, DecodedValue] | None"
    )

_DEEPEST = 64  # levels of nesting; our own values have at most 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedEvent:
    """One log record, with its resource and its scope.

    Attributes:
        name: The record's ``event_name``.
        body: The record's body; None for none.
        attributes: The record's attributes.
        resource: The attributes of its resource.
        scope_name: The name of its instrumentation scope.
        scope_version: The version of that scope.
        scope_attributes: The attributes of that scope.
        timestamp: When it happened, in nanoseconds since the epoch; 0 if unknown.
        observed_timestamp: When it was observed, in nanoseconds since the epoch; 0 if unknown.
        severity_number: 1 to 24; 0 if unspecified.
        severity_text: The severity by the name that its source uses.
        trace_id: 32 hexadecimal digits; empty for none.
        span_id: 16 hexadecimal digits; empty for none.
        flags: The record's flags; the lowest eight bits are the W3C trace flags.
        dropped_count: How many of the record's attributes were dropped.
        resource_dropped_count: How many of the resource's attributes were dropped.
        scope_dropped_count: How many of the scope's attributes were dropped.
        resource_schema_url: The schema URL of the resource; empty for none.
        scope_schema_url: The schema URL of the scope; empty for none.
    """

    name: str = ""
    body: DecodedValue = None
    attributes: Mapping[str, DecodedValue] = field(default_factory=dict)
    resource: Mapping[str, DecodedValue] = field(default_factory=dict)
    scope_name: str = ""
    scope_version: str = ""
    scope_attributes: Mapping[str, DecodedValue] = field(default_factory=dict)
    timestamp: int = 0
    observed_timestamp: int = 0
    severity_number: int = 0
    severity_text: str = ""
    trace_id: str = ""
    span_id: str = ""
    flags: int = 0
    dropped_count: int = 0
    resource_dropped_count: int = 0
    scope_dropped_count: int = 0
    resource_schema_url: str = ""
    scope_schema_url: str = ""


def decode_request(data: bytes) -> Iterator[DecodedEvent]:
    """Yield the events of an ExportLogsServiceRequest.

    Raises:
        ValueError: *data* is not such a message.
    """
    for resource_logs in _Message(data).messages(1):
        resource = _resource(resource_logs)
        for scope_logs in resource_logs.messages(2):
            scope = _scope(scope_logs)
            for record in scope_logs.messages(2):
                yield _event(resource, scope, record)


def decode_record(resource: bytes, scope: bytes, record: bytes) -> Iterator[DecodedEvent]:
    """Yield the event of an encoded record (`requests.EncodedRecord`).

    Equal resources, and equal scopes, are decoded once, and share their attributes.

    Raises:
        ValueError: An argument is not such a field.
    """
    resource_fields, scope_fields = _decode_resource(resource), _decode_scope(scope)
    for message in _Message(record).messages(2):
        yield _event(resource_fields, scope_fields, message)


def _resource(resource_logs: _Message) -> _Fields:
    resource = resource_logs.message(1)
    return {
        "resource": _attributes(resource.messages(1)),
        "resource_dropped_count": resource.integer(2),
        "resource_schema_url": resource_logs.text(3),
    }


def _scope(scope_logs: _Message) -> _Fields:
    scope = scope_logs.message(1)
    return {
        "scope_name": scope.text(1),
        "scope_version": scope.text(2),
        "scope_attributes": _attributes(scope.messages(3)),
        "scope_dropped_count": scope.integer(4),
        "scope_schema_url": scope_logs.text(3),
    }


@lru_cache(maxsize=1024)
def _decode_resource(data: bytes) -> _Fields:
    return _resource(_Message(data))


@lru_cache(maxsize=1024)
def _decode_scope(data: bytes) -> _Fields:
    return _scope(_Message(data))


def _event(resource: _Fields, scope: _Fields, record: _Message) -> DecodedEvent:
    return DecodedEvent(
        name=record.text(12),
        body=_value(record.message(5), 0),
        attributes=_attributes(record.messages(6)),
        timestamp=record.fixed(1),
        observed_timestamp=record.fixed(11),
        severity_number=record.integer(2),
        severity_text=record.text(3),
        trace_id=record.data(9).hex(),
        span_id=record.data(10).hex(),
        flags=record.fixed(8),
        dropped_count=record.integer(7),
        **resource,
        **scope,
    )


class _Message:
    """A message by field numbers; of a field that is not repeated, the last value counts."""

    __slots__ = ("_fields",)

    def __init__(self, data: bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        for number, value in read_fields(data):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def data(self, number: int) -> bytes:
        """Return a field of bytes; empty if it is missing."""
        return _bytes(self._fields.get(number, [b""])[-1])

    def text(self, number: int) -> str:
        """Return a field of text."""
        return self.data(number).decode("utf-8", "replace")

    def integer(self, number: int) -> int:
        """Return a varint; 0 if it is missing."""
        value = self._fields.get(number, [0])[-1]
        if not isinstance(value, int):
            raise ValueError(f"field {number} is not a varint")  # noqa: TRY004 - malformed data
        return value

    def fixed(self, number: int) -> int:
        """Return a fixed32 or a fixed64."""
        return int.from_bytes(self.data(number), "little")

    def message(self, number: int) -> _Message:
        """Return a field that is a message; an empty one if it is missing."""
        return _Message(self.data(number))

    def messages(self, number: int) -> list[_Message]:
        """Return a repeated field of messages."""
        return [_Message(_bytes(data)) for data in self._fields.get(number, [])]


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a field is a varint instead of bytes")  # noqa: TRY004 - malformed data
    return value


def _attributes(pairs: Iterable[_Message], depth: int = 0) -> dict[str, DecodedValue]:
    return {pair.text(1): _value(pair.message(2), depth) for pair in pairs}


def _value(message: _Message, depth: int) -> DecodedValue:
    """Return the value of an AnyValue; None for an empty one."""
    if depth > _DEEPEST:
        raise ValueError("a value is nested too deep")
    if 1 in message:
        return message.text(1)
    if 2 in message:
        return message.integer(2) != 0
    if 3 in message:
        number = message.integer(3)
        return number - UINT_MAX - 1 if number > INT_MAX else number
    if 4 in message:
        data = message.data(4)
        if len(data) != 8:
            raise ValueError("a double is not 8 bytes long")
        double: float = struct.unpack("<d", data)[0]
        return double
    if 5 in message:
        return [_value(item, depth + 1) for item in message.message(5).messages(1)]
    if 6 in message:
        return _attributes(message.message(6).messages(1), depth + 1)
    return message.data(7) if 7 in message else None
