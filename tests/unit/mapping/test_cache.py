"""Equal properties return the same cached object."""

from __future__ import annotations

import datetime
import gc
import itertools
import weakref
from collections import UserDict
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.cache import CAPACITY, ResourceCache
from otel_telemetry.types import AttributeValue
from tests.support.values import same

if TYPE_CHECKING:
    from otel_telemetry.types import AttributeValue, Properties


legal_values: st.SearchStrategy[object] = (
    (st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary())
    | st.text()
    | st.lists(st.integers(0, 9) | st.booleans(), max_size=3)
)


class Made:
    """The cached object of a test."""

    def __init__(self, attributes: dict[str, AttributeValue], dropped: int) -> None:
        self.attributes = attributes
        self.dropped = dropped


@pytest.fixture
def cache() -> ResourceCache[Made]:
    """A cache with a reserved key."""
    return ResourceCache(Made, Cleaner(is_reserved=lambda key: key == "reserved"))


DISTINCT: list[dict[str, object]] = [{}]
DISTINCT += [
    {"k": value}
    for value in (
        *(True, 1, 1.0, "1", b"1", [1], [True], [1.0], {"1": 1}, "True"),
        *(False, 0, 0.0, -0.0, None, "", b"", [], {}, "0"),
        *({"in": True}, {"in": 1}, {"in": 1.0}, {"in": 0.0}, {"in": -0.0}, {"in": b"1"}),
    )
]
DISTINCT += [{"k": 1, "l": value} for value in (True, 1, 1.0)]


def test_different_values_are_never_one(cache: ResourceCache[Made]) -> None:
    """Also if Python finds them equal, in either order."""
    made = [cache.get(properties).value for properties in DISTINCT]
    again = [cache.get(properties).value for properties in reversed(DISTINCT)]

    assert len(set(map(id, made))) == len(DISTINCT)
    assert made == again[::-1]
    assert all(
        same(item.attributes, properties) for item, properties in zip(made, DISTINCT, strict=True)
    )


@given(st.dictionaries(st.text(min_size=1), legal_values))
def test_equal_content_is_the_same_object(properties: dict[str, object]) -> None:
    """In any mapping, each time; also NaN."""
    cache = ResourceCache(Made, Cleaner())
    found = cache.get(properties)

    assert cache.get(dict(properties)) is found
    assert cache.get(UserDict(properties)).value is found.value


@pytest.mark.parametrize("nothing", [None, {}, UserDict(), type("Sub", (dict,), {})()])
def test_empty_properties_are_always_the_same_object(
    cache: ResourceCache[Made], nothing: Mapping[str, object] | None
) -> None:
    """None, or any empty mapping."""
    assert cache.get(nothing) is cache.get(None)
    assert cache.get(nothing).value.attributes == {}
    assert not cache.get(nothing).is_corrected


def test_what_the_caller_changes_afterwards_changes_nothing(cache: ResourceCache[Made]) -> None:
    """Neither in the object made before, nor for others with the same content."""
    inner: list[object] = [1]
    flat: dict[str, object] = {"k": 1}
    deep: dict[str, object] = {"k": inner}
    first, second = cache.get(flat).value, cache.get(deep).value

    flat["k"] = 2
    inner.append(2)

    assert (first.attributes, second.attributes) == ({"k": 1}, {"k": [1]})
    assert cache.get({"k": 1}).value is first
    assert cache.get({"k": [1]}).value is second
    assert cache.get(flat).value.attributes == {"k": 2}
    assert cache.get(deep).value.attributes == {"k": [1, 2]}


def test_each_content_is_made_once_while_it_is_remembered() -> None:
    """No more than the capacity are, and the one longest unused goes first."""
    living: weakref.WeakSet[Made] = weakref.WeakSet()

    def make(attributes: dict[str, AttributeValue], dropped: int) -> Made:
        made = Made(attributes, dropped)
        living.add(made)
        return made

    cache = ResourceCache(make, Cleaner())
    first = cache.get({"n": 0}).value
    for number in itertools.chain(range(CAPACITY), range(CAPACITY)):
        cache.get({"n": number})
    assert cache.get({"n": 0}).value is first
    assert len(living) == CAPACITY + 1  # and the one for nothing at all

    for number in range(3 * CAPACITY):
        cache.get({"n": -number})
        cache.get({"n": [number]})
        assert cache.get({"n": 0}).value is first
    assert len(living) <= 2 * CAPACITY + 1


