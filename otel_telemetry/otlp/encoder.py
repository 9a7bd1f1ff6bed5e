"""Encodes log records, resources and scopes as OTLP protobuf, straight to bytes.

Field numbers and types are those of opentelemetry-proto v1 (common, resource and logs), which is
stable. Property tests compare every function here with the official classes. Arguments must be
legal (`mapping.values`): an illegal value raises, and the caller drops that one record.

Each function returns a complete field (tag, length, message), so that a request is a concatenation.
Pure standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from otel_telemetry._internal.scalars import INT_MAX, INT_MIN, UINT_MAX
from otel_telemetry.otlp.wire import field, varint

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.types import AttributeValue

# ResourceLogs.resource, ScopeLogs.scope and ScopeLogs.log_records, and the attributes of each.
_RESOURCE, _RESOURCE_ATTRIBUTES = b"\x0a", b"\x0a"
_SCOPE, _SCOPE_ATTRIBUTES = b"\x0a", b"\x1a"
_LOG_RECORD, _LOG_RECORD_ATTRIBUTES = b"\x12", b"\x32"

# How many encoded attributes are remembered: at most some 32 MiB, in practice kilobytes.
_MAX_KEYS, _MAX_TEXTS, _MAX_TEXT_BYTES, _MAX_INTS = 1024, 64, 64, 128

_double = struct.Struct("<d").pack
# LogRecord.time_unix_nano, observed_time_unix_nano and severity_number.
_times = struct.Struct("<BQBQBB").pack


def resource_field(
    attributes: Mapping[str, AttributeValue], *, dropped_count: int = 0, schema_url: str = ""
) -> bytes:
    """Return the first fields of a ResourceLogs: its resource, and its schema URL if not empty."""
    message = _attributes(_RESOURCE_ATTRIBUTES, attributes)
    if dropped_count:
        message += b"\x10" + varint(dropped_count)
    return field(_RESOURCE, message) + (field(b"\x1a", schema_url.encode()) if schema_url else b"")


def scope_field(
    name: str,
    version: str | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    dropped_count: int = 0,
    schema_url: str = "",
) -> bytes:
    """Return the first fields of a ScopeLogs: its scope, and its schema URL if not empty."""
    message = field(b"\x0a", name.encode()) if name else b""
    if version:
        message += field(b"\x12", version.encode())
    if attributes:
        message += _attributes(_SCOPE_ATTRIBUTES, attributes)
    if dropped_count:
        message += b"\x20" + varint(dropped_count)
    return field(_SCOPE, message) + (field(b"\x1a", schema_url.encode()) if schema_url else b"")


def log_record_field(
    timestamp: int,
    observed_timestamp: int,
    severity_number: int,
    body: AttributeValue,
    attributes: Mapping[str, AttributeValue],
    event_name: str = "",
    severity_text: str = "",
    dropped_count: int = 0,
    trace_id: int = 0,
    span_id: int = 0,
    trace_flags: int = 0,
    encoded_attributes: Iterable[bytes] | None = None,
) -> bytes:
    """Return a ScopeLogs.log_records field.

    Args:
        timestamp: Nanoseconds since the epoch; 0 for unknown, as in OTLP.
        observed_timestamp: Nanoseconds since the epoch.
        severity_number: 0 to 24.
        body: A legal value; None for no body.
        attributes: Legal attributes.
        event_name: The event's name; empty for a record that is no event.
        severity_text: The severity by the name that its source uses.
        dropped_count: How many attributes were dropped.
        trace_id: 128 bits; 0 for none.
        span_id: 64 bits; 0 for none.
        trace_flags: The W3C trace flags of the span.
        encoded_attributes: *attributes* in their encoded form; None to encode them.

    Raises:
        UnicodeEncodeError: A str is not valid Unicode.
        OverflowError: An integer is beyond 64 bits.
        TypeError: A value is of no legal type.
        struct.error: A number does not fit its field.
    """
    parts = [_times(0x09, timestamp, 0x59, observed_timestamp, 0x10, severity_number)]
    if event_name:
        # Event names are few and recur, so their encoded form is remembered; other bodies vary.
        if body is event_name:
            parts.append(_event_name_in_body(event_name))
            body = None
        else:
            parts.append(_event_name(event_name))
    if body is not None:
        parts.append(field(b"\x2a", _any_value(body)))
    parts += _encode_attributes(attributes) if encoded_attributes is None else encoded_attributes
    if severity_text:
        parts.append(field(b"\x1a", severity_text.encode()))
    if dropped_count:
        parts += (b"\x38", varint(dropped_count))
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
def _event_name(name: str) -> bytes:
    return field(b"\x62", name.encode())


@lru_cache(maxsize=1024)
def _event_name_in_body(name: str) -> bytes:
    return _event_name(name) + field(b"\x2a", _any_value(name))


class AttributeEncoder:
    """Encodes the attributes of log records that have one key, and remembers the encoded form.

    A process sends few keys with few values, again and again: most attributes of a record are one
    look-up. The first thread that needs an encoder creates it; two threads may do so at once.

    Args:
        key: The key.

    Attributes:
        encoded: The attribute by the type of its value, since ``True``, ``1`` and ``1.0`` are
            equal, then by its value. Every scalar type is a key.
    """

    __slots__ = ("_double", "_head", "_int_heads", "_ints", "_text_heads", "_texts", "encoded")

    def __init__(self, key: str) -> None:
        self._head = field(b"\x0a", key.encode())
        self._double = self._attribute(_any_value(0.0))[:-8]
        self._int_heads: dict[int, bytes] = {}
        self._text_heads: dict[int, bytes] = {}
        self._ints: dict[object, bytes] = {}
        self._texts: dict[object, bytes] = {}
        self.encoded: dict[type, dict[object, bytes]] = {
            str: self._texts,
            int: self._ints,
            float: {},  # too many values to remember
            bool: {True: self.encode(True), False: self.encode(False)},
            type(None): {None: self.encode(None)},
        }

    def _attribute(self, any_value: bytes) -> bytes:
        return field(_LOG_RECORD_ATTRIBUTES, self._head + field(b"\x12", any_value))

    def encode(self, value: AttributeValue) -> bytes:
        """Return the attribute with a new *value*, and remember it while there is room."""
        kind = type(value)
        if kind is float:
            return self._double + _double(value)
        if kind is str:
            content = value.encode()  # type: ignore[union-attr]  # a str
            heads, encoded, capacity = self._text_heads, self._texts, _MAX_TEXTS
        elif kind is int:
            content = _integer(value)  # type: ignore[arg-type]  # an int
            heads, encoded, capacity = self._int_heads, self._ints, _MAX_INTS
        else:
            return self._attribute(_any_value(value))
        head = heads.get(len(content))
        if head is None:
            if len(content) > _MAX_TEXT_BYTES:
                return self._attribute(_any_value(value))
            # The bytes before the value, which are the same for other values of its length.
            head = heads[len(content)] = self._attribute(_any_value(value))[: -len(content) or None]
        attribute = head + content
        if len(encoded) < capacity:
            encoded[value] = attribute
        return attribute


_encoders: dict[str, AttributeEncoder] = {}


def attribute_encoder(key: str) -> AttributeEncoder | None:
    """Return the encoder of *key*; None if the key is too long, or there are too many keys."""
    encoder = _encoders.get(key)
    if encoder is None and len(_encoders) < _MAX_KEYS and len(key) <= _MAX_TEXT_BYTES:
        encoder = _encoders.setdefault(key, AttributeEncoder(key))
    return encoder


def encode_scalar_attributes(
    encoders: Mapping[str, AttributeEncoder], attributes: Mapping[str, AttributeValue]
) -> list[bytes]:
    """Return the LogRecord.attributes fields of scalars whose keys have *encoders*.

    Raises:
        KeyError: A key has no encoder, or a value is no scalar.
        ValueError: A str is not valid Unicode.
        OverflowError: An integer is beyond 64 bits.
    """
    fields = []
    for key, value in attributes.items():
        encoder = encoders[key]
        fields.append(encoder.encoded[type(value)].get(value) or encoder.encode(value))
    return fields


def _encode_attributes(attributes: Mapping[str, AttributeValue]) -> Iterator[bytes]:
    """Yield the LogRecord.attributes fields of any legal attributes."""
    for key, value in attributes.items():
        encoder = attribute_encoder(key)
        if encoder is None:
            yield _attributes(_LOG_RECORD_ATTRIBUTES, {key: value})
        else:
            encoded = encoder.encoded.get(type(value))
            yield (encoded and encoded.get(value)) or encoder.encode(value)


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
    raise TypeError(f"{type(value).__name__} is not the type of an attribute value")


def _integer(value: int) -> bytes:
    """Return *value* as an int64: negative numbers as the two's complement, in ten bytes."""
    if not INT_MIN <= value <= INT_MAX:
        raise OverflowError("an integer attribute is beyond 64 bits")
    return varint(value & UINT_MAX)


UID = "log.record.uid"
"""The key of a record's unique id."""
UID_HEAD = _attributes(_LOG_RECORD_ATTRIBUTES, {UID: "0" * 32})[:-32]
"""The LogRecord.attributes field of a unique id, without its 32 hexadecimal digits."""
