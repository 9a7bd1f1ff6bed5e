"""Our dataclasses beside those of the standard library: the same, but for what they cost."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from otel_telemetry._internal.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A value."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A value."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child(Ours):
    """One with more, and a word in its making."""

    d: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "d", self.d + 1)

    def __hash__(self) -> int:
        return 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashable:
    """A value without lists."""

    a: int
    b: str = "b"


BOTH = pytest.mark.parametrize("kind", [Ours, Theirs])


def test_what_a_class_takes_is_told_to_help_and_to_editors() -> None:
    """By name, with each default; what is made anew for each value is shown as made."""
    told = inspect.signature(Ours)

    assert str(told) == "(*, a: 'int', b: 'str' = 'b', c: 'list[int]' = [])"
    assert [*inspect.signature(Child).parameters] == ["a", "b", "c", "d"]
    assert not hasattr(Ours(a=1), "__signature__")


@BOTH
def test_fields_are_given_or_have_their_defaults(kind: type[Ours]) -> None:
    """Each value has a list of its own."""
    value, other = kind(a=1), kind(a=1, b="x", c=[1])

    assert (value.a, value.b, value.c) == (1, "b", [])
    assert (other.a, other.b, other.c) == (1, "x", [1])
    assert kind(a=1).c is not value.c


@BOTH
@pytest.mark.parametrize("given", [{}, {"b": "x"}, {"a": 1, "e": 2}])
def test_what_does_not_fit_raises(kind: type[Ours], given: dict[str, Any]) -> None:
    """What is missing, and what is unknown."""
    with pytest.raises(TypeError, match=r"'[ae]'"):
        kind(**given)
    with pytest.raises(TypeError):
        kind(1)  # type: ignore[call-arg]  # on purpose


@BOTH
def test_nothing_can_be_changed(kind: type[Ours]) -> None:
    """Nor added, nor deleted."""
    value = kind(a=1)
    with pytest.raises(FrozenInstanceError, match="'a'"):
        value.a = 2  # type: ignore[misc]  # on purpose
    with pytest.raises(FrozenInstanceError, match="'a'"):
        del value.a

    assert not hasattr(value, "__dict__")
    assert value.a == 1


@BOTH
def test_equality_is_that_of_kind_and_fields(kind: type[Ours]) -> None:
    """A value of another kind with the same fields is another."""
    assert kind(a=1) == kind(a=1)
    assert kind(a=1) != kind(a=2)
    other: object = (Theirs if kind is Ours else Ours)(a=1)
    assert kind(a=1) != other


def test_equal_values_have_one_hash() -> None:
    """Where all of their fields have one."""
    assert len({Hashable(a=1), Hashable(a=1), Hashable(a=2)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours(a=1))


@BOTH
def test_it_can_be_copied_and_pickled(kind: type[Ours]) -> None:
    """As any value can."""
    value = kind(a=1, c=[1])
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value
        assert twin is not value


@BOTH
def test_the_tools_for_dataclasses_work(kind: type[Ours]) -> None:
    """They are dataclasses."""
    assert [item.name for item in dataclasses.fields(kind)] == ["a", "b", "c"]
    assert dataclasses.replace(kind(a=1), b="x") == kind(a=1, b="x")
    assert dataclasses.asdict(kind(a=1)) == {"a": 1, "b": "b", "c": []}
    assert repr(kind(a=1)) == f"{kind.__qualname__}(a=1, b='b')"


def test_a_class_adds_to_another() -> None:
    """Fields after those it inherits, and methods of its own in place of ours."""
    value = Child(a=1)

    assert repr(value) == "Child(a=1, b='b', d=5)"
    assert hash(value) == 5


def test_there_is_no_other_kind() -> None:
    """Whoever wants one is not to be surprised."""
    with pytest.raises(TypeError, match="all three"):
        dataclass(frozen=False, slots=True, kw_only=True)