@pytest.mark.parametrize(
    ("properties", "attributes", "dropped", "reserved"),
    [
        pytest.param({"reserved": 1, "a": 2}, {"a": 2}, 1, 1, id="reserved"),
        pytest.param({"reserved": [1], "a": 2}, {"a": 2}, 1, 1, id="reserved, not flat"),
        pytest.param({"": 1, "a": 2}, {"a": 2}, 1, 0, id="cut"),
        pytest.param({"": [1], "a": 2}, {"a": 2}, 1, 0, id="cut, not flat"),
        pytest.param({"": 1, "reserved": 1}, {}, 2, 1, id="both"),
        pytest.param([("a", 1)], {}, 1, 0, id="no mapping"),
        pytest.param([], {}, 1, 0, id="an empty list"),
    ],
)
def test_dropped_values_are_counted_each_time(
    cache: ResourceCache[Made],
    properties: Mapping[str, object],
    attributes: dict[str, object],
    dropped: int,
    reserved: int,
) -> None:
    """The object gets the same count."""
    for _ in range(2):
        found = cache.get(properties)

        assert found.value.attributes == attributes
        assert found.value.dropped == found.dropped_count == dropped
        assert found.reserved_count == reserved
        assert found.is_corrected
    assert cache.get(attributes).value is not found.value


def test_limits_hold() -> None:
    """On flat properties as on others."""
    cache = ResourceCache(Made, Cleaner(Limits(count=2, length=2)))

    for properties in ({"a": "abc", "b": 1, "c": 2}, {"a": "abc", "b": 1, "c": [2]}):
        assert cache.get(properties).value.attributes == {"a": "ab", "b": 1}
        assert cache.get(properties).dropped_count == 2


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param(1, "1", id="int"),
        pytest.param(True, "True", id="bool"),
        pytest.param(None, "None", id="None"),
        pytest.param(1.0, "1.0", id="float"),
        pytest.param(b"key", "key", id="bytes"),
        pytest.param(np.str_("key"), "key", id="numpy str"),
        pytest.param(np.int64(1), "int64", id="numpy int"),
        pytest.param(memoryview(b"key"), "memoryview", id="memoryview"),
        pytest.param(("a", 1), "tuple", id="tuple"),
        pytest.param(object(), "object", id="object"),
        pytest.param("\ud800", "\ufffd", id="lone surrogate"),
        pytest.param("\ud83d\ude00", "😀", id="surrogate pair"),
    ],
)
def test_keys_are_made_legal(cache: ResourceCache[Made], key: str, expected: str) -> None:
    """In flat properties as in others: each is what it is elsewhere."""
    assert cache.get({key: 1}).value.attributes == {expected: 1}
    assert cache.get({key: [1]}).value.attributes == {expected: [1]}


@pytest.mark.parametrize(
    "value",
    [
        np.arange(3),
        np.str_("text"),
        np.int64(1),
        bytearray(b"x"),
        memoryview(b"x"),
        object(),
        2**70,
    ],
)
def test_values_are_made_legal(cache: ResourceCache[Made], value: object) -> None:
    """As they are everywhere else; none is taken for its bytes."""
    expected = Cleaner().clean({"k": value})[0]

    assert same(cache.get({"k": value}).value.attributes, expected)


@pytest.mark.parametrize("kind", [list, dict])
def test_shared_references_end_quickly(cache: ResourceCache[Made], kind: type) -> None:
    """A small object can be a tree of billions, and a cycle a tree without end."""
    bomb: object = []
    for _ in range(15):
        bomb = [bomb] * 10 if kind is list else {str(number): bomb for number in range(10)}
    cycle: list[object] = []
    cycle += [cycle] * 10

    assert cache.get({"bomb": bomb, "a": 1}).value.attributes["a"] == 1
    assert cache.get({"cycle": cycle}).value.attributes == {"cycle": []}


def test_a_proxy_of_a_bool_does_not_raise(cache: ResourceCache[Made]) -> None:
    """It becomes its type's name."""
    proxy = type("Proxy", (), {"__class__": bool})()

    assert cache.get({"k": proxy}).value.attributes == {"k": "Proxy"}


@pytest.mark.parametrize("key", ["self", "properties", "cls", "*", "a b", "für"])
def test_a_key_may_be_called_anything(cache: ResourceCache[Made], key: str) -> None:
    """Also the names that the code itself uses."""
    for value in (1, "x", [1]):
        assert cache.get({key: value}).value.attributes == {key: value}
        assert cache.get({key: value}) is cache.get({key: value})


