"""What a declared property may be, and which values fit."""

from __future__ import annotations

import enum
import math
from typing import Literal, Optional, Union

import pytest

from otel_telemetry.catalog.value_types import ValueType, Wrong, value_type_of
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


def _kind(annotation: object, **options: object) -> ValueType:
    kind, is_optional = value_type_of(annotation, **options)  # type: ignore[arg-type]  # a table
    assert not is_optional
    return kind


def _fits(kind: ValueType, value: object) -> bool:
    try:
        kind.check(value)
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        pytest.param(_kind(bool), {True: True, False: False}, id="bool"),
        pytest.param(_kind(int), {0: 0, -5: -5, 2**63 - 1: 2**63 - 1}, id="int"),
        pytest.param(_kind(float), {0.5: 0.5, 3: 3.0, -1e300: -1e300}, id="float"),
        pytest.param(_kind(Literal["a", "b"]), {"a": "a", "b": "b"}, id="Literal"),
        pytest.param(
            _kind(Word),
            {Word.SINGLE: "singleType", "collectionType": "collectionType"},
            id="Enum",
        ),
        pytest.param(_kind(Plan), {Plan.FREE: "free", "team": "team"}, id="Enum of str"),
        pytest.param(_kind(Status), {Status.DONE: 1, 3: 3, 0: 0}, id="IntEnum"),
        pytest.param(
            _kind(str, max_length=3), {"": "", "abc": "abc", "äöü": "äöü"}, id="short text"
        ),
        pytest.param(
            _kind(str, is_version=True),
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
def test_what_fits_leaves(kind: ValueType, fitting: dict[object, object]) -> None:
    """With the declared type, whatever it was as."""
    for value, leaving in fitting.items():
        assert kind.check(value) == leaving
        assert type(kind.check(value)) is type(leaving) is kind.type


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        pytest.param(_kind(bool), [1, 0, 1.0, "true", None], id="bool"),
        pytest.param(_kind(int), [True, 1.0, "1", None, 2**63, -(2**63) - 1], id="int"),
        pytest.param(
            _kind(float), [True, "1", None, math.nan, math.inf, -math.inf, 2**63], id="float"
        ),
        pytest.param(_kind(Literal["a", "b"]), ["A", "c", "", None, 1, [], {}], id="Literal"),
        pytest.param(_kind(Word), ["SINGLE", Plan.FREE, None, [], b"singleType"], id="Enum"),
        pytest.param(_kind(Status), [True, 1.0, 2, "DONE", None, _Mixed.B, []], id="IntEnum"),
        pytest.param(
            _kind(str, max_length=3), ["abcd", "\ud800", None, 5, b"a", ["a"]], id="short text"
        ),
        pytest.param(
            _kind(str, is_version=True),
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
        pytest.param(_kind(int, buckets=(1, 5)), [True, 1.0, "1", None, math.nan], id="range"),
        pytest.param(
            _kind(float, buckets=(1, 5)), [True, "1", None, math.nan, math.inf], id="range, float"
        ),
    ],
)
def test_what_does_not_fit_is_refused(kind: ValueType, others: list[object]) -> None:
    """True, 1 and 1.0 are three values; no number is infinite; no text is free."""
    assert [other for other in others if _fits(kind, other)] == []


def test_a_number_leaves_as_its_range() -> None:
    """A bound belongs to what is above it."""
    whole = _kind(int, buckets=(-5, 1, 2, 5, 20))

    assert whole.values == ("<-5", "-5 to 0", "1", "2 to 4", "5 to 19", ">=20")
    assert [whole.check(value) for value in (-6, -5, 0, 1, 2, 4, 5, 19, 20, 2**60)] == [
        *("<-5", "-5 to 0", "-5 to 0", "1", "2 to 4", "2 to 4", "5 to 19", "5 to 19"),
        *(">=20", ">=20"),
    ]
    number = _kind(float, buckets=[0.5, 2])
    assert number.values == ("<0.5", "0.5 to <2", ">=2")
    assert [number.check(value) for value in (0.4, 0.5, 1.999, 2, 7)] == [
        *("<0.5", "0.5 to <2", "0.5 to <2", ">=2", ">=2"),
    ]


def test_one_bound_is_enough() -> None:
    """Two ranges."""
    assert _kind(int, buckets=(10,)).values == ("<10", ">=10")


class _Equal(str):
    """Says it equals every other, and is as easily found."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("singleType")


def test_what_passes_for_a_declared_word_leaves_as_that_word() -> None:
    """A table gives what is declared, not what asked for it."""
    leaving = _kind(Word).check(_Equal("s3cr3t"))

    assert type(leaving) is str
    assert leaving == "singleType"


def test_many_versions_are_no_leak() -> None:
    """What was seen is remembered, but not without end."""
    kind = _kind(str, is_version=True)

    assert [kind.check(f"1.{number}+x") for number in range(3000)] == [
        f"1.{number}" for number in range(3000)
    ]


@pytest.mark.parametrize(
    "annotation",
    [int | None, Optional[int], Union[None, int]],  # noqa: UP007, UP045
)
def test_any_of_them_may_be_none(annotation: object) -> None:
    """None is told apart from the type."""
    kind, is_optional = value_type_of(annotation)

    assert is_optional
    assert kind.type is int


@pytest.mark.parametrize(
    ("annotation", "options", "fix"),
    [
        (list[str], {}, "declare it bool"),
        (dict, {}, "declare it bool"),
        (bytes, {}, "declare it bool"),
        (object, {}, "declare it bool"),
        (type(None), {}, "declare it bool"),
        (int | str, {}, "choose one"),
        (int | str | None, {}, "choose one"),
        (str, {}, "max_length of 1 to 256"),
        (str, {"max_length": 0}, "max_length of 1 to 256"),
        (str, {"max_length": 257}, "max_length of 1 to 256"),
        (str, {"max_length": True}, "max_length of 1 to 256"),
        (str, {"max_length": "9"}, "max_length of 1 to 256"),
        (int, {"max_length": 5}, "leave them out"),
        (int, {"is_version": True}, "leave them out"),
        (Word, {"buckets": (1,)}, "leave them out"),
        (bool, {"buckets": (1,)}, "leave them out"),
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
        (_Mixed, {}, "all str, or all int"),
        (_True, {}, "all str, or all int"),
        (_Big, {}, "all str, or all int"),
        (_Empty, {}, "has members"),
        (_Flag, {}, "no Flag"),
        (_Blank, {}, "give it another"),
        (_Line, {}, "give it another"),
        (Literal[1], {}, "Literal of str"),
        (Literal[""], {}, "give it another"),
    ],
)
def test_what_cannot_be_declared_is_told_the_fix(
    annotation: object, options: dict[str, object], fix: str
) -> None:
    """The message says what to do instead."""
    with pytest.raises(Wrong, match=fix):
        _kind(annotation, **options)
