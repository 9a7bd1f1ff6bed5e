"""Sampling, rate limits and once per day."""

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
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.errors import ConfigurationError
from otel_telemetry.events import BeforeSend
from otel_telemetry.hooks.sampling import (
    PROBABILITY,
    DayClaims,
    _RateLimit,
    once_per_day,
    preview_mode,
    rate_limit,
    sample,
)
from tests.support.events import make_event

_WEEK = 7 * 86_400.0


class _Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _passes(hook: BeforeSend, name: str = "e") -> bool:
    return hook(make_event(name=name)) is not None


class TestSample:
    """`sample`."""

    def test_the_share_of_sampled_installations_is_the_probability(self) -> None:
        """Within statistical error."""
        kept = sum(
            _passes(sample(0.3, key=f"id {number}", clock=_Clock())) for number in range(4000)
        )

        assert 0.27 < kept / 4000 < 0.33

    def test_an_installation_is_sampled_as_a_whole_for_a_period(self) -> None:
        """With all its events, in every process; the next period draws again."""
        clock = _Clock()
        weeks = []
        for week in range(200):
            found = set()
            for offset in (0, 1.5, _WEEK - 1):
                clock.now = week * _WEEK + offset
                for hook in (
                    sample(0.5, key="id", clock=clock),
                    sample(0.5, key="id", clock=clock),
                ):
                    found |= {_passes(hook, "a"), _passes(hook, "b")}
            assert len(found) == 1
            weeks.append(found.pop())

        assert 60 < sum(weeks) < 140

    def test_a_key_sampled_at_a_low_probability_is_sampled_at_a_higher_one(self) -> None:
        """So that two samples share installations."""
        for number in range(500):
            key, clock = f"id {number}", _Clock()
            if _passes(sample(0.1, key=key, clock=clock)):
                assert _passes(sample(0.2, key=key, clock=clock))

    def test_a_kept_event_has_its_probability_as_first_attribute(self) -> None:
        """First, so that a limit on attributes does not drop it."""
        event = make_event({"a": 1, "b": 2}, {"u": 1})
        key = next(key for key in map(str, range(99)) if _passes(sample(0.1, key=key)))

        kept = sample(0.5, key=key)(event)
        again = kept and sample(0.1, key=key)(kept)

        assert kept == make_event({PROBABILITY: 0.5, "a": 1, "b": 2}, {"u": 1})
        assert list(kept.event_properties) == [PROBABILITY, "a", "b"]
        assert event == make_event({"a": 1, "b": 2}, {"u": 1})
        assert again is not None
        assert again.event_properties == {PROBABILITY: 0.05, "a": 1, "b": 2}

    @pytest.mark.parametrize("wrong", ["0.5", 5.0, 0.0, -0.5, True, float("nan")])
    def test_an_attribute_that_is_no_probability_is_replaced(self, wrong: Any) -> None:
        """The caller may have set any value."""
        key = next(key for key in map(str, range(99)) if _passes(sample(0.5, key=key)))

        kept = sample(0.5, key=key)(make_event({PROBABILITY: wrong}))

        assert kept is not None
        assert kept.event_properties == {PROBABILITY: 0.5}

    def test_probability_one_passes_all_events_and_zero_none(self) -> None:
        """With 1, events are unchanged."""
        event = make_event({"a": 1})

        assert sample(1)(event) is event
        assert sample(0)(event) is None

    def test_events_that_are_not_named_pass_unchanged(self) -> None:
        """With names, only those events are sampled."""
        event = make_event(name="other")

        assert sample(0, "a", "b")(event) is event
        assert not _passes(sample(0, "a", "b"), "b")

    def test_a_key_function_can_return_none_at_first(self) -> None:
        """An installation has no id before consent; until then each process is sampled."""
        keys: list[str | None] = [None]
        hook = sample(0.5, key=lambda: keys[-1], clock=_Clock())
        without = _passes(hook)

        found = []
        for number in range(50):
            keys.append(str(number))
            assert _passes(hook) is _passes(sample(0.5, key=str(number), clock=_Clock()))
            found.append(_passes(hook))
        keys.append(None)

        assert set(found) == {True, False}
        assert _passes(hook) is without

    def test_without_a_key_each_process_is_sampled(self) -> None:
        """A forked child draws again."""
        clock = _Clock()
        hooks = [sample(0.5, clock=clock) for _ in range(60)]
        before = [_passes(hook) for hook in hooks]

        assert set(before) == {True, False}
        assert [_passes(hook) for hook in hooks] == before
        for hook in hooks:
            hook.after_fork()  # type: ignore[attr-defined]  # as after a fork
        assert [_passes(hook) for hook in hooks] != before

    @pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), True, "0.5", None])
    def test_an_invalid_probability_raises(self, probability: Any) -> None:
        """At construction."""
        with pytest.raises(ConfigurationError, match="probability from 0 to 1"):
            sample(probability)

    @pytest.mark.parametrize("period", [0, -1, float("inf"), float("nan"), True, "week"])
    def test_an_invalid_period_raises(self, period: Any) -> None:
        """At construction."""
        with pytest.raises(ConfigurationError, match="period"):
            sample(0.5, period=period)


