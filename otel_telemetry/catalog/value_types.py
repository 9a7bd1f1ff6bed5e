"""The types of declared properties: the check of a value, made once from the annotation."""

from __future__ import annotations

import enum
import itertools
import math
import re
import types
import typing
from bisect import bisect_right
from collections.abc import Callable
from typing import TypeAlias

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import INT_MAX, INT_MIN

_MAX_TEXT_LENGTH = 256
_MAX_BUCKETS = 64
_NUMBER_TYPES = frozenset({int, float})

DeclaredValue: TypeAlias = str | bool | int | float
CheckValue: TypeAlias = Callable[[object], DeclaredValue]


class InvalidValueError(ValueError):
    """A value does not match the type of its property."""


class DeclarationError(ValueError):
    """A declaration is invalid. The message continues a sentence that starts with its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType:
    """The type of a property's values.

    Attributes:
        type: The type of the values that leave.
        check: Returns a value as it leaves. An exception of any type means that the value is
            invalid. Only Python's own scalars and members of the declared Enum are valid.
        values: All values that can leave; empty for an open set.
        max_length: The greatest length of a str that leaves, in characters.
        pattern: A regular expression that matches the whole of every str that leaves.
        is_range: Whether numbers leave as labels of ranges.
    """

    type: type[DeclaredValue]
    check: CheckValue
    values: tuple[str | int, ...] = ()
    max_length: int | None = None
    pattern: str | None = None
    is_range: bool = False


def value_type_of(
    annotation: object,
    *,
    buckets: object = None,
    max_length: object = None,
    is_version: bool = False,
) -> tuple[ValueType, bool]:
    """Return the type that *annotation* stands for, and whether the value may be None.

    Raises:
        DeclarationError: A property cannot have this type.
    """
    inner, is_optional = _split_optional(annotation)
    if buckets is not None and inner is not int and inner is not float:
        raise DeclarationError("has buckets, which are for int and float: remove them")
    if (max_length is not None or is_version) and inner is not str:
        raise DeclarationError("has max_length or version(), which are for str: remove it")
    return _value_type(inner, buckets, max_length, is_version=is_version), is_optional


def _value_type(
    annotation: object,
    buckets: object,
    max_length: object,
    *,
    is_version: bool,
) -> ValueType:
    if annotation is bool:
        return ValueType(type=bool, check=_check_bool)
    if annotation is int:
        return (
            ValueType(type=int, check=_check_int)
            if buckets is None
            else _range_type(buckets, whole=True)
        )
    if annotation is float:
        return (
            ValueType(type=float, check=_check_float)
            if buckets is None
            else _range_type(buckets, whole=False)
        )
    if annotation is str:
        return _VERSION_TYPE if is_version else _text_type(max_length)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _enum_type(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return _literal_type(typing.get_args(annotation))
    raise DeclarationError(
        f"cannot have the type {getattr(annotation, '__name__', None) or annotation}: use bool, "
        "int, float, an Enum, a Literal of str, a str with max_length or version(), or one of "
        "these with | None"
    )


def _split_optional(annotation: object) -> tuple[object, bool]:
    if typing.get_origin(annotation) not in {typing.Union, types.UnionType}:
        return annotation, False
    rest = [inner for inner in typing.get_args(annotation) if inner is not type(None)]
    if len(rest) != 1:
        raise DeclarationError(
            "cannot have several types: choose one, or declare a property for each"
        )
    return rest[0], True


def _check_bool(value: object) -> bool:
    if value is True or value is False:
        return value
    raise InvalidValueError


def _check_int(value: object) -> int:
    # By type: a bool is an int.
    if type(value) is int and INT_MIN <= value <= INT_MAX:
        return value
    raise InvalidValueError


def _check_float(value: object) -> float:
    if type(value) is float and -math.inf < value < math.inf:
        return value
    return float(_check_int(value))


def _text_type(max_length: object) -> ValueType:
    if type(max_length) is not int or not 1 <= max_length <= _MAX_TEXT_LENGTH:
        raise DeclarationError(
            "is free text: use an Enum, a Literal or version(), or set max_length to 1 to "
            f"{_MAX_TEXT_LENGTH} characters"
        )
    limit: int = max_length

    def check(value: object) -> str:
        if type(value) is str and len(value) <= limit:
            if not value.isascii():
                value.encode()  # raises on lone surrogates
            return value
        raise InvalidValueError

    return ValueType(type=str, check=check, max_length=limit)


def _range_type(buckets: object, *, whole: bool) -> ValueType:
    """Return the type of numbers that leave as the label of their range."""
    allowed = {int} if whole else _NUMBER_TYPES
    bounds: tuple[float, ...] = tuple(buckets) if isinstance(buckets, (tuple, list)) else ()
    if (
        not 1 <= len(bounds) <= _MAX_BUCKETS
        or not all(type(bound) in allowed for bound in bounds)
        or not all(low < high for low, high in itertools.pairwise((-math.inf, *bounds, math.inf)))
    ):
        raise DeclarationError(
            f"needs buckets: 1 to {_MAX_BUCKETS} finite numbers of its own type, in ascending order"
        )
    between = [_range_label(low, high, whole=whole) for low, high in itertools.pairwise(bounds)]
    labels = (f"<{bounds[0]}", *between, f">={bounds[-1]}")

    def check(value: object) -> str:
        if type(value) is int and INT_MIN <= value <= INT_MAX:  # as in `_check_int`
            return labels[bisect_right(bounds, value)]
        if whole:
            raise InvalidValueError
        return labels[bisect_right(bounds, _check_float(value))]

    return ValueType(type=str, check=check, values=labels, is_range=True)


def _range_label(low: float, high: float, *, whole: bool) -> str:
    if not whole:
        return f"{low} to <{high}"
    last = high - 1
    return f"{low}" if last == low else f"{low} to {last}"


def _enum_type(members: type[enum.Enum]) -> ValueType:
    values = [member.value for member in members]
    if not values or issubclass(members, enum.Flag):
        raise DeclarationError("needs an Enum with members that is not a Flag")
    if all(type(value) is str for value in values):
        names = _check_printable(values)
        # The declared value leaves, not an object that equals it.
        table: dict[object, str] = {**dict(zip(members, names, strict=True))}
        table.update(zip(names, names, strict=True))
        return ValueType(type=str, check=table.__getitem__, values=names)
    if not all(type(value) is int and INT_MIN <= value <= INT_MAX for value in values):
        raise DeclarationError("needs an Enum whose values are all str or all 64-bit int")
    numbers: dict[object, int] = dict(zip(members, values, strict=True))
    numbers.update(zip(values, values, strict=True))

    def check(value: object) -> int:
        # By type, as in `_check_int`: True equals 1.
        if type(value) is int or type(value) is members:
            return numbers[value]
        raise InvalidValueError

    return ValueType(type=int, check=check, values=tuple(values))


def _literal_type(words: tuple[object, ...]) -> ValueType:
    if not all(type(word) is str for word in words):
        raise DeclarationError("needs a Literal of str")
    names = _check_printable([str(word) for word in words])
    table: dict[object, str] = dict(zip(names, names, strict=True))
    return ValueType(type=str, check=table.__getitem__, values=names)


def _check_printable(names: list[str]) -> tuple[str, ...]:
    # Documents list them.
    if not all(name.isprintable() and name.strip() for name in names):
        raise DeclarationError("has a value that is empty or not printable: change it")
    return tuple(names)


_VERSION_PATTERN = (
    r"[0-9]{1,10}(\.[0-9]{1,10}){0,5}"
    r"([-._]?(a|alpha|b|beta|c|rc|pre|preview|dev|post|next|canary|nightly|snapshot|final|lts)"
    r"[-._]?[0-9]{0,10}){0,3}"
)
# A local part may name a branch, a host or a customer, so it is removed.
_VERSION_WITH_LOCAL_PART = rf"v?({_VERSION_PATTERN})(\+[-.0-9A-Za-z]{{0,64}})?"
_MAX_VERSION_LENGTH = 64
_MAX_CACHED_VERSIONS = 1024


class _VersionCache(dict[object, str]):
    """Maps a version to what leaves of it, so that each is matched once."""

    def __missing__(self, value: object) -> str:
        match = re.fullmatch(_VERSION_WITH_LOCAL_PART, value) if type(value) is str else None
        if match is None or len(match[1]) > _MAX_VERSION_LENGTH:
            raise InvalidValueError
        if len(self) < _MAX_CACHED_VERSIONS:
            self[value] = match[1]
        return match[1]


_VERSION_TYPE = ValueType(
    type=str,
    check=_VersionCache().__getitem__,
    max_length=_MAX_VERSION_LENGTH,
    pattern=f"^{_VERSION_PATTERN}$",
)
