"""The types of declared properties, and their valid values."""

from __future__ import annotations

import enum
import math
from typing import Literal, Optional, Union

import pytest

from otel_telemetry.catalog.value_types import DeclarationError, ValueType, value_type_of
from tests.support.declared import Kind as Word
from tests.support.declared import Plan, Status


class _Mixed(enum.Enum):
    A = "a"
    B = 1


class _Empty(enum.Enum):
    pass


class _Flag(enum.Flag):
    A = 1


class _True(enum.Enum):
    A = True


class _Big(enum.Enum):
    A = 2**63


class _Blank(enum.Enum):
    A = " "


class _Line(enum.Enum):
    A = "a\nb"


def _type(annotation: object, **options: object) -> ValueType:
    value_type, is_optional = value_type_of(annotation, **options)  # type: ignore[arg-type]  # a table
    assert not is_optional
    return value_type


def _is_valid(value_type: ValueType, value: object) -> bool:
    try:
        value_type.check(value)
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    ("value_type", "valid"),
    [
        pytest.param(_type(bool), {True: True, False: False}, id="bool"),
        pytest.param(_type(int), {0: 0, -5: -5, 2**63 - 1: 2**63 - 1}, id="int"),
        pytest.param(_type(float), {0.5: 0.5, 3: 3.0, -1e300: -1e300}, id="float"),
        pytest.param(_type(Literal["a", "b"]), {"a": "a", "b": "b"}, id="Literal"),
        pytest.param(
            _type(Word),
            {Word.SINGLE: "singleType", "collectionType": "collectionType"},
            id="Enum",
        ),
        pytest.param(_type(Plan), {Plan.FREE: "free", "team": "team"}, id="Enum of str"),
        pytest.param(_type(Status), {Status.DONE: 1, 3: 3, 0: 0}, id="IntEnum"),
        pytest.param(
            _type(str, max_length=3), {"": "", "abc": "abc", "äöü": "äöü"}, id="short text"
        ),
        pytest.param(
            _type(str, is_version=True),
            {
                "5": "5",
                "5.1.0": "5.1.0",
                "v5.1.0": "5.1.0",
                "3.14.0rc2": "3.14.0rc2",
                "3.13.0a1+": "3.13.0a1",
                "1.0.0-beta.2": "1.0.0-beta.2",
                "5.1.0.dev3+g1a2b3c.acme": "5.1.0.dev3",
                "1.0.post1.dev2": "1.0.post1.dev2",
            },
            id="version",
        ),
    ],
)
def test_a_valid_value_leaves_in_the_declared_type(
    value_type: ValueType, valid: dict[object, object]
) -> None:
    """An Enum member leaves as its value, an int of a float property as a float."""
    for value, result in valid.items():
        assert value_type.check(value) == result
        assert type(value_type.check(value)) is type(result) is value_type.type


@pytest.mark.parametrize(
    ("value_type", "invalid"),
    [
        pytest.param(_type(bool), [1, 0, 1.0, "true", None], id="bool"),
        pytest.param(_type(int), [True, 1.0, "1", None, 2**63, -(2**63) - 1], id="int"),
        pytest.param(
            _type(float), [True, "1", None, math.nan, math.inf, -math.inf, 2**63], id="float"
        ),
        pytest.param(_type(Literal["a", "b"]), ["A", "c", "", None, 1, [], {}], id="Literal"),
        pytest.param(_type(Word), ["SINGLE", Plan.FREE, None, [], b"singleType"], id="Enum"),
        pytest.param(_type(Status), [True, 1.0, 2, "DONE", None, _Mixed.B, []], id="IntEnum"),
        pytest.param(
            _type(str, max_length=3), ["abcd", "\ud800", None, 5, b"a", ["a"]], id="short text"
        ),
        pytest.param(
            _type(str, is_version=True),
            [
                *(
                    "",
                    "v",
                    "latest",
                    "5.1.0-acme",
                    "5.1.0+a b",
                    "10.0.0.1/24",
                    "1.2.3\n",
                    "\u0663.1",
                ),
                *("1." * 40 + "1", "1234567890." * 5 + "1234567890"),
                "1.0" + "+" + "a" * 65,
                None,
                5,
                [],
            ],
            id="version",
        ),
        pytest.param(_type(int, buckets=(1, 5)), [True, 1.0, "1", None, math.nan], id="range"),
        pytest.param(
            _type(float, buckets=(1, 5)), [True, "1", None, math.nan, math.inf], id="range, float"
        ),
    ],
)
def test_an_invalid_value_raises(value_type: ValueType, invalid: list[object]) -> None:
    """True, 1 and 1.0 are different values; numbers are finite; text is limited."""
    assert [value for value in invalid if _is_valid(value_type, value)] == []


