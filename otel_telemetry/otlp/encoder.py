"""OTLP protobuf, written straight to bytes.

Field numbers and types are those of opentelemetry-proto v1 (common, resource and logs), which is
stable; property tests hold every function here against the official classes. What comes in must be
legal (`mapping.values`): an illegal value raises, and the caller drops the one record.

Each function returns a complete field (tag, length, message), so that a request is a concatenation.
Pure standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from otel_telemetry._internal.scalars import INT_MAX, INT_MIN, UINT_MAX
from otel_telemetry.otlp.wire import field, varint

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.types import AttributeValue

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
    fields: Iterable[bytes] | None = None,
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
        fields: *attributes*, where they are encoded already.

    Raises:
        UnicodeEncodeError: A str is no valid Unicode.
        OverflowError: An integer is beyond 64 bits.
        TypeError: A value is of no legal type.
        struct.error: A number does not fit its field.
    """
    parts = [_times(0x09, timestamp, 0x59, observed_timestamp, 0x10, severity_number)]
    if event_name:
        # Names recur and are remembered; of other texts that would be any number, of any length.
        if body is event_name:
            parts.append(_event_name_in_body(event_name))
            body = None
        else:
            parts.append(_event_name(event_name))
    if body is not None:
        parts.append(field(b"\x2a", _any_value(body)))
    parts += _fields(attributes) if fields is None else fields
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
def _event_name(name: str) -> bytes:
    return field(b"\x62", name.encode())


@lru_cache(maxsize=1024)
def _event_name_in_body(name: str) -> bytes:
    return _event_name(name) + field(b"\x2a", _any_value(name))


class RecordKey:
    """What is known of a key of log record attributes: whole attributes, by type and value.

    A process sends few names with few values, again and again: most attributes of a record are one
    look-up. Made by whichever thread needs it first; a second one made meanwhile is as good.

    Attributes:
        known: By the type of a value, since ``True``, ``1`` and ``1.0`` are equal, the attribute
            for each value met before, as far as there is room. All scalar types are there.
        texts: Those of str.
    """

    __slots__ = ("_double", "_head", "_int_heads", "_ints", "_text_heads", "known", "texts")

    def __init__(self, key: str) -> None:
        self._head = field(b"\x0a", key.encode())
        self._double = self._attribute(_any_value(0.0))[:-8]
        self._int_heads: dict[int, bytes] = {}
        self._text_heads: dict[int, bytes] = {}
        self._ints: dict[object, bytes] = {}
        self.texts: dict[object, bytes] = {}
        self.known: dict[type, dict[object, bytes]] = {
            str: self.texts,
            int: self._ints,
            float: {},  # there are too many
            bool: {True: self.encode(True), False: self.encode(False)},
            type(None): {None: self.encode(None)},
        }

    def _attribute(self, any_value: bytes) -> bytes:
        return field(_LOG_RECORD_ATTRIBUTES, self._head + field(b"\x12", any_value))

    def encode(self, value: AttributeValue) -> bytes:
        """Return the attribute with a *value* not known yet, and remember it if there is room."""
        kind = type(value)
        if kind is float:
            return self._double + _double(value)
        if kind is str:
            content = value.encode()  # type: ignore[union-attr]  # just asked
            heads, known, room = self._text_heads, self.texts, _KNOWN_TEXTS
        elif kind is int:
            content = _integer(value)  # type: ignore[arg-type]
            heads, known, room = self._int_heads, self._ints, _KNOWN_INTS
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


_record_keys: dict[str, RecordKey] = {}


def record_key(key: str) -> RecordKey | None:
    """Return what is known of *key*; None if there is no room to remember anything."""
    known = _record_keys.get(key)
    if known is None and len(_record_keys) < _KNOWN_KEYS and len(key) <= _KNOWN_TEXT_BYTES:
        known = _record_keys.setdefault(key, RecordKey(key))
    return known


def plain_fields(
    keys: Mapping[str, RecordKey], attributes: Mapping[str, AttributeValue]
) -> list[bytes]:
    """Return LogRecord.attributes fields, where all keys are among *keys* and all values scalars.

    Raises:
        KeyError: They are not.
        ValueError: A str is no valid Unicode.
        OverflowError: An integer is beyond 64 bits.
    """
    fields = []
    for key, value in attributes.items():
        entry = keys[key]
        fields.append(entry.known[type(value)].get(value) or entry.encode(value))
    return fields


def _fields(attributes: Mapping[str, AttributeValue]) -> Iterator[bytes]:
    """Yield LogRecord.attributes fields, of legal attributes of any kind."""
    for key, value in attributes.items():
        entry = record_key(key)
        if entry is None:
            yield _attributes(_LOG_RECORD_ATTRIBUTES, {key: value})
        else:
            known = entry.known.get(type(value))
            yield (known and known.get(value)) or entry.encode(value)


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
    if not INT_MIN <= value <= INT_MAX:
        raise OverflowError("an integer attribute is beyond 64 bits")
    return varint(value & UINT_MAX)


UID = "log.record.uid"
"""The key of a record's unique id."""
UID_HEAD = _attributes(_LOG_RECORD_ATTRIBUTES, {UID: "0" * 32})[:-32]
"""The LogRecord.attributes field of a unique id, but for its 32 hexadecimal digits."""