class TestRateLimit:
    """`rate_limit`."""

    @given(
        count=st.integers(1, 4),
        seconds=st.sampled_from([0.5, 1.0, 60.0]),
        steps=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 30.0]), max_size=60),
    )
    def test_no_window_passes_more_than_the_count(
        self, count: int, seconds: float, steps: list[float]
    ) -> None:
        """And an event passes whenever the window has room."""
        clock = _Clock()
        hook = rate_limit(count, seconds, clock=clock)
        passed: list[float] = []
        for step in steps:
            clock.now += step
            recent = [moment for moment in passed if clock.now - moment < seconds]
            event = make_event()
            if len(recent) < count:
                assert hook(event) is event
                passed.append(clock.now)
            else:
                assert hook(event) is None

    def test_each_name_has_a_limit_of_its_own(self) -> None:
        """With names, only those events are limited."""
        clock = _Clock()
        all_names, one = rate_limit(1, 1, clock=clock), rate_limit(1, 1, "a", clock=clock)

        assert [_passes(all_names, name) for name in "abab"] == [True, True, False, False]
        assert [_passes(one, name) for name in "abab"] == [True, True, False, True]

    def test_names_beyond_the_maximum_share_one_limit(self) -> None:
        """Memory is bounded, and the first names keep their limits."""
        clock = _Clock()
        hook = rate_limit(2, 10, clock=clock)
        assert isinstance(hook, _RateLimit)
        for number in range(256):
            assert _passes(hook, f"known {number}")
        strangers = [_passes(hook, f"stranger {number}") for number in range(5000)]

        assert sum(strangers) == 2
        assert _passes(hook, "known 7")
        assert len(hook._windows) == 256

    def test_a_name_without_recent_events_makes_room_for_another(self) -> None:
        """After one window."""
        clock = _Clock()
        hook = rate_limit(1, 10, clock=clock)
        assert isinstance(hook, _RateLimit)
        for number in range(256):
            clock.now = number / 256
            assert _passes(hook, f"old {number}")
        clock.now = 10 + 128 / 256

        assert sum(_passes(hook, f"new {number}") for number in range(500)) == 129 + 1
        assert not _passes(hook, "old 200")

    def test_threads_share_the_limit(self) -> None:
        """Eight threads at once."""
        hook = rate_limit(1000, 60, clock=_Clock())
        found: list[int] = []
        start = threading.Barrier(8)

        def run() -> None:
            start.wait()
            found.append(sum(_passes(hook) for _ in range(500)))

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sum(found) == 1000

    def test_a_forked_child_starts_from_zero(self) -> None:
        """Even if another thread of the parent held the lock."""
        hook = rate_limit(1, 60, clock=_Clock())
        assert isinstance(hook, _RateLimit)
        assert _passes(hook)

        assert _in_child(lambda: [_passes(hook), _passes(hook)] == [True, False], hook._lock)
        assert not _passes(hook)

    @pytest.mark.parametrize("count", [0, -1, 100_001, 1.0, True, "1"])
    def test_an_invalid_count_raises(self, count: Any) -> None:
        """At construction."""
        with pytest.raises(ConfigurationError, match="count from 1 to 100000"):
            rate_limit(count, 1)

    @pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "1"])
    def test_invalid_seconds_raise(self, seconds: Any) -> None:
        """At construction."""
        with pytest.raises(ConfigurationError, match="more than 0 seconds"):
            rate_limit(1, seconds)


