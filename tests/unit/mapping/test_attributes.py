"""Buckets become legal within their limits, and the fast path has the same result."""

from __future__ import annotations

import enum
import threading
from collections import UserDict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_telemetry.events import FrozenProperties
from otel_telemetry.mapping.attributes import Cleaned, Cleaner, Limits
from otel_telemetry.mapping.values import MAX_ELEMENTS, MAX_TEXT
from otel_telemetry.otlp.encoder import resource_field
from otel_telemetry.types import AttributeValue
from tests.support.values import same

# Any text, also what is no valid Unicode, and any number, also beyond 64 bits.
texts = st.text(st.characters(), max_size=8)
json_like: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**63, 2**80) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
buckets = st.dictionaries(st.sampled_from("abcdefgh") | texts, json_like, max_size=8)


class Failing(Mapping[str, int]):
    """A mapping with methods that raise."""

    def __init__(self, *methods: str) -> None:
        self._methods = methods

    def _maybe(self, method: str) -> None:
        if method in self._methods:
            raise RuntimeError(method)

    def __len__(self) -> int:
        self._maybe("len")
        return 2

    def __iter__(self) -> Iterator[str]:
        self._maybe("iter")
        return iter("ab")

    def __getitem__(self, key: str) -> int:
        self._maybe("getitem")
        return ord(key)


class Hashed:
    """A key whose methods raise once it is in its dict."""

    def __init__(self, text: str) -> None:
        self._hash: int | None = hash(text)

    def __hash__(self) -> int:
        if self._hash is None:
            raise RuntimeError("hash")
        return self._hash

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def spoil(self) -> None:
        """Raise from now on."""
        self._hash = None


def snapshot(cleaner: Cleaner, properties: object) -> Cleaned:
    """Take the fast path where there is one, as a record does."""
    plain = cleaner.encode(properties)
    return cleaner.clean(properties) if plain is None else (plain[0], 0, 0)  # type: ignore[arg-type]


def encode(cleaner: Cleaner, attributes: Mapping[str, AttributeValue]) -> bytes:
    """Encode attributes as the processor does: illegal ones are made legal."""
    try:
        return resource_field(attributes)
    except Exception:
        return resource_field(cleaner.clean(attributes)[0])


class TestClean:
    """A legal copy, and the count of dropped values."""

    @pytest.mark.parametrize("properties", [None, {}, UserDict()])
    def test_an_empty_bucket_stays_empty(self, properties: Mapping[str, object] | None) -> None:
        """No value is dropped."""
        assert Cleaner().clean(properties) == ({}, 0, 0)
        assert snapshot(Cleaner(), properties) == ({}, 0, 0)

    @pytest.mark.parametrize("properties", [0, [], "", "text", [("a", 1)], object(), 5])
    def test_a_bucket_that_is_no_mapping_is_dropped(self, properties: Mapping[str, object]) -> None:
        """As one value; nothing raises."""
        assert Cleaner().clean(properties) == ({}, 1, 0)

    @pytest.mark.parametrize("make", [dict, UserDict, type("Sub", (dict,), {})])
    def test_any_mapping_becomes_a_dict(
        self, make: type[UserDict[str, object] | dict[str, object]]
    ) -> None:
        """Of any class."""
        result = Cleaner().clean(make({"a": 1, "b": (1, 2)}))

        assert same(result[0], {"a": 1, "b": [1, 2]})

    def test_the_copy_is_a_copy_at_every_level(self) -> None:
        """Later changes of the caller's objects have no effect."""
        inner: list[object] = [1]
        data = bytearray(b"data")
        properties: dict[str, object] = {"list": inner, "map": {"in": inner}, "data": data}

        cleaned = Cleaner().clean(properties)
        inner.append(2)
        data.clear()
        properties["map"]["more"] = 3  # type: ignore[index]  # it is a dict
        properties["new"] = 4

        assert same(cleaned[0], {"list": [1], "map": {"in": [1]}, "data": b"data"})

    @pytest.mark.parametrize("method", ["iter", "getitem"])
    def test_a_mapping_that_raises_is_dropped(self, method: str) -> None:
        """As one value."""
        assert Cleaner().clean(Failing(method)) == ({}, 1, 0)
        assert snapshot(Cleaner(), Failing(method)) == ({}, 1, 0)

    def test_a_mapping_needs_no_length(self) -> None:
        """It is never called."""
        assert Cleaner().clean(Failing("len")) == ({"a": 97, "b": 98}, 0, 0)

    def test_an_endless_mapping_is_truncated(self) -> None:
        """The first values stay, up to the budget of a bucket."""

        class Endless(UserDict[str, int]):
            def __iter__(self) -> Iterator[str]:
                return map(str, range(2**60))

            def __getitem__(self, key: str) -> int:
                return 1

        cleaned = Cleaner(Limits(count=3)).clean(Endless())

        assert cleaned == ({"0": 1, "1": 1, "2": 1}, MAX_ELEMENTS - 3, 0)

    def test_a_key_that_raises_costs_nothing_beside_it(self) -> None:
        """It is the name of its type, the first time and again."""
        cleaner = Cleaner()
        cleaner.clean({"a": 1})
        key = Hashed("a")
        properties: dict[object, object] = {key: 1, "b": 2}

        for _ in range(2):
            assert snapshot(cleaner, properties) == ({"Hashed": 1, "b": 2}, 0, 0)
            key.spoil()

    def test_keys_that_become_one_are_counted(self) -> None:
        """The last one stays."""
        cleaned = Cleaner().clean({1: "a", "1": "b", "": 2})  # type: ignore[dict-item]

        assert cleaned == ({"1": "b"}, 2, 0)

    def test_a_large_value_costs_nothing_beside_it(self) -> None:
        """It alone is cut."""
        cleaned = Cleaner().clean({"large": "x" * (MAX_TEXT + 1), "b": "é", "c": [1]})

        assert cleaned == ({"b": "é", "c": [1]}, 1, 0)

    def test_a_dict_may_change_while_it_is_read(self) -> None:
        """A value's own method changes it here; what is made is the state at the call."""
        properties: dict[str, object] = {}

        class Meddler:
            def __index__(self) -> int:
                properties.update({str(number): number for number in range(100)})
                return 1

        properties |= {"first": Meddler(), "last": 2}

        assert Cleaner().clean(properties) == ({"first": 1, "last": 2}, 0, 0)

    def test_a_dict_may_be_changed_by_other_threads(self) -> None:
        """Nothing raises, and no value is dropped."""
        properties: dict[str, object] = {"a": 1, "in": {}}
        done = threading.Event()

        def meddle() -> None:
            number = 0
            while not done.is_set():
                number += 1
                properties[str(number % 50)] = number
                properties.pop(str(number % 37), None)

        thread = threading.Thread(target=meddle)
        thread.start()
        try:
            cleaner = Cleaner()
            results = [cleaner.clean(properties) for _ in range(500)]
            results += [snapshot(cleaner, properties) for _ in range(500)]
        finally:
            done.set()
            thread.join()

        assert all(result[0]["a"] == 1 and result[1] == 0 for result in results)


