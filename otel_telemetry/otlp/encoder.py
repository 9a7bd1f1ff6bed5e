"""OTLP protobuf, written straight to bytes.

Field numbers and types are those of opentelemetry-proto v1 (common, resource and logs), which is
stable; property tests hold every function here against the official classes. What comes in must be
legal (`mapping.values`): an illegal value raises, and the caller drops the one record.

Each function returns a complete field (tag, length, message), so that a request is a concatenation.
Pure standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

from otel_telemetry.otlp.wire import field, varint
from otel_telemetry.typing import AttributeValue

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Protocol

    class _Lookup(Protocol):
        def get(self, value: object, /) -> bytes | None: ...


_MASK64 = (1 << 64) - 1
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1

# ResourceLogs.resource, ScopeLogs.scope and ScopeLogs.log_records, and the attributes of each.
_RESOURCE, _RESOURCE_ATTRIBUTES = b"\x0a", b"\x0a"
_SCOPE, _SCOPE_ATTRIBUTES = b"\x0a", b"\x1a"
_LOG_RECORD, _LOG_RECORD_ATTRIBUTES = b"\x12", b"\x32"

# What is remembered of the attributes of log records; at most some 32 MiB, in practice kilobytes.
_KNOWN_KEYS, _KNOWN_TEXTS, _KNOWN_TEXT_BYTES, _KNOWN_INTS = 1024, 64, 64, 128

_double = struct.Struct("<d").pack
# LogRecord.time_unix_nano, observed_time_unix_nano and severity_number.
_times = struct.Struct("<BQBQBB").pack


def resource_field(
    attributes: Mapping[str, AttributeValue], *, dropped: int = 0, schema_url: str = ""
) -> bytes:
    """Return what begins a ResourceLogs: its resource, and its schema URL if there is one."""
    message = _attributes(_RESOURCE_ATTRIBUTES, attributes)
    if dropped:
        message += b"\x10" + varint(dropped)
    return field(_RESOURCE, message) + (field(b"\x1a", schema_url.encode()) if schema_url else b"")


def scope_field(
    name: str,
    version: str | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    dropped: int = 0,
    schema_url: str = "",
) -> bytes:
    """Return what begins a ScopeLogs: its scope, and its schema URL if there is one."""
    message = field(b"\x0a", name.encode()) if name else b""
    if version:
        message += field(b"\x12", version.encode())
    if attributes:
        message += _attributes(_SCOPE_ATTRIBUTES, attributes)
    if dropped:
        message += b"\x20" + varint(dropped)
    return field(_SCOPE, message) + (field(b"\x1a", schema_url.encode()) if schema_url else b"")


def log_record_field(
    timestamp: int,
    observed_timestamp: int,
    severity_number: int,
    body: AttributeValue,
    attributes: Mapping[str, AttributeValue],
    event_name: str = "",
    severity_text: str = "",
    dropped: int = 0,
    trace_id: int = 0,
    span_id: int = 0,
    trace_flags: int = 0,
) -> bytes:
    """Return a ScopeLogs.log_records field.

    Args:
        timestamp: Nanoseconds since the epoch; 0 for unknown, as in OTLP.
        observed_timestamp: Nanoseconds since the epoch.
        severity_number: 0 to 24.
        body: A legal value; None for no body.
        attributes: Legal attributes.
        event_name: The event's name; empty for a record that is no event.
        severity_text: The severity as its source called it.
        dropped: Attributes that were cut.
        trace_id: 128 bits; 0 for none.
        span_id: 64 bits; 0 for none.
        trace_flags: The W3C trace flags of the span.

    Raises:
        UnicodeEncodeError: A str is no valid Unicode.
        OverflowError: An integer is beyond 64 bits.
        TypeError: A value is of no legal type.
        struct.error: A number does not fit its field.
    """
    parts = [_times(0x09, timestamp, 0x59, observed_timestamp, 0x10, severity_number)]
    if event_name:
        # Names recur and are remembered; of other texts that would be any number, of any length.
        is_body = body is event_name
        parts.append(_event_name(event_name, is_body))
        if is_body:
            body = None
    if body is not None:
        parts.append(field(b"\x2a", _any_value(body)))
    _add_attributes(parts, attributes)
    if severity_text:
        parts.append(field(b"\x1a", severity_text.encode()))
    if dropped:
        parts += (b"\x38", varint(dropped))
    if trace_id:
        parts += (
            b"\x45",
            trace_flags.to_bytes(4, "little"),
            b"\x4a\x10",
            trace_id.to_bytes(16, "big"),
            b"\x52\x08",
            span_id.to_bytes(8, "big"),
        )
    message = b"".join(parts)
    return _record_head(len(message)) + message


@lru_cache(maxsize=1024)
def _record_head(size: int) -> bytes:
    return _LOG_RECORD + varint(size)


@lru_cache(maxsize=1024)
def _event_name(name: str, is_body: bool) -> bytes:  # noqa: FBT001 - positional, for the cache
    text = name.encode()
    return field(b"\x62", text) + (field(b"\x2a", field(b"\x0a", text)) if is_body else b"")


class _RecordKey:
    """What is known of a key of log record attributes: bytes ready for each kind of value.

    A process sends few names with few values, again and again: most attributes of a record are one
    look-up. Made by whichever thread needs it first; a second one made meanwhile is as good.

    Attributes:
        known: The whole attribute for each value met before, as far as there is room.
        texts: That for each str.
        ints: That for each int.
    """

    __slots__ = ("_double", "_head", "_int_heads", "_text_heads", "ints", "known", "texts")

    def __init__(self, key: str) -> None:
        self._head = field(b"\x0a", key.encode())
        self._double = self._attribute(_any_value(0.0))[:-8]
        self._int_heads: dict[int, bytes] = {}
        self._text_heads: dict[int, bytes] = {}
        self.texts: dict[object, bytes] = {}
        self.ints: dict[object, bytes] = {}
        bools: dict[object, bytes] = {
            value: self._attribute(_any_value(value)) for value in (True, False)
        }
        # Of floats there are too many.
        self.known = _Known({str: self.texts, int: self.ints, bool: bools, float: {}})

    def _attribute(self, any_value: bytes) -> bytes:
        return field(_LOG_RECORD_ATTRIBUTES, self._head + field(b"\x12", any_value))

    def encode(self, value: AttributeValue) -> bytes:
        """Return the attribute with a *value* not known yet, and remember it if there is room."""
        kind = type(value)
        if kind is str:
            content = value.encode()  # type: ignore[union-attr]  # just asked
            heads, known, room = self._text_heads, self.texts, _KNOWN_TEXTS
        elif kind is int:
            content = _integer(value)  # type: ignore[arg-type]
            heads, known, room = self._int_heads, self.ints, _KNOWN_INTS
        elif kind is float:
            return self._double + _double(value)
        else:
            return self._attribute(_any_value(value))
        head = heads.get(len(content))
        if head is None:
            if len(content) > _KNOWN_TEXT_BYTES:
                return self._attribute(_any_value(value))
            # All but the value itself, for others of its length.
            head = heads[len(content)] = self._attribute(_any_value(value))[: -len(content) or None]
        encoded = head + content
        if len(known) < room:
            known[value] = encoded
        return encoded


class _Known(dict[type, "_Lookup"]):
    """By the type of a value, since ``True``, ``1`` and ``1.0`` are equal, what is known of it."""

    def __missing__(self, kind: type) -> _Lookup:
        return _NOTHING


class _Nothing:
    """What is known of values of all other types, of which not all can be looked up."""

    def get(self, _value: object, /) -> None:
        """Find nothing."""


_NOTHING = _Nothing()
_record_keys: dict[str, _RecordKey] = {}


def _learn(key: str) -> _RecordKey | None:
    """Remember *key* if there is room for it."""
    if len(_record_keys) >= _KNOWN_KEYS or len(key) > _KNOWN_TEXT_BYTES:
        return None
    return _record_keys.setdefault(key, _RecordKey(key))


def _add_attributes(parts: list[bytes], attributes: Mapping[str, AttributeValue]) -> None:
    """Add LogRecord.attributes fields: `_attributes`, for the way that every event takes."""
    known = _record_keys
    for key, value in attributes.items():
        entry = known.get(key) or _learn(key)
        if entry is None:
            parts.append(_attributes(_LOG_RECORD_ATTRIBUTES, {key: value}))
        else:
            parts.append(entry.known[type(value)].get(value) or entry.encode(value))


def _attributes(tag: bytes, attributes: Mapping[str, AttributeValue]) -> bytes:
    """Return repeated KeyValue fields, each with *tag*."""
    return b"".join(
        [
            field(tag, field(b"\x0a", key.encode()) + field(b"\x12", _any_value(value)))
            for key, value in attributes.items()
        ]
    )


def _any_value(value: AttributeValue) -> bytes:
    """Return the content of an AnyValue message."""
    if value is None:
        return b""
    if isinstance(value, str):
        return field(b"\x0a", value.encode())
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _integer(value)
    if isinstance(value, float):
        return b"\x21" + _double(value)
    if isinstance(value, bytes):
        return field(b"\x3a", value)
    if isinstance(value, Mapping):
        return field(b"\x32", _attributes(b"\x0a", value))
    if isinstance(value, Sequence):
        return field(b"\x2a", b"".join([field(b"\x0a", _any_value(item)) for item in value]))
    raise TypeError(f"{type(value).__name__} is no attribute value")


def _integer(value: int) -> bytes:
    """Return *value* as an int64: negative numbers as the two's complement, in ten bytes."""
    if not _INT_MIN <= value <= _INT_MAX:
        raise OverflowError("an integer attribute is beyond 64 bits")
    return varint(value & _MASK64)