def _in_child(works: Callable[[], bool], held: threading.Lock) -> bool:
    """Fork while *held* is locked; return the result of the child."""
    with held:
        child = os.fork()
        if child == 0:
            os._exit(0 if works() else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("names", [("",), (5,), (None,), (["a", "b"],)])
def test_an_invalid_name_raises(names: tuple[Any, ...]) -> None:
    """A hook for an event that does not exist would do nothing, unnoticed."""
    with pytest.raises(ConfigurationError, match="names of events"):
        sample(0.5, *names)
    with pytest.raises(ConfigurationError, match="names of events"):
        rate_limit(1, 1, *names)


_DAY = 86_400
_NOON = 1_709_208_000  # 2024-02-29, 12:00 UTC


class _Calendar:
    """A clock that a test sets."""

    def __init__(self, now: float = _NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _passes_today(hook: BeforeSend, name: str = "ping") -> bool:
    return hook(make_event(name=name)) is not None


@pytest.fixture(params=["memory", "directory"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """The state: in memory, or in a directory that does not exist yet."""
    return tmp_path / "a" / "days" if request.param == "directory" else None


def test_a_named_event_passes_once_per_day_in_utc(state: Path | None) -> None:
    """From midnight to midnight, for each name; other events always pass."""
    clock = _Calendar(_NOON - _NOON % _DAY)
    hook = once_per_day("ping", "pong", state=state, clock=clock)
    other = make_event(name="other")

    assert [_passes_today(hook) for _ in range(3)] == [True, False, False]
    assert _passes_today(hook, "pong")
    assert hook(other) is hook(other) is other
    clock.now += _DAY - 1
    assert not _passes_today(hook)
    clock.now += 1
    assert [_passes_today(hook), _passes_today(hook), _passes_today(hook, "pong")] == [
        True,
        False,
        True,
    ]


def test_a_clock_set_back_sends_nothing_twice(state: Path | None) -> None:
    """The event passes again on the day after the last one."""
    clock = _Calendar()
    hook = once_per_day("ping", state=state, clock=clock)
    assert _passes_today(hook)

    for days in (-1, -400, 0):
        clock.now = _NOON + days * _DAY
        assert not _passes_today(hook)
        if state is not None:
            assert not _passes_today(once_per_day("ping", state=state, clock=clock))
    clock.now = _NOON + _DAY
    assert _passes_today(hook)


def test_processes_share_the_state_directory(tmp_path: Path) -> None:
    """One small file for each name, which does not contain the name."""
    clock = _Calendar()
    for day in range(3):
        clock.now = _NOON + day * _DAY
        assert _passes_today(once_per_day("ping", state=str(tmp_path), clock=clock))
        assert not _passes_today(once_per_day("ping", "pong", state=tmp_path, clock=clock))

    (file,) = tmp_path.iterdir()
    assert file.name.endswith(".2024-03-02")
    assert "ping" not in file.name
    assert file.stat().st_size == 0
    assert file.stat().st_mode & 0o077 == tmp_path.stat().st_mode & 0o077 == 0


_RACE = """
import json, sys
from otel_telemetry.events import Event
from otel_telemetry.hooks.sampling import once_per_day

names = [f"event {number}" for number in range(100)]
hook = once_per_day(*names, state=sys.argv[1], clock=lambda: 1_709_208_000)
print("ready", flush=True)
sys.stdin.readline()
empty = dict(timestamp=1, event_properties={}, user_properties={}, group_properties={})
print(json.dumps([name for name in names if hook(Event(name=name, **empty)) is not None]))
"""


def test_one_of_several_racing_processes_sends_the_event(tmp_path: Path) -> None:
    """Four processes, a hundred events."""
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


def test_one_of_several_racing_threads_sends_the_event(state: Path | None) -> None:
    """Eight threads, a hundred events."""
    names = [f"event {number}" for number in range(100)]
    hook = once_per_day(*names, state=state, clock=_Calendar())
    sent: list[str] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        sent.extend(name for name in names if _passes_today(hook, name))

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
def test_an_unusable_state_directory_drops_the_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    """And the hook does not try again before the next day."""
    caplog.set_level(logging.WARNING, logger="otel_telemetry")
    path = tmp_path / "days"
    spoil(path)
    clock = _Calendar()
    hook = once_per_day("ping", state=path, clock=clock)

    assert not _passes_today(hook)
    path.unlink()
    assert not _passes_today(hook)
    assert str(tmp_path) not in caplog.text
    clock.now += _DAY
    assert _passes_today(hook)


class _Listing:
    """Lists a directory; after one of the calls, another process acts."""

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
def test_a_claim_fails_if_another_process_claims_meanwhile(tmp_path: Path, days: list[str]) -> None:
    """The same day, or the next day with the older file deleted."""
    path = str(tmp_path)

    def overtake() -> None:
        for day in days:
            assert DayClaims(path).claim("ping", day)

    assert not DayClaims(path, _Listing(1, overtake)).claim("ping", "2024-02-29")
    assert not DayClaims(path).claim("ping", days[-1])


def test_another_process_may_delete_the_old_file_first(tmp_path: Path) -> None:
    """Two processes claim the next day at the same time."""
    path = str(tmp_path)
    assert DayClaims(path).claim("ping", "2024-02-28")
    (old,) = tmp_path.iterdir()

    assert DayClaims(path, _Listing(2, old.unlink)).claim("ping", "2024-02-29")
    assert not old.exists()


def _child(hook: BeforeSend, answers: Any) -> None:
    answers.put([_passes_today(hook), _passes_today(hook, "pong")])


def test_a_forked_child_keeps_the_claims_of_its_parent(state: Path | None) -> None:
    """An event that the parent sent is not sent again."""
    hook = once_per_day("ping", "pong", state=state, clock=_Calendar())
    assert _passes_today(hook)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    child = context.Process(target=_child, args=(hook, answers))
    child.start()

    assert answers.get() == [False, True]
    child.join()


@pytest.mark.parametrize("names", [(), ("",), (5,), (["ping"],)])
def test_once_per_day_needs_names(names: tuple[Any, ...]) -> None:
    """At least one."""
    with pytest.raises(ConfigurationError, match="once_per_day needs the names"):
        once_per_day(*names)


def test_preview_mode_claims_no_day(state: Path | None) -> None:
    """The result is that of a real call, and no file is created or changed."""
    hook = once_per_day("ping", state=state, clock=_Calendar())

    with preview_mode():
        assert [_passes_today(hook), _passes_today(hook)] == [True, True]
        assert state is None or not state.parent.exists()
    assert [_passes_today(hook), _passes_today(hook)] == [True, False]
    again = hook if state is None else once_per_day("ping", state=state, clock=_Calendar())
    with preview_mode():
        assert not _passes_today(again)


def test_preview_mode_returns_false_for_an_unreadable_directory(tmp_path: Path) -> None:
    """As a real call does."""
    (tmp_path / "file").touch()
    with preview_mode():
        assert not _passes_today(once_per_day("ping", state=tmp_path / "file", clock=_Calendar()))
