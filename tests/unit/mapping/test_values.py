"""The rules by which Python values become legal attribute values."""

from __future__ import annotations

import array
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import operator
import pathlib
import types
import uuid
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, NoReturn

import numpy as np
import pytest

from otel_telemetry._internal.scalars import INT_MAX, INT_MIN
from otel_telemetry.mapping.values import attribute_key, valid_unicode
from tests.support.values import legal, same

SECRET = "s3cr3t"  # what must never be seen of an object that is no value


class Plan(enum.Enum):
    """An enumeration of words."""

    FREE = "free"
    PAID = ("paid", 2)


class Kind(str, enum.Enum):
    """An enumeration whose members are texts."""

    SINGLE = "single"


class Level(enum.IntEnum):
    """An enumeration whose members are numbers."""

    LOW = 1


class Right(enum.Flag):
    """An enumeration whose members add up."""

    READ = 1
    WRITE = 2


class Name(str):
    """A text of a class of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        return SECRET


class Count(int):
    """A number of a class of its own."""

    def __str__(self) -> str:
        return SECRET


class Share(float):
    """A share of a class of its own."""


class Blob(bytes):
    """Bytes of a class of their own."""


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: float


@dataclasses.dataclass
class Project:
    """A dataclass that has another one."""

    name: str
    plan: Plan
    parent: Project | None = None
    hidden: str = dataclasses.field(default="shown all the same", repr=False)


class Thing:
    """An object that is no value."""

    def __repr__(self) -> str:
        return SECRET


class Whole:
    """What can be an index."""

    def __index__(self) -> int:
        return 7


class Broken:
    """What can be a number, though no index, as a tensor may be."""

    def __index__(self) -> int:
        raise TypeError

    def __float__(self) -> float:
        return 0.5


LEGAL: list[object] = [
    *(None, True, False, 0, 1, -1, INT_MIN, INT_MAX, 0.0, -0.0, 1.0, 1e300, math.inf, -math.inf),
    *("", "text", "日本語 👩‍👩‍👧", "\0", b"", b"\xff\0", [], {}),
    *([1, "a", None, [True, {"k": b"v"}]],),
]


@pytest.mark.parametrize("value", LEGAL)
def test_a_legal_value_stays_as_it_is(value: object) -> None:
    """With its type, at every level."""
    for nested in (value, [value], {"k": [value]}):
        result, cut = legal(nested)

        assert same(result, nested)
        assert cut == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Plan.FREE, "free", id="Enum"),
        pytest.param(Plan.PAID, ["paid", 2], id="Enum of tuples"),
        pytest.param(Kind.SINGLE, "single", id="str Enum"),
        pytest.param(Level.LOW, 1, id="IntEnum"),
        pytest.param(Right.READ | Right.WRITE, 3, id="Flag"),
        pytest.param(Name("name"), "name", id="str subclass"),
        pytest.param(Count(7), 7, id="int subclass"),
        pytest.param(Share(0.5), 0.5, id="float subclass"),
        pytest.param(Blob(b"blob"), b"blob", id="bytes subclass"),
        pytest.param(bytearray(b"\0"), b"\0", id="bytearray"),
        pytest.param(memoryview(b"abc"), b"abc", id="memoryview"),
        pytest.param(memoryview(b"abcd")[::2], b"ac", id="memoryview with gaps"),
        pytest.param((1, (2,)), [1, [2]], id="tuple"),
        pytest.param(Point(1, 2.5), [1, 2.5], id="namedtuple"),
        pytest.param(range(3), [0, 1, 2], id="range"),
        pytest.param(deque([1]), [1], id="deque"),
        pytest.param(array.array("i", [1, 2]), [1, 2], id="array"),
        pytest.param(UserList([1]), [1], id="UserList"),
        pytest.param({3, 1, 2}, [1, 2, 3], id="set"),
        pytest.param(frozenset("ba"), ["a", "b"], id="frozenset"),
        pytest.param({"b": 1, "a": 2}.keys(), ["a", "b"], id="keys"),
        pytest.param({"a": 1}.values(), "dict_values", id="values, which are no sequence"),
        pytest.param(OrderedDict(a=1), {"a": 1}, id="OrderedDict"),
        pytest.param(defaultdict(int, a=1), {"a": 1}, id="defaultdict"),
        pytest.param(Counter("aa"), {"a": 2}, id="Counter"),
        pytest.param(ChainMap({"a": 1}), {"a": 1}, id="ChainMap"),
        pytest.param(UserDict({"a": 1}), {"a": 1}, id="UserDict"),
        pytest.param(types.MappingProxyType({"a": 1}), {"a": 1}, id="mappingproxy"),
        pytest.param(datetime.date(2024, 2, 29), "2024-02-29", id="date"),
        pytest.param(datetime.time(1, 2, 3), "01:02:03", id="time"),
        pytest.param(datetime.datetime(2024, 2, 29, 1, 2, 3, 4), "2024-02-29T01:02:03.000004"),  # noqa: DTZ001
        pytest.param(
            datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
            "2024-02-29T00:00:00+00:00",
            id="aware datetime",
        ),
        pytest.param(datetime.timedelta(1), "timedelta", id="timedelta"),
        pytest.param(uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001", id="UUID"),
        pytest.param(pathlib.PurePosixPath("a/b"), "a/b", id="Path"),
        pytest.param(pathlib.PurePosixPath("\udcff"), "\ufffd", id="Path of no text"),
        pytest.param(decimal.Decimal("1.10"), "1.10", id="Decimal"),
        pytest.param(fractions.Fraction(1, 2), 0.5, id="Fraction"),
        pytest.param(1j, "complex", id="complex"),
        pytest.param(Whole(), 7, id="number-like int"),
        pytest.param(Broken(), 0.5, id="number-like float"),
        pytest.param(np.int64(-3), -3, id="numpy int"),
        pytest.param(np.uint64(2**64 - 1), str(2**64 - 1), id="numpy uint64"),
        pytest.param(np.float32(0.5), 0.5, id="numpy float"),
        pytest.param(np.float64(0.1), 0.1, id="numpy double"),
        pytest.param(np.longdouble("0.5"), 0.5, id="numpy long double"),
        pytest.param(np.bool_(True), True, id="numpy bool"),
        pytest.param(np.str_("text"), "text", id="numpy str"),
        pytest.param(np.bytes_(b"data"), b"data", id="numpy bytes"),
        pytest.param(np.datetime64("2024-02-29"), "2024-02-29", id="numpy date"),
        pytest.param(np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], id="numpy array"),
        pytest.param(np.array(1.5), 1.5, id="numpy array of no dimension"),
        pytest.param(np.array([None, "a"], dtype=object), [None, "a"], id="numpy objects"),
        pytest.param(np.array([1j]), ["complex"], id="numpy complex"),
        pytest.param(2**63, str(2**63), id="int beyond 64 bits"),
        pytest.param(-(2**70), str(-(2**70)), id="negative int beyond 64 bits"),
        pytest.param("\ud83d\ude00", "😀", id="surrogate pair"),
        pytest.param("a\ud83d", "a\ufffd", id="lone surrogate"),
        pytest.param("\udc00é\ud800", "\ufffdé\ufffd", id="surrogates the wrong way round"),
        pytest.param({1: "a", None: "b"}, {"1": "a", "None": "b"}, id="keys that are no str"),
        pytest.param(Project("p", Plan.FREE, Project("q", Plan.FREE)), {
            "name": "p",
            "plan": "free",
            "parent": {
                "name": "q", "plan": "free", "parent": None, "hidden": "shown all the same"
            },
            "hidden": "shown all the same",
        }, id="dataclass"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_becomes_the_legal_value_that_it_stands_for(
    value: object, expected: object
) -> None:
    """Exactly that type, never one that only looks like it; and nothing is counted as cut."""
    assert same(legal(value), (expected, 0))
    assert same(legal([{"k": value}]), ([{"k": expected}], 0))


@pytest.mark.parametrize(
    "value",
    [
        *(Thing(), Thing, Project, object(), ..., NotImplemented, type, Plan),
        *(lambda: SECRET, len, operator.itemgetter(1), pytest, (x for x in "ab"), iter([1])),
        *(ValueError(SECRET), Callable[[], int], types.SimpleNamespace(a=SECRET), property()),
    ],
)
def test_any_other_object_becomes_the_name_of_its_type(value: object) -> None:
    """Never its repr: that is where secrets leak."""
    assert legal(value) == (type(value).__name__, 0)


def test_a_generator_is_not_consumed() -> None:
    """The caller can still iterate over all of it."""
    generator = (number for number in range(2))

    assert legal([generator]) == (["generator"], 0)
    assert list(generator) == [0, 1]


def test_an_enormous_int_is_its_digits_however_many_they_may_be() -> None:
    """Decimal where Python writes that many digits, else hexadecimal, which has no limit."""
    text, cut = legal(10**5000)

    assert isinstance(text, str)
    assert int(text, 16 if text.startswith("0x") else 10) == 10**5000
    assert cut == 0


def test_a_set_of_things_without_order_is_a_list_all_the_same() -> None:
    """In any order."""
    result, cut = legal({1, "a", None})

    assert isinstance(result, list)
    assert set(result) == {1, "a", None}
    assert cut == 0


class TestKeys:
    """Keys are texts that say something."""

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            *(("key", "key"), ("a b.ü", "a b.ü"), (Name("name"), "name"), (Kind.SINGLE, "single")),
            *((Level.LOW, "1"), (1, "1"), (True, "True"), (1.5, "1.5"), (None, "None")),
            *((b"key", "key"), (b"\xff", "\ufffd"), (Blob(b"b"), "b"), ("\ud800", "\ufffd")),
            *((uuid.UUID(int=0), str(uuid.UUID(int=0))), (datetime.date(2024, 1, 2), "2024-01-02")),
            *((decimal.Decimal("1.0"), "1.0"), (pathlib.PurePosixPath("a"), "a")),
            *((pathlib.PurePosixPath("\udcff"), "\ufffd"), (Plan.PAID, "tuple"), ((1, 2), "tuple")),
            *((Thing(), "Thing"), (Thing, "type"), (frozenset(), "frozenset")),
            *(("", None), (b"", None), (Name(), None), (type("", (), {})(), None)),
        ],
    )
    def test_a_key_is_made_a_str(self, key: object, expected: str | None) -> None:
        """None if it has no text."""
        result = attribute_key(key)

        assert same(result, expected)

    def test_an_entry_without_a_key_is_dropped(self) -> None:
        """It could not be found again."""
        assert legal({"": 1, "a": 2}) == ({"a": 2}, 1)

    def test_of_entries_whose_keys_become_one_the_last_stays(self) -> None:
        """The others are counted as dropped."""
        assert legal({1: "first", "1": "last"}) == ({"1": "last"}, 1)


def test_valid_unicode_returns_valid_text_unchanged() -> None:
    """The very same object: nearly every text is valid."""
    for text in ("plain", "日本語"):
        assert valid_unicode(text) is text


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
    """They become their type's name, and other values do not change."""

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
        assert same(attribute_key(RaisingText("text")), "text")

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
        assert attribute_key(10**5000) in {"int", "1" + "0" * 5000}
