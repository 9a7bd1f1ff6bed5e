"""The quick dataclasses behave like those of the standard library."""

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
    """A value with another field and a `__post_init__`."""

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


def test_the_signature_has_all_fields_with_their_defaults() -> None:
    """`help` and editors show it; a default of a factory is shown as the factory makes it."""
    signature = inspect.signature(Ours)

    assert str(signature) == "(*, a: 'int', b: 'str' = 'b', c: 'list[int]' = [])"
    assert [*inspect.signature(Child).parameters] == ["a", "b", "c", "d"]
    assert not hasattr(Ours(a=1), "__signature__")


@BOTH
def test_a_field_without_an_argument_has_its_default(kind: type[Ours]) -> None:
    """A factory makes a new default for each value."""
    value, other = kind(a=1), kind(a=1, b="x", c=[1])

    assert (value.a, value.b, value.c) == (1, "b", [])
    assert (other.a, other.b, other.c) == (1, "x", [1])
    assert kind(a=1).c is not value.c


@BOTH
@pytest.mark.parametrize("arguments", [{}, {"b": "x"}, {"a": 1, "e": 2}])
def test_missing_unknown_and_positional_arguments_raise(
    kind: type[Ours], arguments: dict[str, Any]
) -> None:
    """The message names the field."""
    with pytest.raises(TypeError, match=r"'[ae]'"):
        kind(**arguments)
    with pytest.raises(TypeError):
        kind(1)  # type: ignore[call-arg]  # on purpose


@BOTH
def test_a_field_can_be_neither_set_nor_deleted(kind: type[Ours]) -> None:
    """There is no `__dict__` for other attributes either."""
    value = kind(a=1)
    with pytest.raises(FrozenInstanceError, match="'a'"):
        value.a = 2  # type: ignore[misc]  # on purpose
    with pytest.raises(FrozenInstanceError, match="'a'"):
        del value.a

    assert not hasattr(value, "__dict__")
    assert value.a == 1


@BOTH
def test_values_are_equal_if_their_class_and_fields_are(kind: type[Ours]) -> None:
    """A value of another class with the same fields is not equal."""
    assert kind(a=1) == kind(a=1)
    assert kind(a=1) != kind(a=2)
    other: object = (Theirs if kind is Ours else Ours)(a=1)
    assert kind(a=1) != other


def test_equal_values_have_the_same_hash() -> None:
    """If all fields can be hashed."""
    assert len({Hashable(a=1), Hashable(a=1), Hashable(a=2)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours(a=1))


@BOTH
def test_a_value_can_be_copied_and_pickled(kind: type[Ours]) -> None:
    """The result is equal."""
    value = kind(a=1, c=[1])
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value
        assert twin is not value


@BOTH
def test_the_functions_of_dataclasses_accept_it(kind: type[Ours]) -> None:
    """`fields`, `replace` and `asdict`."""
    assert [item.name for item in dataclasses.fields(kind)] == ["a", "b", "c"]
    assert dataclasses.replace(kind(a=1), b="x") == kind(a=1, b="x")
    assert dataclasses.asdict(kind(a=1)) == {"a": 1, "b": "b", "c": []}
    assert repr(kind(a=1)) == f"{kind.__qualname__}(a=1, b='b')"


def test_a_subclass_adds_fields_and_keeps_its_own_methods() -> None:
    """Its fields come after those that it inherits."""
    value = Child(a=1)

    assert repr(value) == "Child(a=1, b='b', d=5)"
    assert hash(value) == 5


def test_other_options_raise() -> None:
    """The message refers to `dataclasses`."""
    with pytest.raises(TypeError, match="use dataclasses"):
        dataclass(frozen=False, slots=True, kw_only=True)