def test_a_number_leaves_as_the_label_of_its_range() -> None:
    """A bound belongs to the range above it."""
    whole = _type(int, buckets=(-5, 1, 2, 5, 20))

    assert whole.values == ("<-5", "-5 to 0", "1", "2 to 4", "5 to 19", ">=20")
    assert [whole.check(value) for value in (-6, -5, 0, 1, 2, 4, 5, 19, 20, 2**60)] == [
        *("<-5", "-5 to 0", "-5 to 0", "1", "2 to 4", "2 to 4", "5 to 19", "5 to 19"),
        *(">=20", ">=20"),
    ]
    number = _type(float, buckets=[0.5, 2])
    assert number.values == ("<0.5", "0.5 to <2", ">=2")
    assert [number.check(value) for value in (0.4, 0.5, 1.999, 2, 7)] == [
        *("<0.5", "0.5 to <2", "0.5 to <2", ">=2", ">=2"),
    ]


def test_one_bound_makes_two_ranges() -> None:
    """Below it, and from it up."""
    assert _type(int, buckets=(10,)).values == ("<10", ">=10")


class _Equal(str):
    """A str that equals every other and has the hash of ``singleType``."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("singleType")


def test_the_declared_value_leaves_instead_of_an_object_that_equals_it() -> None:
    """The object may hold other text."""
    result = _type(Word).check(_Equal("s3cr3t"))

    assert type(result) is str
    assert result == "singleType"


def test_versions_beyond_the_size_of_the_cache_are_checked_too() -> None:
    """The cache is bounded."""
    value_type = _type(str, is_version=True)

    assert [value_type.check(f"1.{number}+x") for number in range(3000)] == [
        f"1.{number}" for number in range(3000)
    ]


@pytest.mark.parametrize(
    "annotation",
    [int | None, Optional[int], Union[None, int]],  # noqa: UP007, UP045
)
def test_every_type_can_be_optional(annotation: object) -> None:
    """None is no part of the type itself."""
    value_type, is_optional = value_type_of(annotation)

    assert is_optional
    assert value_type.type is int


@pytest.mark.parametrize(
    ("annotation", "options", "fix"),
    [
        (list[str], {}, "use bool"),
        (dict, {}, "use bool"),
        (bytes, {}, "use bool"),
        (object, {}, "use bool"),
        (type(None), {}, "use bool"),
        (int | str, {}, "choose one"),
        (int | str | None, {}, "choose one"),
        (str, {}, "max_length to 1 to 256"),
        (str, {"max_length": 0}, "max_length to 1 to 256"),
        (str, {"max_length": 257}, "max_length to 1 to 256"),
        (str, {"max_length": True}, "max_length to 1 to 256"),
        (str, {"max_length": "9"}, "max_length to 1 to 256"),
        (int, {"max_length": 5}, "remove"),
        (int, {"is_version": True}, "remove"),
        (Word, {"buckets": (1,)}, "remove"),
        (bool, {"buckets": (1,)}, "remove"),
        (int, {"buckets": ()}, "ascending"),
        (int, {"buckets": 5}, "ascending"),
        (int, {"buckets": "15"}, "ascending"),
        (int, {"buckets": (5, 1)}, "ascending"),
        (int, {"buckets": (1, 1)}, "ascending"),
        (int, {"buckets": (1, 2.5)}, "ascending"),
        (int, {"buckets": (False, 1)}, "ascending"),
        (float, {"buckets": (1, math.inf)}, "ascending"),
        (float, {"buckets": (math.nan,)}, "ascending"),
        (float, {"buckets": (math.nan, 1)}, "ascending"),
        (float, {"buckets": (1, "5")}, "ascending"),
        (int, {"buckets": tuple(range(65))}, "64"),
        (_Mixed, {}, "all str or all 64-bit int"),
        (_True, {}, "all str or all 64-bit int"),
        (_Big, {}, "all str or all 64-bit int"),
        (_Empty, {}, "with members"),
        (_Flag, {}, "not a Flag"),
        (_Blank, {}, "change it"),
        (_Line, {}, "change it"),
        (Literal[1], {}, "Literal of str"),
        (Literal[""], {}, "change it"),
    ],
)
def test_an_invalid_type_raises_with_the_fix(
    annotation: object, options: dict[str, object], fix: str
) -> None:
    """The message names the alternatives."""
    with pytest.raises(DeclarationError, match=fix):
        _type(annotation, **options)
