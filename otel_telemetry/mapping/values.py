"""Which keys and values are legal attributes, and how others become legal. Pure standard library.

Attributes are what OTLP can carry: str, bool, int of 64 bits, float, bytes, None, and lists and
maps of these.
"""

from __future__ import annotations

import dataclasses
import enum
import operator
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

from otel_telemetry._internal.scalars import INT_MAX, INT_MIN

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Any

    from otel_telemetry.types import AttributeValue

MAX_DEPTH = 16
MAX_ELEMENTS = 131_072
"""Values in one bucket: shared references can make a small object a tree of billions."""
MAX_TEXT = 8 * 1024 * 1024
"""Characters and bytes in one bucket, for the same reason."""


_RESERVED = frozenset({"service.name", "service.version", "app.installation.id", "log.record.uid"})
_RESERVED_PREFIX = "telemetry."


def is_reserved(key: str) -> bool:
    """Whether only the library may set *key*, as it names the sender of an event."""
    return key in _RESERVED or key.startswith(_RESERVED_PREFIX)


class ValueDropped(Exception):  # noqa: N818 - ends the conversion of one value, and is caught
    """This value is dropped."""


class ValueConverter:
    """Converts the values of one bucket to legal ones, within the bucket's budgets.

    Args:
        length: Characters of a str, bytes of a bytes value; None for no limit.

    Attributes:
        dropped_count: Values within others that were dropped or truncated.
    """

    __slots__ = ("_active", "_elements", "_length", "_text", "dropped_count")

    def __init__(self, length: int | None) -> None:
        self._length = length
        self._elements = MAX_ELEMENTS
        self._text = MAX_TEXT
        self._active: set[int] = set()
        self.dropped_count = 0

    def convert(self, value: object, depth: int) -> AttributeValue:
        """Return a legal *value*, at a *depth* from 1; raises ValueDropped if none is left."""
        self._elements -= 1
        if self._elements < 0:
            raise ValueDropped
        try:
            return self._convert(value, depth)
        except ValueDropped:
            raise
        except Exception:
            # The value's own methods raise: its type's name is still known.
            return self._text_of(_type_name(value))

    def _convert(self, value: object, depth: int) -> AttributeValue:
        # By type: a proxy of a bool passes isinstance, and is not legal.
        if value is None or type(value) is bool:
            return value
        if isinstance(value, enum.Enum):
            return self._nested(value, lambda level: self.convert(value.value, level), depth - 1)
        if isinstance(value, str):
            return self._text_of(str.__str__(value))
        if isinstance(value, int):
            return self._integer(int.__int__(value))
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes_of(value)
        if isinstance(value, Mapping):
            return self._nested(value, lambda level: self._map(_items(value), level), depth)
        if isinstance(value, (Sequence, AbstractSet)):
            return self._nested(value, lambda level: self._list(value, level), depth)
        return self._convert_other(value, depth)

    def _convert_other(self, value: object, depth: int) -> AttributeValue:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = [
                (field.name, getattr(value, field.name)) for field in dataclasses.fields(value)
            ]
            return self._nested(value, lambda level: self._map(fields, level), depth)
        if isinstance(value, _time_types()):
            return self._render(value.isoformat)
        # By type, as in `attribute_key`: the str() of a proxy may be its repr.
        if issubclass(type(value), _text_types()):
            return self._render(lambda: str(value))
        if isinstance(value, _loaded("numpy", "generic", "ndarray")):
            if value.size > self._elements or value.nbytes > 4 * self._text:
                raise ValueDropped
            plain = value.tolist()
            if type(plain) is not type(value):  # a long double has no plain form
                return self._nested(value, lambda level: self.convert(plain, level), depth - 1)
        if hasattr(type(value), "__index__"):
            try:
                return self._integer(operator.index(value))  # type: ignore[arg-type]  # it has the method
            except TypeError:  # a tensor of floats has the method too
                pass
        if hasattr(type(value), "__float__"):
            return float(value)  # type: ignore[arg-type]  # it has the method
        return self._text_of(_type_name(value))

    def _nested(
        self, owner: object, descend: Callable[[int], AttributeValue], depth: int
    ) -> AttributeValue:
        if depth >= MAX_DEPTH or id(owner) in self._active:
            raise ValueDropped
        self._active.add(id(owner))
        try:
            return descend(depth + 1)
        finally:
            self._active.discard(id(owner))

    def _map(self, items: Collection[tuple[object, object]], depth: int) -> AttributeValue:
        result: dict[str, AttributeValue] = {}
        for raw, value in items:
            try:
                key = self._key(raw)
                legal = self.convert(value, depth)
            except ValueDropped:
                self.dropped_count += 1
                continue
            self.dropped_count += key in result
            result[key] = legal
        return result

    def _key(self, raw: object) -> str:
        key = attribute_key(raw) if self._text > 0 else None
        if key is None:
            self._elements -= 1
            raise ValueDropped
        self._text -= len(key)
        return key

    def _list(self, values: Sequence[object] | AbstractSet[object], depth: int) -> AttributeValue:
        # A copy first, in one C call for a list: other threads may be changing it.
        elements = list(islice(values, MAX_ELEMENTS + 1))
        if isinstance(values, AbstractSet):
            elements = _in_order(elements)
        result: list[AttributeValue] = []
        for element in elements:
            try:
                result.append(self.convert(element, depth))
            except ValueDropped:
                self.dropped_count += 1
        return result

    def _text_of(self, text: str) -> str:
        if self._length is not None and len(text) > self._length:
            text = text[: self._length]
            self.dropped_count += 1
        if len(text) > self._text:
            raise ValueDropped
        self._text -= len(text)
        return valid_unicode(text)

    def _render(self, render: Callable[[], str]) -> str:
        """Return the text of an object; rendering counts on the budget, even of a long text."""
        if self._text <= 0:
            raise ValueDropped
        text = str.__str__(render())
        self._text -= len(text)
        return self._text_of(text)

    def _integer(self, value: int) -> int | str:
        return value if INT_MIN <= value <= INT_MAX else self._render(lambda: _digits(value))

    def _bytes_of(self, data: bytes | bytearray | memoryview) -> bytes:
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        if size > self._text:
            raise ValueDropped
        self._text -= size
        copy = data.tobytes() if isinstance(data, memoryview) else b"".join((data,))
        if self._length is not None and size > self._length:
            self.dropped_count += 1
            return copy[: self._length]
        return copy


