"""Values without end: depth, cycles and budgets."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import itertools
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import pytest

from otel_telemetry.mapping.values import MAX_DEPTH, MAX_ELEMENTS, MAX_TEXT, ValueDropped
from tests.support.values import legal, same


def nested(value: object, levels: int) -> object:
    """Return *value* within so many lists."""
    for _ in range(levels):
        value = [value]
    return value


class Endless(Mapping[str, int]):
    """A mapping that never ends."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        return map(str, itertools.count())

    def __getitem__(self, key: str) -> int:
        return int(key)


class EndlessList(Sequence[object]):
    """A sequence of sequences that never end."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: object) -> EndlessList:
        return EndlessList()

    def __iter__(self) -> Iterator[EndlessList]:
        return iter(EndlessList, None)


class EndlessSet(AbstractSet[int]):
    """A set that never ends."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[int]:
        return itertools.count()

    def __contains__(self, item: object) -> bool:
        return True


class Level(enum.IntEnum):
    """An enumeration whose members are numbers."""

    LOW = 1


class TestDepth:
    """Sixteen levels, and no cycle."""

    @pytest.mark.parametrize("value", [1, "text", Level.LOW, np.int64(1), datetime.date.max])
    def test_sixteen_levels_are_kept(self, value: object) -> None:
        """With any type of value at the bottom."""
        result, cut = legal(nested(value, MAX_DEPTH - 1))

        assert cut == 0
        assert same(result, nested(legal(value)[0], MAX_DEPTH - 1))

    @pytest.mark.parametrize("bottom", [[], {}, set(), np.zeros(1), [1]])
    def test_deeper_values_are_dropped(self, bottom: object) -> None:
        """And counted once."""
        assert legal(nested(bottom, MAX_DEPTH - 1)) == (nested([], MAX_DEPTH - 2), 1)

    def test_five_thousand_levels_are_no_deeper_than_seventeen(self) -> None:
        """Python's own recursion limit is not in sight."""
        assert legal(nested(1, 5000)) == (nested([], MAX_DEPTH - 2), 1)

    def test_a_cycle_is_dropped_where_it_closes(self) -> None:
        """In a list, in a map, and by way of both."""
        itself: list[object] = [1]
        itself.append(itself)
        there: dict[str, object] = {"a": 1}
        there["back"] = [there]

        assert legal(itself) == ([1], 1)
        assert legal(there) == ({"a": 1, "back": []}, 1)

    def test_a_cycle_through_a_dataclass_is_dropped(self) -> None:
        """It is a container like any other."""

        @dataclasses.dataclass
        class Node:
            next: object = None

        node = Node()
        node.next = node

        assert legal(node) == ({}, 1)

    def test_a_value_that_is_there_twice_is_no_cycle(self) -> None:
        """It is kept in both places."""
        shared = [1]

        assert legal([shared, {"again": shared}]) == ([[1], {"again": [1]}], 0)


class TestBudgets:
    """A small object can be a tree of billions: one bucket has its measure."""

    def test_a_long_list_is_kept(self) -> None:
        """A hundred thousand elements are within the budget."""
        assert legal(list(range(100_000))) == (list(range(100_000)), 0)

    def test_elements_beyond_the_budget_are_dropped(self) -> None:
        """Those at the front stay."""
        result, cut = legal(list(range(MAX_ELEMENTS + 10)))

        assert result == list(range(MAX_ELEMENTS - 1))
        assert cut >= 1

    @pytest.mark.parametrize(
        "bomb",
        [
            pytest.param([[]], id="lists"),
            pytest.param({"k": {}}, id="maps"),
            pytest.param((set(),), id="sets"),
            pytest.param([np.zeros(100)], id="arrays"),
        ],
    )
    def test_shared_references_end_quickly(self, bomb: object) -> None:
        """Ten to the fifteenth of them in a few hundred bytes."""
        for _ in range(15):
            bomb = [bomb] * 10

        result, cut = legal({"bomb": bomb})

        assert count(result) <= MAX_ELEMENTS
        assert cut > 0

    @pytest.mark.parametrize("endless", [Endless(), EndlessList(), EndlessSet(), range(2**60)])
    def test_an_endless_container_is_truncated(self, endless: object) -> None:
        """Its beginning stays."""
        result, cut = legal([endless, endless])

        assert count(result) <= MAX_ELEMENTS
        assert cut > 0

    @pytest.mark.parametrize(
        "heavy",
        [
            pytest.param("x" * 2**20, id="text"),
            pytest.param(b"x" * 2**20, id="bytes"),
            pytest.param(bytearray(2**20), id="bytearray"),
            pytest.param(memoryview(bytes(2**20)), id="memoryview"),
            pytest.param({"k" * 2**20: 1}, id="key"),
            pytest.param(1 << 2**22, id="int"),
            pytest.param(decimal.Decimal("1" * 2**16), id="Decimal"),
            pytest.param(np.array(["x" * 2**18]), id="array of text"),
        ],
    )
    def test_much_text_by_reference_is_no_more_text_than_the_budget(self, heavy: object) -> None:
        """Ten thousand references to a megabyte are not ten gigabytes."""
        result, cut = legal([heavy] * 10_000)

        assert 0 < weight(result) <= MAX_TEXT
        assert cut > 0

    @pytest.mark.parametrize(
        "huge",
        [
            pytest.param("x" * (MAX_TEXT + 1), id="text"),
            pytest.param(b"x" * (MAX_TEXT + 1), id="bytes"),
            pytest.param(np.zeros(MAX_ELEMENTS + 1), id="array"),
            pytest.param(
                np.broadcast_to(np.array("x" * 1000), (MAX_ELEMENTS - 1,)), id="broadcast"
            ),
        ],
    )
    def test_only_the_value_that_is_too_large_is_dropped(self, huge: object) -> None:
        """Before it is copied."""
        with pytest.raises(ValueDropped):
            legal(huge)
        assert legal([huge, "é", b"data", [huge], 1]) == (["é", b"data", [], 1], 2)

    def test_two_megabytes_of_text_are_kept(self) -> None:
        """As str or as bytes."""
        for text in ("x" * 2**21, "é" * 2**21):
            assert legal([text]) == ([text], 0)

    @pytest.mark.parametrize(
        ("value", "expected", "cut"),
        [
            *(("abcdef", "abc", 1), ("abc", "abc", 0), (b"abcdef", b"abc", 1), ("", "", 0)),
            *((bytearray(b"abcd"), b"abc", 1), (["abcd", "ef"], ["abc", "ef"], 1)),
            *((2**70, "118", 1), (2**60, 2**60, 0), ({"a key": "abcd"}, {"a key": "abc"}, 1)),
            *(
                (decimal.Decimal("1.2345"), "1.2", 1),
                (object(), "obj", 1),
                ("ab\ud83d", "ab\ufffd", 0),
            ),
        ],
    )
    def test_the_length_limit_holds_for_each_text(
        self, value: object, expected: object, cut: int
    ) -> None:
        """Of values, at every level; keys are not shortened, for they would become others."""
        assert same(legal(value, 3), (expected, cut))


def count(value: object) -> int:
    """Count the values in *value*."""
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


def weight(value: object) -> int:
    """Count the characters and bytes in *value*."""
    if isinstance(value, dict):
        return sum(len(key) + weight(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(weight, value))
    return len(value) if isinstance(value, (str, bytes)) else 0