class TestLimits:
    """The limits of a bucket."""

    @pytest.mark.parametrize(("count", "kept"), [(None, 200), (128, 128), (1, 1), (0, 0)])
    def test_the_count_limit_holds(self, count: int | None, kept: int) -> None:
        """The first stay, the others are counted; on the fast path too."""
        properties: dict[str, object] = {f"k{number}": number for number in range(200)}
        cleaner = Cleaner(Limits(count=count))

        for cleaned in (cleaner.clean(properties), *(snapshot(cleaner, properties) for _ in "ab")):
            assert cleaned[0] == dict(list(properties.items())[:kept])
            assert cleaned[1] == 200 - kept

    def test_a_key_that_is_there_already_needs_no_room(self) -> None:
        """Its value is replaced."""
        cleaned = Cleaner(Limits(count=1)).clean({1: "a", "1": "b", "2": "c"})  # type: ignore[dict-item]

        assert cleaned == ({"1": "b"}, 2, 0)

    def test_the_length_limit_holds(self) -> None:
        """At every level, on the fast path too; numbers are not texts."""
        cleaner = Cleaner(Limits(length=2))
        properties: dict[str, object] = {
            "a": "abc",
            "b": b"abc",
            "c": ["abc"],
            "d": 1234,
            "e": "ab",
        }

        for _ in range(2):
            assert snapshot(cleaner, properties) == (
                {"a": "ab", "b": b"ab", "c": ["ab"], "d": 1234, "e": "ab"},
                3,
                0,
            )

    def test_reserved_keys_are_dropped_and_counted(self) -> None:
        """Each time, also for keys that are not a str."""
        cleaner = Cleaner(is_reserved=lambda key: key.startswith("r."))
        properties: dict[object, object] = {"r.a": 1, b"r.b": 2, np.str_("r.c"): 3, "a": 4, "": 5}

        for _ in range(2):
            assert snapshot(cleaner, properties) == ({"a": 4}, 4, 3)

    def test_what_is_remembered_of_keys_is_bounded(self) -> None:
        """Keys that never come again are not kept for ever, nor are long ones."""
        cleaner = Cleaner(Limits(count=None))
        for number in range(50):
            cleaner.clean({f"{number} {other}": 1 for other in range(100)})
        short = Cleaner()
        short.clean({"k" * 10_000: 1})

        assert not short._known_keys
        assert len(cleaner._known_keys) <= 4096
        assert cleaner.clean({"another": 1}) == ({"another": 1}, 0, 0)


