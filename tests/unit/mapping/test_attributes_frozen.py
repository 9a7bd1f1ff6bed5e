"""The frozen copy of what is legal already, for which nothing has to be mended."""

from __future__ import annotations

import enum
from collections import UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.events import FrozenProperties
from otel_telemetry.mapping.attributes import Cleaner, Limits
from tests.support.values import same

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
def test_what_is_called_legal_is_what_cleaning_leaves(bucket: Any) -> None:
    """Nothing cut, every type the same; and a copy that nobody else has."""
    cleaner = _knowing()
    copy = cleaner.frozen(bucket)

    if copy is not None:
        cleaned = cleaner.clean(bucket)
        assert same(dict(copy), cleaned.attributes)
        assert (cleaned.cut, cleaned.reserved) == (0, 0)
        assert copy is not bucket


@pytest.mark.parametrize(
    "bucket", [{"a": "x", "b": -(2**63), "c": 1.5}, {"a": None, "b": True}, {}]
)
def test_a_flat_bucket_under_known_keys_is_legal(bucket: dict[str, object]) -> None:
    """Whatever dict holds it."""
    copy = _knowing().frozen(bucket)

    assert type(copy) is FrozenProperties
    assert copy == bucket


def test_a_key_is_known_by_its_text() -> None:
    """Another object with the same text is the same key."""
    assert _knowing().frozen({"abc"[:1]: 1, "xb"[1:]: 2}) == {"a": 1, "b": 2}


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
def test_whatever_needs_a_look_is_not_passed(bucket: Any) -> None:
    """`clean` has it."""
    assert _knowing().frozen(bucket) is None


def test_limits_hold() -> None:
    """Where texts may be cut, each has to be looked at."""
    few, short = Cleaner(Limits(count=2)), Cleaner(Limits(length=9))
    for cleaner in (few, short):
        cleaner.clean({"a": 1, "b": 1})
        cleaner.clean({"c": 1})

    assert few.frozen({"a": 1, "b": 1}) == {"a": 1, "b": 1}
    assert few.frozen({"a": 1, "b": 1, "c": 1}) is None
    assert short.frozen({"a": 1}) is None
