"""What leaves of properties, and the object for that: found by one look-up."""

from __future__ import annotations

import datetime
from collections import UserDict
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.interning import Interner

if TYPE_CHECKING:
    from otel_telemetry.typing import AttributeValue, Properties


def _made(attributes: dict[str, AttributeValue], _dropped: int) -> list[object]:
    return [attributes]


class _Doubling:
    """Doubles numbers, and refuses all else."""

    def __init__(self) -> None:
        self.asked: list[Properties] = []

    def __call__(self, properties: Properties) -> Properties:
        self.asked.append(properties)
        return {key: value * 2 for key, value in properties.items()}  # type: ignore[operator]


def test_equal_properties_are_asked_about_once() -> None:
    """The object is the one for what leaves of them, however that came about."""
    interner, double = Interner(_made, Cleaner()), _Doubling()
    found = [interner.fitting({"a": 1, "b": 2}, double) for _ in range(3)]

    assert double.asked == [{"a": 1, "b": 2}]
    assert found[0].value == [{"a": 2, "b": 4}]
    assert found[1] is found[2] is found[0] is interner({"a": 2, "b": 4})


def test_each_fit_has_its_own_answer() -> None:
    """And so has what needs none."""
    interner = Interner(_made, Cleaner())

    assert interner.fitting({"a": 1}, _Doubling()).value == [{"a": 2}]
    assert interner.fitting({"a": 1}, lambda _given: {}).value == [{}]
    assert interner({"a": 1}).value == [{"a": 1}]


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_types_are_told_apart(value: object) -> None:
    """A fit may refuse one and not the other."""
    interner = Interner(_made, Cleaner())
    found = [
        interner.fitting({"a": item}, lambda given: {"type": type(given["a"]).__name__}).value
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
    """It fits or not all the same."""
    interner, double = Interner(_made, Cleaner()), _Doubling()
    for _ in range(2):
        interner.fitting(properties, double)

    assert len(double.asked) == 2


def test_what_does_not_fit_raises_each_time() -> None:
    """Nothing of it is remembered."""
    interner = Interner(_made, Cleaner())
    for properties in ({"a": None}, {"a": datetime.date(2024, 1, 1)}):
        for _ in range(2):
            with pytest.raises(TypeError):
                interner.fitting(properties, _Doubling())


def test_nothing_always_fits() -> None:
    """The fit is not asked."""
    interner, double = Interner(_made, Cleaner()), _Doubling()

    assert interner.fitting(None, double) is interner(None)
    assert double.asked == []