class TestSnapshot:
    """The fast path of `clean`."""

    def test_it_is_a_snapshot(self) -> None:
        """Later changes of the caller's objects have no effect."""
        cleaner = Cleaner()
        properties: dict[str, object] = {"a": 1}
        for _ in range(2):
            cleaned = snapshot(cleaner, properties)
            properties["a"] = 2

            assert cleaned == ({"a": 1}, 0, 0)
            properties["a"] = 1

    @given(st.lists(buckets, max_size=4), st.sampled_from([None, 1, 3]))
    @example([{"a": "\ud800", "b": 2**64}, {"a": "\ud800", "b": 2**64}], None)
    def test_it_comes_to_the_same_as_cleaning(
        self, some: list[dict[str, object]], count: int | None
    ) -> None:
        """Once encoded, byte for byte, whether its keys are known or not; and counts the same."""
        cleaner = Cleaner(Limits(count=count))
        for bucket in some * 2:
            fast, validate = snapshot(cleaner, bucket), cleaner.clean(bucket)

            assert encode(cleaner, fast[0]) == resource_field(validate[0])
            assert fast[1:] == validate[1:]

    @given(buckets)
    def test_what_was_cleaned_is_legal(self, bucket: dict[str, object]) -> None:
        """The encoder takes it, and cleaning it again changes nothing."""
        cleaner = Cleaner()
        once = cleaner.clean(bucket)

        assert resource_field(once[0])
        assert same(cleaner.clean(once[0])[0], once[0])


_KEYS = ("a", "b", "c")
_VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**63 - 2, 2**63 + 2)
    | st.floats()
    | st.text(st.characters(), max_size=4)
    | st.binary(max_size=2)
    | st.lists(st.booleans(), max_size=2)
    | st.just("x" * 5000)
)
_BUCKETS = st.none() | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=1), _VALUES)


def _knowing() -> Cleaner:
    cleaner = Cleaner(is_reserved=lambda key: key == "reserved")
    cleaner.clean(dict.fromkeys((*_KEYS, "reserved")))
    return cleaner


class _Key(str, enum.Enum):
    A = "a"


class _Colliding:
    """A key that raises when it is compared."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        raise ValueError


@given(_BUCKETS)
def test_a_frozen_bucket_equals_its_clean_form(bucket: Any) -> None:
    """No value is dropped, every type is the same, and the copy is a new object."""
    cleaner = _knowing()
    copy = cleaner.freeze(bucket)

    if copy is not None:
        cleaned = cleaner.clean(bucket)
        assert same(dict(copy), cleaned[0])
        assert cleaned[1:] == (0, 0)
        assert copy is not bucket


@pytest.mark.parametrize(
    "bucket", [{"a": "x", "b": -(2**63), "c": 1.5}, {"a": None, "b": True}, {}]
)
def test_a_flat_bucket_under_known_keys_is_legal(bucket: dict[str, object]) -> None:
    """Of any legal content."""
    copy = _knowing().freeze(bucket)

    assert type(copy) is FrozenProperties
    assert copy == bucket


def test_a_key_is_known_by_its_text() -> None:
    """Another object with the same text is the same key."""
    assert _knowing().freeze({"abc"[:1]: 1, "xb"[1:]: 2}) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "bucket",
    [
        pytest.param({"a": 2**63}, id="big number"),
        pytest.param({"a": -(2**63) - 1}, id="small number"),
        pytest.param({"a": "\ud800"}, id="no valid text"),
        pytest.param({"a": "x" * 5000}, id="long text"),
        pytest.param({"a": [1]}, id="list"),
        pytest.param({"a": b"x"}, id="bytes"),
        pytest.param({"a": _Key.A}, id="value of another type"),
        pytest.param({_Key.A: 1}, id="name of another type"),
        pytest.param({"d": 1}, id="unknown name"),
        pytest.param({"reserved": 1}, id="reserved name"),
        pytest.param({5: 1}, id="name that is no text"),
        pytest.param({_Colliding(): 1}, id="name that raises"),
        pytest.param(UserDict(a=1), id="mapping"),
        pytest.param(5, id="no mapping"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_bucket_that_may_be_illegal_is_not_frozen(bucket: Any) -> None:
    """`clean` takes it instead."""
    assert _knowing().freeze(bucket) is None


def test_limits_hold() -> None:
    """With a limit of length, there is no fast path."""
    few, short = Cleaner(Limits(count=2)), Cleaner(Limits(length=9))
    for cleaner in (few, short):
        cleaner.clean({"a": 1, "b": 1})
        cleaner.clean({"c": 1})

    assert few.freeze({"a": 1, "b": 1}) == {"a": 1, "b": 1}
    assert few.freeze({"a": 1, "b": 1, "c": 1}) is None
    assert short.freeze({"a": 1}) is None
