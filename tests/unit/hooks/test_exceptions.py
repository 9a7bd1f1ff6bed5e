"""Descriptions of exceptions, which never contain their messages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from otel_telemetry.hooks.exceptions import describe_exception
from tests.support.events import texts_of

_SECRET = "hunter2"

_OWN = """
class NotFoundError(Exception):
    pass

def load(raiser):
    password = "hunter2"
    return raiser("hunter2")

def fail(secret):
    raise NotFoundError(f"no such key: {secret}")

again = lambda raiser: load(raiser)

def deep(count, raiser):
    return deep(count - 1, raiser) if count else load(raiser)

def raise_(error):
    raise error
"""


def _module(name: str) -> Any:
    module = ModuleType(name)
    exec(compile(_OWN, "/home/bob/acme/db.py", "exec"), vars(module))
    return module


_ours, _theirs = _module("acme.db"), _module("acmeother")


def _caught(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    pytest.fail("raised nothing")


def test_the_description_has_the_type_and_the_own_frames() -> None:
    """The innermost frame is last; frames of other packages and the message are absent."""
    error = _caught(lambda: _ours.again(lambda _secret: _theirs.load(_ours.fail)))

    description = describe_exception(error, own=("acme",))

    assert description == {
        "exception.type": "acme.db.NotFoundError",
        "exception.frames": ["acme.db:<lambda>:12", "acme.db:load:7", "acme.db:fail:10"],
    }


@pytest.mark.parametrize("own", [(), ("other",), ("acm",), "acme.d", None, 5])
def test_without_own_frames_the_description_has_only_the_type(own: Any) -> None:
    """Invalid package names do not raise while the caller handles an exception."""
    error = _caught(lambda: _ours.load(_ours.fail))

    assert describe_exception(error, own=own) == {"exception.type": "acme.db.NotFoundError"}


@pytest.mark.parametrize("own", ["acme", ["x", "acme.db"], iter(["acme"])])
def test_own_packages_can_be_a_name_or_any_iterable(own: Any) -> None:
    """A package includes its submodules."""
    error = _caught(lambda: _ours.load(_ours.fail))

    assert describe_exception(error, own=own)["exception.frames"] == [
        "acme.db:load:7",
        "acme.db:fail:10",
    ]


def test_builtin_types_have_no_module() -> None:
    """As in the semantic conventions."""
    assert describe_exception(KeyError(_SECRET)) == {"exception.type": "KeyError"}
    assert describe_exception(KeyboardInterrupt()) == {"exception.type": "KeyboardInterrupt"}


def test_causes_are_listed_by_type() -> None:
    """The `from` causes and the contexts, the nearest first."""

    def handle(error: BaseException, then: str) -> None:
        try:
            _ours.raise_(error)
        except BaseException as handled:
            if then == "hide":
                raise OSError(_SECRET) from None
            if then == "chain":
                raise ValueError(_SECRET) from handled
            _ours.raise_(TypeError(_SECRET))

    hidden = _caught(lambda: handle(KeyError(_SECRET), "hide"))
    chained = _caught(lambda: handle(hidden, "chain"))
    error = _caught(lambda: handle(chained, "raise"))

    assert describe_exception(error) == {
        "exception.type": "TypeError",
        "exception.causes": ["ValueError", "OSError"],
    }


def test_a_circle_of_causes_ends() -> None:
    """Each cause is listed once."""
    one, two = KeyError(), ValueError()
    one.__cause__, two.__cause__ = two, one

    assert describe_exception(one)["exception.causes"] == ["ValueError"]


def test_the_numbers_of_frames_and_causes_are_bounded() -> None:
    """The innermost frames and the nearest causes stay."""
    error = _caught(lambda: _ours.deep(100, _ours.fail))
    last = error
    for _ in range(100):
        last.__cause__ = KeyError()
        last = last.__cause__

    description = describe_exception(error, own=["acme"])

    frames = description["exception.frames"]
    assert isinstance(frames, list)
    assert frames == ["acme.db:deep:15"] * 14 + ["acme.db:load:7", "acme.db:fail:10"]
    assert description["exception.causes"] == ["KeyError"] * 8


def test_a_recursion_error_is_described() -> None:
    """Its traceback is as long as the stack was."""
    error = _caught(lambda: _ours.deep(sys.getrecursionlimit() * 2, _ours.fail))

    assert describe_exception(error, own=["acme"]) == {
        "exception.type": "RecursionError",
        "exception.frames": ["acme.db:deep:15"] * 16,
    }


class _Meta(type):
    def __getattribute__(cls, name: str) -> object:
        raise RuntimeError(_SECRET)


class _Exotic(Exception, metaclass=_Meta):  # noqa: N818 - exotic
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(_SECRET)

    def __str__(self) -> str:
        raise RuntimeError(_SECRET)

    __repr__ = __str__


def test_an_exception_whose_attributes_raise_is_described() -> None:
    """The attributes of its class are not used."""
    error = _Exotic(_SECRET)
    BaseException.__setattr__(error, "__cause__", KeyError(_SECRET))

    description = describe_exception(_caught(lambda: _ours.raise_(error)), own=["acme"])

    assert description["exception.frames"] == ["acme.db:raise_:18"]
    assert str(description["exception.type"]).endswith("._Exotic")
    assert description["exception.causes"] == ["KeyError"]


@pytest.mark.parametrize("name", ["hunter2@example.com", "x" * 201, "", "a b", "1x", "a..b"])
def test_names_that_could_not_stand_in_source_code_do_not_leave(name: str) -> None:
    """Of types, modules and functions."""
    made = type(name, (Exception,), {"__module__": name})
    function = (lambda: _ours.fail("")).__code__.replace(co_name=f"<{name}>")
    plain = function.replace(co_name=name)
    scope: dict[str, object] = {"__name__": f"acme.{name}", "_ours": _ours}

    def run() -> None:
        try:
            exec(plain, scope)
        except Exception:
            exec(function, scope)

    error = _caught(run)

    assert describe_exception(made()) == {"exception.type": "unknown.unknown"}
    frames = describe_exception(error, own=["acme"])["exception.frames"]
    assert isinstance(frames, list)
    assert str(frames[0]).startswith("unknown:unknown:")


def test_a_frame_without_a_module_name_is_not_own() -> None:
    """Code can run in any mapping of names."""

    class Names(dict[str, object]):
        def get(self, *_: object) -> object:
            raise RuntimeError(_SECRET)

    for scope in ({"__name__": 5}, {"__name__": None}, Names()):
        error = _caught(partial(exec, "1 / 0", scope))
        assert describe_exception(error, own=["acme"]) == {"exception.type": "ZeroDivisionError"}


class _Pretender:
    __class__ = KeyError  # type: ignore[assignment]  # it only says so


@pytest.mark.parametrize("value", [None, "x", 5, KeyError, _Pretender()])
def test_an_object_that_is_no_exception_has_an_empty_description(value: Any) -> None:
    """It does not raise while the caller handles an exception."""
    assert describe_exception(value, own=["acme"]) == {}


def test_the_description_never_contains_the_message() -> None:
    """Nor notes, local variables, files or source lines."""
    error = _caught(lambda: _ours.load(_ours.fail))
    if sys.version_info >= (3, 11):
        error.add_note(_SECRET)

    description: Mapping[str, object] = describe_exception(error, own=["acme"])

    texts = list(texts_of(description))
    assert not any(word in text for text in texts for word in (_SECRET, "bob", "password", "raise"))
