"""Hooks that let some events pass: samples and caps."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.errors import ConfigurationError
from otel_telemetry.hooks.sampling import PROBABILITY, _AtMost, at_most, sample
from otel_telemetry.types import BeforeSend
from tests.support.events import make_event

_WEEK = 7 * 86_400.0


class _Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float = 0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _passes(hook: BeforeSend, name: str = "e") -> bool:
    return hook(make_event(name=name)) is not None


class TestSample:
    """A share of all installations, each with all its events."""

    def test_the_share_is_kept_over_installations(self) -> None:
        """Within what chance allows."""
        kept = sum(
            _passes(sample(0.3, key=f"id {number}", clock=_Clock())) for number in range(4000)
        )

        assert 0.27 < kept / 4000 < 0.33

    def test_an_installation_is_in_or_out_for_a_period(self) -> None:
        """In every process, with every event; and in the next period anew."""
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

    def test_a_smaller_share_is_part_of_a_larger(self) -> None:
        """So that two samples have installations in common."""
        for number in range(500):
            key, clock = f"id {number}", _Clock()
            if _passes(sample(0.1, key=key, clock=clock)):
                assert _passes(sample(0.2, key=key, clock=clock))

    def test_a_kept_event_says_how_likely_that_was(self) -> None:
        """So that counts can be scaled back; at the front, where no limit cuts it off."""
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
    def test_only_a_probability_is_multiplied(self, wrong: Any) -> None:
        """Whatever a caller has put there."""
        key = next(key for key in map(str, range(99)) if _passes(sample(0.5, key=key)))

        kept = sample(0.5, key=key)(make_event({PROBABILITY: wrong}))

        assert kept is not None
        assert kept.event_properties == {PROBABILITY: 0.5}

    def test_all_and_none(self) -> None:
        """Of 1, every event passes as it is; of 0, none."""
        event = make_event({"a": 1})

        assert sample(1)(event) is event
        assert sample(0)(event) is None

    def test_others_pass_as_they_are(self) -> None:
        """Where events are named, those alone are sampled."""
        event = make_event(name="other")

        assert sample(0, "a", "b")(event) is event
        assert not _passes(sample(0, "a", "b"), "b")

    def test_the_key_may_come_later(self) -> None:
        """An installation has its id once its user has agreed; until then it is a process."""
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

    def test_without_a_key_a_process_is_in_or_out(self) -> None:
        """By a draw of its own; a forked child draws again."""
        clock = _Clock()
        hooks = [sample(0.5, clock=clock) for _ in range(60)]
        before = [_passes(hook) for hook in hooks]

        assert set(before) == {True, False}
        assert [_passes(hook) for hook in hooks] == before
        for hook in hooks:
            hook.new_process()  # type: ignore[attr-defined]  # as after a fork
        assert [_passes(hook) for hook in hooks] != before

    @pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), True, "0.5", None])
    def test_a_wrong_probability_is_refused(self, probability: Any) -> None:
        """Where it is given."""
        with pytest.raises(ConfigurationError, match="probability from 0 to 1"):
            sample(probability)

    @pytest.mark.parametrize("period", [0, -1, float("inf"), float("nan"), True, "week"])
    def test_a_wrong_period_is_refused(self, period: Any) -> None:
        """Where it is given."""
        with pytest.raises(ConfigurationError, match="period"):
            sample(0.5, period=period)


class TestAtMost:
    """So many in any stretch of time."""

    @given(
        count=st.integers(1, 4),
        seconds=st.sampled_from([0.5, 1.0, 60.0]),
        steps=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 30.0]), max_size=60),
    )
    def test_in_no_stretch_pass_more(self, count: int, seconds: float, steps: list[float]) -> None:
        """And one passes whenever that does not make it more."""
        clock = _Clock()
        hook = at_most(count, seconds, clock=clock)
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

    def test_each_name_has_its_own(self) -> None:
        """Only those that are named, where any is."""
        clock = _Clock()
        all_names, one = at_most(1, 1, clock=clock), at_most(1, 1, "a", clock=clock)

        assert [_passes(all_names, name) for name in "abab"] == [True, True, False, False]
        assert [_passes(one, name) for name in "abab"] == [True, True, False, True]

    def test_names_made_up_at_run_time_share_one(self) -> None:
        """Memory is bounded, and so is what they get through; the known ones lose nothing."""
        clock = _Clock()
        hook = at_most(2, 10, clock=clock)
        assert isinstance(hook, _AtMost)
        for number in range(256):
            assert _passes(hook, f"known {number}")
        strangers = [_passes(hook, f"stranger {number}") for number in range(5000)]

        assert sum(strangers) == 2
        assert _passes(hook, "known 7")
        assert len(hook._passed) == 256

    def test_names_that_fell_silent_make_room(self) -> None:
        """After as long as the limit looks back."""
        clock = _Clock()
        hook = at_most(1, 10, clock=clock)
        assert isinstance(hook, _AtMost)
        for number in range(256):
            clock.now = number / 256
            assert _passes(hook, f"old {number}")
        clock.now = 10 + 128 / 256

        assert sum(_passes(hook, f"new {number}") for number in range(500)) == 129 + 1
        assert not _passes(hook, "old 200")

    def test_threads_get_no_more_together(self) -> None:
        """Eight at once."""
        hook = at_most(1000, 60, clock=_Clock())
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

    def test_a_forked_child_counts_for_itself(self) -> None:
        """From zero, and not behind a lock that a thread of the parent held."""
        hook = at_most(1, 60, clock=_Clock())
        assert isinstance(hook, _AtMost)
        assert _passes(hook)

        assert _in_child(lambda: [_passes(hook), _passes(hook)] == [True, False], hook._lock)
        assert not _passes(hook)

    @pytest.mark.parametrize("count", [0, -1, 100_001, 1.0, True, "1"])
    def test_a_wrong_count_is_refused(self, count: Any) -> None:
        """Where it is given."""
        with pytest.raises(ConfigurationError, match="whole number from 1 to 100000"):
            at_most(count, 1)

    @pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "1"])
    def test_wrong_seconds_are_refused(self, seconds: Any) -> None:
        """Where they are given."""
        with pytest.raises(ConfigurationError, match="more than 0 seconds"):
            at_most(1, seconds)


def _in_child(works: Callable[[], bool], held: threading.Lock) -> bool:
    """Fork while *held* is held; return whether it works in the child."""
    with held:
        child = os.fork()
        if child == 0:
            os._exit(0 if works() else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("names", [("",), (5,), (None,), (["a", "b"],)])
def test_what_is_no_name_is_refused(names: tuple[Any, ...]) -> None:
    """A hook for no event there is would do nothing, and nobody would know."""
    with pytest.raises(ConfigurationError, match="names of events"):
        sample(0.5, *names)
    with pytest.raises(ConfigurationError, match="names of events"):
        at_most(1, 1, *names)
