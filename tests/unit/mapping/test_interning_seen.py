"""Properties that are looked at first, and the object for what is left of them."""

from __future__ import annotations

import datetime
import gc
import weakref
from collections import UserDict
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.cache import Interner

if TYPE_CHECKING:
    from otel_telemetry.types import AttributeValue, Properties


class _Made:
    """What can be referred to weakly."""

    def __init__(self, attributes: dict[str, AttributeValue], _dropped: int) -> None:
        self.attributes = attributes


def _made(attributes: dict[str, AttributeValue], _dropped: int) -> list[object]:
    return [attributes]


class _Doubling:
    """Doubles numbers, and refuses all else."""

    def __init__(self) -> None:
        self.asked: list[Properties] = []

    def __call__(self, properties: Properties) -> Properties:
        self.asked.append(properties)
        return {key: value * 2 for key, value in properties.items()}  # type: ignore[operator]


def test_equal_properties_are_the_same_object() -> None:
    """And asked about once; what becomes of them is the one object for that."""
    interner, double = Interner(_made, Cleaner()), _Doubling()
    seen = [interner.seen({"a": 1, "b": 2}) for _ in range(3)]
    found = [each.becomes[double] for each in seen]

    assert seen[1] is seen[2] is seen[0]
    assert double.asked == [{"a": 1, "b": 2}]
    assert found[0].value == [{"a": 2, "b": 4}]
    assert found[1] is found[2] is found[0] is interner({"a": 2, "b": 4})


def test_each_fit_has_its_own_answer() -> None:
    """And so has what needs none."""
    seen = Interner(_made, Cleaner()).seen({"a": 1})

    assert seen.becomes[_Doubling()].value == [{"a": 2}]
    assert seen.becomes[lambda _given: {}].value == [{}]
    assert seen.becomes[None].value == [{"a": 1}]
    assert seen.becomes[None] is seen.becomes[None]


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_types_are_told_apart(value: object) -> None:
    """A fit may refuse one and not the other."""
    interner = Interner(_made, Cleaner())
    found = [
        interner.seen({"a": item}).becomes[lambda given: {"type": type(given["a"]).__name__}].value
        for item in (True, 1, 1.0, value)
    ]

    assert found[:3] == [[{"type": "bool"}], [{"type": "int"}], [{"type": "float"}]]
    assert found[3] == [{"type": type(value).__name__}]


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"a": 0.0}, id="zero"),
        pytest.param({"a": [1]}, id="list"),
        pytest.param(UserDict(a=1), id="mapping"),
    ],
)
def test_what_equality_cannot_tell_is_asked_about_each_time(properties: Properties) -> None:
    """It fits or not all the same, and nobody else sees what is made of it."""
    interner, double = Interner(_made, Cleaner()), _Doubling()
    seen = [interner.seen(properties) for _ in range(2)]
    for each in seen:
        each.becomes[double]

    assert seen[0] is not seen[1]
    assert len(double.asked) == 2


def test_what_does_not_fit_raises_each_time() -> None:
    """Nothing of it is remembered."""
    interner = Interner(_made, Cleaner())
    for properties in ({"a": None}, {"a": datetime.date(2024, 1, 1)}):
        for _ in range(2):
            with pytest.raises(TypeError):
                interner.seen(properties).becomes[lambda given: {"a": given["a"] + 1}]  # type: ignore[operator]


def test_what_is_seen_is_legal_and_frozen() -> None:
    """With the count of what was left out, however often it comes."""
    interner = Interner(_made, Cleaner(Limits(count=2), is_reserved=lambda key: key == "reserved"))
    for _ in range(2):
        seen = interner.seen({"reserved": 1, "a": 2**70, "b": "\ud800", "c": 3})

        assert seen.attributes == {"a": str(2**70), "b": "\ufffd"}
        assert (seen.cut, seen.reserved, seen.is_flawed) == (1, 1, True)
        with pytest.raises(FrozenInstanceError):
            seen.attributes["a"] = 1

    assert not interner.seen({"a": 1}).is_flawed


def test_nothing_is_seen_as_an_empty_bucket() -> None:
    """Which is the object for nothing."""
    interner = Interner(_made, Cleaner())

    assert interner.seen(None).attributes == {}
    assert interner.seen(None).becomes[None] is interner(None)


def test_attributes_may_go_on_each_record_instead() -> None:
    """Under a prefix; the object is then always that for nothing."""
    interner = Interner(_made, Cleaner(), prefix="user.")

    for found in (interner({"a": 1}), interner.seen({"a": 1}).becomes[None]):
        assert found.on_record == {"user.a": 1}
        assert found.value is interner(None).value
    assert interner(None).on_record == {}


def test_long_properties_are_not_kept() -> None:
    """A thousand of them would otherwise stay in memory for good."""
    interner = Interner(_Made, Cleaner())
    long: dict[str, object] = {"a": "x" * 5000}

    made = weakref.ref(interner(long).value)
    seen = weakref.ref(interner.seen(long).becomes[None].value)
    gc.collect()

    assert interner(long).value.attributes == long
    assert (made(), seen()) == (None, None)
