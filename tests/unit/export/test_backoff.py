"""When to ask again: alone, and with all that share a directory."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.export.backoff import Backoff, RetryDelay
from otel_telemetry.spool.layout import BACKOFF_STATE, PROBE_LOCK
from tests.support.scripted import Clock, waits
from tests.support.spools import foreign_directory

if TYPE_CHECKING:
    from collections.abc import Callable


DAY = 24 * 3600.0


def outage(process: Callable[[], Backoff], wall: Clock, seconds: float) -> Backoff:
    """Have one process fail, and again after that time; return it."""
    first = process()
    first.record_failure(None)
    wall.advance(seconds)
    assert first.delay(ignore_backoff=False) is None
    first.record_failure(None)
    return first


def test_what_the_backend_asked_for_holds_for_every_process(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """Also for those that start later, and for a flush."""
    assert process().record_failure(77.0) == RetryDelay(seconds=77.0, requested_by_server=True)
    wall.advance(7.0)
    later = process()

    assert later.delay(ignore_backoff=True) == RetryDelay(
        seconds=70.0, requested_by_server=True, from_shared_state=True
    )
    wall.advance(70.0)
    assert waits(later) == 0.0


def test_a_failure_is_for_each_process_to_find_out(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """At first: it may have been its own, and it may be over."""
    assert process().record_failure(None) == RetryDelay(seconds=1.0)

    assert waits(process()) == 0.0
    outage(process, wall, 59.0)
    assert waits(process()) == 0.0


def test_in_a_long_outage_nobody_asks_for_a_while_and_then_one(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """The others look again soon, to see what became of it."""
    outage(process, wall, 100.0).release_probe()
    one, other = process(), process()
    assert waits(one) == waits(other) == 100.0
    wall.advance(100.0)

    assert waits(one) == 0.0
    assert waits(one) == 0.0
    assert [waits(other) for _ in range(3)] == [2.0] * 3
    assert one.record_failure(None) == RetryDelay(seconds=200.0)
    assert waits(other) == 200.0
    wall.advance(200.0)
    assert waits(other) == 0.0
    other.record_success()
    assert [waits(each) for each in (one, other, process())] == [0.0] * 3


def test_the_one_that_tries_may_die(
    process: Callable[[], Backoff], wall: Clock, tmp_path: Path
) -> None:
    """Or find that there is nothing to send; the next one tries."""
    outage(process, wall, 100.0).release_probe()
    wall.advance(100.0)
    child = os.fork()
    if child == 0:
        os._exit(0 if waits(process()) == 0.0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / PROBE_LOCK).exists()

    heir, next_one = process(), process()
    assert waits(heir) == 0.0
    assert waits(next_one) > 0.0
    heir.release_probe()
    assert waits(next_one) == 0.0
    next_one.record_success()
    assert os.listdir(tmp_path) == []


def test_of_many_that_wait_one_tries(process: Callable[[], Backoff], wall: Clock) -> None:
    """However close they come."""
    outage(process, wall, 100.0).release_probe()
    wall.advance(100.0)
    gate = threading.Barrier(8)
    found: list[float] = []

    def look() -> None:
        each = process()
        gate.wait()
        found.append(waits(each))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [0.0, *[2.0] * 7]


def test_a_flush_does_not_mind_the_failures_of_others(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """Whoever asks for one wants to know."""
    outage(process, wall, 100.0)

    assert waits(process(), ignore_backoff=True) == 0.0


def test_an_outage_counts_from_its_first_failure(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """So short runs back off as a long one would; five minutes at most."""
    for _ in range(3):
        assert process().record_failure(None).seconds == min(max(wall.now - 1.8e9, 1.0), 300.0)
        wall.advance(200.0)


def test_what_was_asked_for_is_not_cut_short_by_another_failure(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """Of a request that was under way."""
    process().record_failure(30.0)
    process().record_failure(None)
    process().record_failure(5.0)

    assert waits(process(), ignore_backoff=True) == 30.0
    wall.advance(31.0)
    process().record_failure(None)
    assert waits(process()) == 0.0


def test_what_was_asked_for_is_not_made_longer_by_another_failure(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """A flush shortens a delay that the backend did not ask for."""
    outage(process, wall, 100.0)
    process().record_failure(1.0)

    assert process().record_failure(None).seconds == 100.0

    assert waits(process(), ignore_backoff=True) == 1.0


@pytest.mark.parametrize("wait", [0.0, None])
def test_to_ask_for_nothing_is_not_to_ask(
    process: Callable[[], Backoff], wait: float | None
) -> None:
    """Or a backend that always says so would be asked without a pause."""
    backoff = process()

    assert [backoff.record_failure(wait) for _ in range(3)] == [
        RetryDelay(seconds=seconds) for seconds in (1.0, 2.0, 4.0)
    ]


def test_a_clock_that_was_set_back_costs_the_wait_once_more(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """Not the days in between."""
    process().record_failure(60.0)
    wall.advance(-10 * DAY)

    assert waits(process()) == 60.0
    wall.advance(59.0)
    assert waits(process()) == 1.0
    wall.advance(1.0)
    assert waits(process()) == 0.0


def test_a_clock_that_was_set_forth_ends_the_wait(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """There is no telling how much time has passed."""
    process().record_failure(60.0)
    wall.advance(10 * DAY)

    assert waits(process()) == 0.0


def test_a_success_begins_the_outage_anew(process: Callable[[], Backoff], wall: Clock) -> None:
    """Failures and successes of many processes at once are no long outage."""
    one, other = process(), process()
    other.record_failure(None)
    for _ in range(10):
        wall.advance(30.0)
        assert waits(one) == 0.0
        other.record_failure(None)
        one.record_success()

    assert waits(process()) == 0.0


def test_a_newer_note_outlives_an_older_success(process: Callable[[], Backoff]) -> None:
    """The request that succeeded had begun before."""
    one, other = process(), process()
    other.record_failure(None)
    assert waits(one) == 0.0
    other.record_failure(30.0)

    one.record_success()

    assert waits(process()) == 30.0


def test_a_note_that_another_success_removed_stays_removed(
    process: Callable[[], Backoff], tmp_path: Path
) -> None:
    """Both had read it before they asked."""
    one, other = process(), process()
    one.record_failure(None)
    assert waits(one) == waits(other) == 0.0

    for each in one, other:
        each.record_success()

    assert os.listdir(tmp_path) == []


def test_the_lock_of_one_that_died_while_it_tried_goes_with_the_next_that_ends(
    process: Callable[[], Backoff], wall: Clock, tmp_path: Path
) -> None:
    """Not that of a living process; without a directory, the end looks at no file."""
    outage(process, wall, 600.0)
    wall.advance(700.0)
    trying = process()
    assert waits(trying) == 0.0
    process().close()
    assert PROBE_LOCK in os.listdir(tmp_path)

    probe, trying._probe = trying._probe, None  # the system does it for one that died
    assert probe is not None
    os.close(probe)
    process().close()
    Backoff(None).close()

    assert PROBE_LOCK not in os.listdir(tmp_path)


@pytest.mark.parametrize("path", [None, "/proc/telemetry"])
def test_without_a_directory_each_process_is_alone(path: str | None) -> None:
    """It backs off by itself."""
    backoff = Backoff(path, uniform=lambda _, highest: highest)

    assert [backoff.record_failure(None).seconds for _ in range(10)][-2:] == [256.0, 300.0]
    assert waits(backoff) == 0.0
    backoff.record_success()
    assert backoff.record_failure(None).seconds == 1.0


def test_a_new_process_removes_no_file_of_its_parent(
    process: Callable[[], Backoff], wall: Clock, tmp_path: Path
) -> None:
    """It closes its copy, no more."""
    child = outage(process, wall, 100.0)
    wall.advance(100.0)
    assert waits(child) == 0.0

    child.after_fork()

    assert (tmp_path / PROBE_LOCK).exists()
    assert waits(process()) == 0.0


def test_a_child_leaves_the_lock_to_its_parent(process: Callable[[], Backoff], wall: Clock) -> None:
    """It lets go of its copy, and begins without a failure."""
    parent = outage(process, wall, 100.0)
    wall.advance(100.0)
    assert waits(parent) == 0.0
    child = os.fork()
    if child == 0:
        parent.after_fork()
        os._exit(0 if waits(parent) > 0.0 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert waits(process()) == 2.0
    parent.release_probe()


@given(content=st.binary(max_size=80) | st.from_regex(r"1 \S+ \S+ \S+ [01]\n", fullmatch=True))
def test_a_note_without_sense_is_none(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    """Whatever stands in it; nothing waits longer than a day for it."""
    path = tmp_path_factory.mktemp("notes")
    data = content.encode() if isinstance(content, str) else content
    (path / BACKOFF_STATE).write_bytes(data)
    backoff = Backoff(str(path), now=lambda: 1.8e9)

    assert waits(backoff) <= DAY
    backoff.record_success()


@pytest.mark.parametrize(
    "note",
    [
        b"2 1800000000 1800000000 1800000060 1\n",
        b"1 1800000000 1800000000 inf 1\n",
        b"1 nan nan nan 1\n",
        b"1 1800000000 1800000000 1800172800 1\n",
        b"1 1800000009 1800000000 1800000060 1\n",
        b"1 1800000000 1800000000 later 1\n",
        b"",
    ],
)
def test_a_note_of_another_kind_is_none(
    process: Callable[[], Backoff], tmp_path: Path, note: bytes
) -> None:
    """Another version, times that are none, waits beyond reason."""
    (tmp_path / BACKOFF_STATE).write_bytes(note)

    assert waits(process()) == 0.0
    process().record_failure(5.0)
    assert waits(process()) == 5.0


def test_a_note_that_is_no_file_is_none(process: Callable[[], Backoff], tmp_path: Path) -> None:
    """Nobody waits for what will never be written to a pipe."""
    os.mkfifo(tmp_path / BACKOFF_STATE)

    assert waits(process()) == 0.0


def test_the_directory_of_somebody_else_has_no_note(tmp_path: Path, wall: Clock) -> None:
    """Whoever owns it could have us wait for ever."""
    backoff = Backoff(str(foreign_directory(tmp_path)), now=wall)
    backoff.record_failure(5.0)

    assert waits(backoff) == 0.0


def test_only_we_can_read_it(process: Callable[[], Backoff], tmp_path: Path) -> None:
    """And nothing else is left."""
    process().record_failure(5.0)

    assert os.listdir(tmp_path) == [BACKOFF_STATE]
    assert stat.S_IMODE((tmp_path / BACKOFF_STATE).stat().st_mode) == 0o600
