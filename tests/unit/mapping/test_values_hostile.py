"""Objects whose own methods raise, or lie."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

import numpy as np
import pytest

from otel_telemetry.mapping.values import legal_key
from tests.support.values import legal, same


class Level(enum.IntEnum):
    """An enumeration whose members are numbers."""

    LOW = 1


class Raising:
    """An object all of whose own methods raise."""

    def _raise(self, *_args: object) -> NoReturn:
        raise RuntimeError("a secret")

    __str__ = __repr__ = __index__ = __float__ = __int__ = __bool__ = __len__ = _raise
    __iter__ = __getitem__ = __getattr__ = __eq__ = __lt__ = __format__ = _raise
    __hash__ = object.__hash__


class RaisingMap(Raising, Mapping[str, int]):
    """The same as a mapping."""

    keys = items = values = Raising._raise


class RaisingList(Raising, Sequence[int]):
    """The same as a sequence."""


class RaisingText(Raising, str):
    """The same as a text, which still has its content."""

    __slots__ = ()
    __hash__ = str.__hash__


class RaisingMoment(datetime.datetime):
    """A moment that does not tell."""

    def isoformat(self, *_args: object, **_more: object) -> str:
        """Raise."""
        raise RuntimeError("a secret")


class NoText(datetime.date):
    """A moment that tells something else."""

    def isoformat(self) -> str:
        """Return what is no text."""
        return 5  # type: ignore[return-value]


class RaisingSelf:
    """What does not say of what class it is."""

    @property
    def __class__(self) -> type:
        """Raise."""
        raise RuntimeError("a secret")

    @__class__.setter
    def __class__(self, value: object) -> None: ...


class Proxy:
    """What says that it is something else, as proxies do."""

    def __init__(self, pretended: type) -> None:
        self._pretended = pretended

    @property
    def __class__(self) -> type:
        """Lie."""
        return self._pretended

    @__class__.setter
    def __class__(self, value: object) -> None: ...


@dataclasses.dataclass
class Unset:
    """A dataclass one of whose fields is missing."""

    there: int
    missing: int = dataclasses.field(init=False)


class TestObjectsThatRaise:
    """Their type's name, and nothing of what they said; their neighbours are as they were."""

    @pytest.mark.parametrize(
        "make",
        [
            *(Raising, RaisingMap, RaisingList, RaisingSelf),
            *(partial(RaisingMoment, 2024, 1, 1), partial(NoText, 2024, 1, 1), partial(Unset, 1)),
            *(partial(Proxy, kind) for kind in (bool, int, str, float, bytes, dict, list, set)),
            *(partial(Proxy, kind) for kind in (datetime.date, uuid.UUID, np.ndarray, Level)),
        ],
    )
    def test_a_value_is_the_name_of_its_type(self, make: Callable[[], object]) -> None:
        """Also within others."""
        value = make()
        name = type(value).__name__

        assert legal(value) == (name, 0)
        assert legal({"a": 1, "b": [value, 2]}) == ({"a": 1, "b": [name, 2]}, 0)

    def test_a_text_is_its_content(self) -> None:
        """No method of the caller's is asked for it."""
        assert same(legal(RaisingText("text")), ("text", 0))
        assert same(legal_key(RaisingText("text")), "text")

    def test_a_set_that_cannot_be_sorted_is_not(self) -> None:
        """Its elements are there all the same."""
        assert legal({Raising(), Raising()}) == (["Raising", "Raising"], 0)

    @pytest.mark.parametrize(
        "make",
        [
            Raising,
            RaisingSelf,
            *(partial(Proxy, kind) for kind in (str, bytes, int, uuid.UUID, Level)),
        ],
    )
    def test_a_key_is_the_name_of_its_type(self, make: Callable[[], object]) -> None:
        """A key is never what raises."""
        key = make()

        assert legal({key: 1, "a": 2}) == ({type(key).__name__: 1, "a": 2}, 0)

    def test_an_enormous_key_is_the_name_of_its_type(self) -> None:
        """Or its digits, where Python writes so many."""
        assert legal_key(10**5000) in {"int", "1" + "0" * 5000}
