"""What a property's value may be: read once from its annotation, then one fast check a value."""

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

_LONGEST_TEXT = 256
_MOST_BUCKETS = 64
_NUMBERS = frozenset({int, float})

DeclaredValue: TypeAlias = str | bool | int | float
CheckValue: TypeAlias = Callable[[object], DeclaredValue]


class Misfit(ValueError):  # noqa: N818 - an answer, counted and never shown
    """A value does not fit its declaration."""


class Wrong(ValueError):  # noqa: N818 - the rest of a sentence that names the declaration
    """A declaration that cannot be; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType:
    """What may leave as a property's value.

    Attributes:
        type: The type of what leaves.
        check: Returns what leaves for a value; raises if it does not fit. Any exception means that,
            and a value that is no scalar of Python's own need not be understood.
        values: All that may leave; empty if there is no end to it.
        max_length: Characters of a str that leaves.
        pattern: A regular expression for the whole of a str that leaves.
        is_range: Whether a number leaves as the name of its range.
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
    """Return the kind of values that *annotation* means, and whether there may be none.

    Raises:
        Wrong: There is no such kind.
    """
    inner, is_optional = _without_none(annotation)
    if buckets is not None and inner is not int and inner is not float:
        raise Wrong("buckets are for int and float: leave them out")
    if (max_length is not None or is_version) and inner is not str:
        raise Wrong("max_length and version() are for str: leave them out")
    return _kind(inner, buckets, max_length, is_version=is_version), is_optional