def valid_unicode(text: str) -> str:
    """Return *text* as valid Unicode: surrogate pairs joined, lone surrogates as U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def attribute_key(key: object) -> str | None:
    """Return *key* as a legal attribute key; None if it has no text."""
    try:
        if isinstance(key, str):
            return valid_unicode(str.__str__(key)) or None
        if isinstance(key, enum.Enum):
            return attribute_key(key.value)
        if isinstance(key, bytes):
            return bytes.decode(key, "utf-8", "replace") or None
        # Only types whose str() is their content: of any other object it may be its repr.
        if issubclass(type(key), (int, float, type(None), *_text_types(), *_time_types())):
            return valid_unicode(str.__str__(str(key))) or None
    except Exception:  # an int beyond the limit of digits, or the key's own methods
        return _type_name(key) or None
    return _type_name(key) or None


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # sys.set_int_max_str_digits; hexadecimal has no such limit
        return hex(value)


def _type_name(value: object) -> str:
    return valid_unicode(type.__dict__["__name__"].__get__(type(value)))


def _items(mapping: Mapping[object, object]) -> list[tuple[object, object]]:
    # One C call for a dict, as in `clean`; bounded, for a Mapping may be endless.
    return list(islice(mapping.items(), MAX_ELEMENTS))


def _in_order(elements: list[object]) -> list[object]:
    """Sort the elements of a set if they can be: equal sets make equal lists."""
    try:
        return sorted(elements)  # type: ignore[type-var]  # the except handles the rest
    except Exception:
        return elements


def _time_types() -> tuple[type[Any], ...]:
    return _loaded("datetime", "date", "time")


def _text_types() -> tuple[type[Any], ...]:
    return (
        *_loaded("uuid", "UUID"),
        *_loaded("pathlib", "PurePath"),
        *_loaded("decimal", "Decimal"),
    )


def _loaded(module: str, *names: str) -> tuple[type[Any], ...]:
    """Return classes of *module*; none if it is not imported, for then no value is of theirs."""
    loaded = sys.modules.get(module)
    return tuple(getattr(loaded, name) for name in names if hasattr(loaded, name))
