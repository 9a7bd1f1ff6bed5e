"""Once a day, in one process and in all."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry.errors import ConfigurationError
from otel_telemetry.hooks.sampling import Days, looking, once_a_day
from otel_telemetry.types import BeforeSend
from tests.support.events import make_event

_DAY = 86_400
_NOON = 1_709_208_000  # 2024-02-29, 12:00 UTC


class _Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float = _NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _passes(hook: BeforeSend, name: str = "ping") -> bool:
    return hook(make_event(name=name)) is not None


@pytest.fixture(params=["memory", "directory"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Keep the days in memory, or in a directory that is yet to be made."""
    return tmp_path / "a" / "days" if request.param == "directory" else None


def test_a_named_event_passes_once_in_a_day_of_utc(state: Path | None) -> None:
    """From midnight to midnight; each name by itself, and others always, as they are."""
    clock = _Clock(_NOON - _NOON % _DAY)
    hook = once_a_day("ping", "pong", state=state, clock=clock)
    other = make_event(name="other")

    assert [_passes(hook) for _ in range(3)] == [True, False, False]
    assert _passes(hook, "pong")
    assert hook(other) is hook(other) is other
    clock.now += _DAY - 1
    assert not _passes(hook)
    clock.now += 1
    assert [_passes(hook), _passes(hook), _passes(hook, "pong")] == [True, False, True]


def test_a_clock_that_is_put_back_sends_nothing_twice(state: Path | None) -> None:
    """Until it has caught up."""
    clock = _Clock()
    hook = once_a_day("ping", state=state, clock=clock)
    assert _passes(hook)

    for days in (-1, -400, 0):
        clock.now = _NOON + days * _DAY
        assert not _passes(hook)
        if state is not None:
            assert not _passes(once_a_day("ping", state=state, clock=clock))
    clock.now = _NOON + _DAY
    assert _passes(hook)


def test_processes_share_their_days(tmp_path: Path) -> None:
    """One that starts later knows; of each name, one small file is left, which tells no name."""
    clock = _Clock()
    for day in range(3):
        clock.now = _NOON + day * _DAY
        assert _passes(once_a_day("ping", state=str(tmp_path), clock=clock))
        assert not _passes(once_a_day("ping", "pong", state=tmp_path, clock=clock))

    (file,) = tmp_path.iterdir()
    assert file.name.endswith(".2024-03-02")
    assert "ping" not in file.name
    assert file.stat().st_size == 0
    assert file.stat().st_mode & 0o077 == tmp_path.stat().st_mode & 0o077 == 0


_RACE = """
import json, sys
from otel_telemetry.events import Event
from otel_telemetry.hooks.sampling import once_a_day

names = [f"event {number}" for number in range(100)]
hook = once_a_day(*names, state=sys.argv[1], clock=lambda: 1_709_208_000)
print("ready", flush=True)
sys.stdin.readline()
empty = dict(timestamp=1, event_properties={}, user_properties={}, group_properties={})
print(json.dumps([name for name in names if hook(Event(name=name, **empty)) is not None]))
"""


def test_of_processes_that_race_one_sends(tmp_path: Path) -> None:
    """Four at once, for a hundred events: each event is sent by one of them."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    sent = [name for racer in racers for name in json.loads(racer.communicate(timeout=30)[0])]

    assert sorted(sent) == sorted(f"event {number}" for number in range(100))


def test_of_threads_that_race_one_sends(state: Path | None) -> None:
    """Eight at once, for a hundred events."""
    names = [f"event {number}" for number in range(100)]
    hook = once_a_day(*names, state=state, clock=_Clock())
    sent: list[str] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        sent.extend(name for name in names if _passes(hook, name))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(sent) == sorted(names)


def _no_directory(path: Path) -> None:
    path.write_bytes(b"")


def _link(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("spoil", [_no_directory, _link], ids=["a file", "a link"])
def test_what_cannot_be_known_means_that_the_day_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    """Better none than two; and nothing is asked again before the next day."""
    caplog.set_level(logging.WARNING, logger="otel_telemetry")
    path = tmp_path / "days"
    spoil(path)
    clock = _Clock()
    hook = once_a_day("ping", state=path, clock=clock)

    assert not _passes(hook)
    path.unlink()
    assert not _passes(hook)
    assert str(tmp_path) not in caplog.text
    clock.now += _DAY
    assert _passes(hook)


class _Looking:
    """Looks into a directory; after one of its looks, something happens there."""

    def __init__(self, after: int, then: Callable[[], object]) -> None:
        self._left = after
        self._then = then

    def __call__(self, path: str) -> list[str]:
        found = os.listdir(path)
        self._left -= 1
        if self._left == 0:
            self._then()
        return found


@pytest.mark.parametrize("days", [["2024-02-29"], ["2024-02-29", "2024-03-01"]])
def test_who_is_overtaken_does_not_send(tmp_path: Path, days: list[str]) -> None:
    """By one that took the day, and by one that then took the next and tidied up."""
    path = str(tmp_path)

    def overtake() -> None:
        for day in days:
            assert Days(path).claim("ping", day)

    assert not Days(path, _Looking(1, overtake)).claim("ping", "2024-02-29")
    assert not Days(path).claim("ping", days[-1])


def test_who_tidies_up_may_find_it_done(tmp_path: Path) -> None:
    """Two that pass on to the next day at once remove the same file."""
    path = str(tmp_path)
    assert Days(path).claim("ping", "2024-02-28")
    (old,) = tmp_path.iterdir()

    assert Days(path, _Looking(2, old.unlink)).claim("ping", "2024-02-29")
    assert not old.exists()


def _child(hook: BeforeSend, answers: Any) -> None:
    answers.put([_passes(hook), _passes(hook, "pong")])


def test_a_forked_child_knows_what_its_parent_knew(state: Path | None) -> None:
    """What the parent has sent is sent."""
    hook = once_a_day("ping", "pong", state=state, clock=_Clock())
    assert _passes(hook)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    child = context.Process(target=_child, args=(hook, answers))
    child.start()

    assert answers.get() == [False, True]
    child.join()


@pytest.mark.parametrize("names", [(), ("",), (5,), (["ping"],)])
def test_the_events_must_be_named(names: tuple[Any, ...]) -> None:
    """Once a day is for the few that are made for it."""
    with pytest.raises(ConfigurationError, match="once_a_day needs the names"):
        once_a_day(*names)


def test_who_only_looks_takes_no_day(state: Path | None) -> None:
    """They hear what they would hear, and nothing is made, or changed."""
    hook = once_a_day("ping", state=state, clock=_Clock())

    with looking():
        assert [_passes(hook), _passes(hook)] == [True, True]
        assert state is None or not state.parent.exists()
    assert [_passes(hook), _passes(hook)] == [True, False]
    again = hook if state is None else once_a_day("ping", state=state, clock=_Clock())
    with looking():
        assert not _passes(again)


def test_who_looks_into_what_cannot_be_read_hears_no(tmp_path: Path) -> None:
    """As everybody does."""
    (tmp_path / "file").touch()
    with looking():
        assert not _passes(once_a_day("ping", state=tmp_path / "file", clock=_Clock()))