def _kind(
    annotation: object,
    buckets: object,
    max_length: object,
    *,
    is_version: bool,
) -> ValueType:
    if annotation is bool:
        return ValueType(type=bool, check=_bool)
    if annotation is int:
        return ValueType(type=int, check=_int) if buckets is None else _ranges(buckets, whole=True)
    if annotation is float:
        return (
            ValueType(type=float, check=_float)
            if buckets is None
            else _ranges(buckets, whole=False)
        )
    if annotation is str:
        return _VERSION if is_version else _text(max_length)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _members(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return _words(typing.get_args(annotation))
    raise Wrong(
        f"cannot be {getattr(annotation, '__name__', None) or annotation}: declare it bool, int, "
        "float, an Enum, a Literal of str, a str with max_length or by version(), or one of these "
        "or None"
    )


def _without_none(annotation: object) -> tuple[object, bool]:
    if typing.get_origin(annotation) not in {typing.Union, types.UnionType}:
        return annotation, False
    rest = [inner for inner in typing.get_args(annotation) if inner is not type(None)]
    if len(rest) != 1:
        raise Wrong("cannot be one of several types: choose one, or give it a property for each")
    return rest[0], True


def _bool(value: object) -> bool:
    if value is True or value is False:
        return value
    raise Misfit


def _int(value: object) -> int:
    # By type: a bool is an int.
    if type(value) is int and INT_MIN <= value <= INT_MAX:
        return value
    raise Misfit


def _float(value: object) -> float:
    if type(value) is float and -math.inf < value < math.inf:
        return value
    return float(_int(value))


def _text(max_length: object) -> ValueType:
    if type(max_length) is not int or not 1 <= max_length <= _LONGEST_TEXT:
        raise Wrong(
            "is free text: make it an Enum or a Literal, declare it by version(), or give it a "
            f"max_length of 1 to {_LONGEST_TEXT} characters"
        )
    longest: int = max_length

    def check(value: object) -> str:
        if type(value) is str and len(value) <= longest:
            if not value.isascii():
                value.encode()  # raises on what is no valid Unicode
            return value
        raise Misfit

    return ValueType(type=str, check=check, max_length=longest)


def _ranges(buckets: object, *, whole: bool) -> ValueType:
    """Numbers that leave as the name of the range in which they lie."""
    allowed = {int} if whole else _NUMBERS
    bounds: tuple[float, ...] = tuple(buckets) if isinstance(buckets, (tuple, list)) else ()
    if (
        not 1 <= len(bounds) <= _MOST_BUCKETS
        or not all(type(bound) in allowed for bound in bounds)
        or not all(low < high for low, high in itertools.pairwise((-math.inf, *bounds, math.inf)))
    ):
        raise Wrong(
            f"needs buckets of 1 to {_MOST_BUCKETS} finite numbers of its own type, ascending"
        )
    between = [_between(low, high, whole=whole) for low, high in itertools.pairwise(bounds)]
    labels = (f"<{bounds[0]}", *between, f">={bounds[-1]}")

    def check(value: object) -> str:
        if type(value) is int and INT_MIN <= value <= INT_MAX:  # as in `_int`
            return labels[bisect_right(bounds, value)]
        if whole:
            raise Misfit
        return labels[bisect_right(bounds, _float(value))]

    return ValueType(type=str, check=check, values=labels, is_range=True)


def _between(low: float, high: float, *, whole: bool) -> str:
    if not whole:
        return f"{low} to <{high}"
    last = high - 1
    return f"{low}" if last == low else f"{low} to {last}"


def _members(members: type[enum.Enum]) -> ValueType:
    values = [member.value for member in members]
    if not values or issubclass(members, enum.Flag):
        raise Wrong("needs an Enum that has members, and is no Flag")
    if all(type(value) is str for value in values):
        names = _printable(values)
        # What comes out is the declared value, whatever equals it goes in.
        table: dict[object, str] = {**dict(zip(members, names, strict=True))}
        table.update(zip(names, names, strict=True))
        return ValueType(type=str, check=table.__getitem__, values=names)
    if not all(type(value) is int and INT_MIN <= value <= INT_MAX for value in values):
        raise Wrong("needs an Enum whose values are all str, or all int of 64 bits")
    numbers: dict[object, int] = dict(zip(members, values, strict=True))
    numbers.update(zip(values, values, strict=True))

    def check(value: object) -> int:
        # By type, as in `_int`: True equals 1.
        if type(value) is int or type(value) is members:
            return numbers[value]
        raise Misfit

    return ValueType(type=int, check=check, values=tuple(values))


def _words(words: tuple[object, ...]) -> ValueType:
    if not all(type(word) is str for word in words):
        raise Wrong("needs a Literal of str")
    names = _printable([str(word) for word in words])
    table: dict[object, str] = dict(zip(names, names, strict=True))
    return ValueType(type=str, check=table.__getitem__, values=names)


def _printable(names: list[str]) -> tuple[str, ...]:
    # They stand in documents.
    if not all(name.isprintable() and name.strip() for name in names):
        raise Wrong("has a value that is empty or cannot be printed: give it another")
    return tuple(names)


_VERSION_PATTERN = (
    r"[0-9]{1,10}(\.[0-9]{1,10}){0,5}"
    r"([-._]?(a|alpha|b|beta|c|rc|pre|preview|dev|post|next|canary|nightly|snapshot|final|lts)"
    r"[-._]?[0-9]{0,10}){0,3}"
)
# What follows a plus is anybody's: a branch, a host, a customer. It stays here.
_GIVEN_VERSION = rf"v?({_VERSION_PATTERN})(\+[-.0-9A-Za-z]{{0,64}})?"
_LONGEST_VERSION = 64
_KNOWN_VERSIONS = 1024


class _Versions(dict[object, str]):
    """The versions seen so far; each is looked at once."""

    def __missing__(self, value: object) -> str:
        found = re.fullmatch(_GIVEN_VERSION, value) if type(value) is str else None
        if found is None or len(found[1]) > _LONGEST_VERSION:
            raise Misfit
        if len(self) < _KNOWN_VERSIONS:
            self[value] = found[1]
        return found[1]


_VERSION = ValueType(
    type=str,
    check=_Versions().__getitem__,
    max_length=_LONGEST_VERSION,
    pattern=f"^{_VERSION_PATTERN}$",
)