class Hostile:
    """A value that takes itself for any other, or raises when it is asked."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        self.error = error

    def __hash__(self) -> int:
        if self.error is not None:
            raise self.error
        return hash("free")

    def __eq__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize(
    "value", [Hostile(), Hostile(ValueError), Hostile(TypeError), Hostile(KeyError)]
)
def test_a_value_with_a_false_equality_is_never_mistaken(
    cache: ResourceCache[Made], value: object
) -> None:
    """Before and after the value that it equals."""
    for properties in ({"plan": "free"}, {"plan": value}, {"plan": "free"}, {"plan": value}):
        expected = "Hostile" if properties["plan"] is value else "free"
        assert cache.get(properties).value.attributes == {"plan": expected}


def test_nan_does_not_fill_the_cache() -> None:
    """NaN does not equal itself, so it would be a new key each time."""
    made: list[Made] = []

    def make(attributes: dict[str, AttributeValue], dropped: int) -> Made:
        made.append(Made(attributes, dropped))
        return made[-1]

    cache = ResourceCache(make, Cleaner())
    first = cache.get({"plan": "free"}).value
    for _ in range(2 * CAPACITY):
        cache.get({"ratio": float("nan")})

    assert cache.get({"plan": "free"}).value is first
    assert len(made) == 3  # and the one for nothing at all


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
    cache, double = ResourceCache(_made, Cleaner()), _Doubling()
    seen = [cache.clean({"a": 1, "b": 2}) for _ in range(3)]
    found = [each.projections[double] for each in seen]

    assert seen[1] is seen[2] is seen[0]
    assert double.asked == [{"a": 1, "b": 2}]
    assert found[0].value == [{"a": 2, "b": 4}]
    assert found[1] is found[2] is found[0] is cache.get({"a": 2, "b": 4})


def test_each_projection_has_its_own_result() -> None:
    """None returns all properties."""
    seen = ResourceCache(_made, Cleaner()).clean({"a": 1})

    assert seen.projections[_Doubling()].value == [{"a": 2}]
    assert seen.projections[lambda _given: {}].value == [{}]
    assert seen.projections[None].value == [{"a": 1}]
    assert seen.projections[None] is seen.projections[None]


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_types_are_told_apart(value: object) -> None:
    """A projection gets each type as it is."""
    cache = ResourceCache(_made, Cleaner())
    found = [
        cache.clean({"a": item})
        .projections[lambda given: {"type": type(given["a"]).__name__}]
        .value
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
def test_properties_that_are_not_flat_are_projected_each_time(properties: Properties) -> None:
    """Clean properties that equality cannot tell apart are not cached."""
    cache, double = ResourceCache(_made, Cleaner()), _Doubling()
    seen = [cache.clean(properties) for _ in range(2)]
    for each in seen:
        each.projections[double]

    assert seen[0] is not seen[1]
    assert len(double.asked) == 2


def test_a_projection_that_raises_is_not_cached() -> None:
    """It raises each time."""
    cache = ResourceCache(_made, Cleaner())
    for properties in ({"a": None}, {"a": datetime.date(2024, 1, 1)}):
        for _ in range(2):
            with pytest.raises(TypeError):
                cache.clean(properties).projections[lambda given: {"a": given["a"] + 1}]  # type: ignore[operator]


def test_clean_properties_are_legal_and_frozen() -> None:
    """With the counts of dropped values, each time."""
    cache = ResourceCache(
        _made, Cleaner(Limits(count=2), is_reserved=lambda key: key == "reserved")
    )
    for _ in range(2):
        seen = cache.clean({"reserved": 1, "a": 2**70, "b": "\ud800", "c": 3})

        assert seen.attributes == {"a": str(2**70), "b": "\ufffd"}
        assert (seen.dropped_count, seen.reserved_count, seen.is_corrected) == (2, 1, True)
        with pytest.raises(FrozenInstanceError):
            seen.attributes["a"] = 1

    assert not cache.clean({"a": 1}).is_corrected


def test_clean_of_none_is_an_empty_bucket() -> None:
    """Its projection is the object for empty properties."""
    cache = ResourceCache(_made, Cleaner())

    assert cache.clean(None).attributes == {}
    assert cache.clean(None).projections[None] is cache.get(None)


def test_attributes_may_go_on_each_record_instead() -> None:
    """With a prefix; the object is that for empty properties."""
    cache = ResourceCache(_made, Cleaner(), on_record=True)

    for found in (cache.get({"a": 1}), cache.clean({"a": 1}).projections[None]):
        assert found.record_attributes == {"user.a": 1}
        assert found.value is cache.get(None).value
    assert cache.get(None).record_attributes == {}


def test_long_properties_are_not_cached() -> None:
    """Thousands of them would stay in memory."""
    cache = ResourceCache(_Made, Cleaner())
    long: dict[str, object] = {"a": "x" * 5000}

    made = weakref.ref(cache.get(long).value)
    seen = weakref.ref(cache.clean(long).projections[None].value)
    gc.collect()

    assert cache.get(long).value.attributes == long
    assert (made(), seen()) == (None, None)
