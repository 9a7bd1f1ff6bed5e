"""The backoff of one process, and of all processes that share a directory."""

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
    """Let one process fail, and again after this time; return it."""
    first = process()
    first.record_failure(None)
    wall.advance(seconds)
    assert first.delay(ignore_backoff=False) is None
    first.record_failure(None)
    return first


def test_retry_after_delays_every_process_on_the_directory(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """Processes that start later and flushes wait as well."""
    assert process().record_failure(77.0) == RetryDelay(seconds=77.0, requested_by_server=True)
    wall.advance(7.0)
    later = process()

    assert later.delay(ignore_backoff=True) == RetryDelay(
        seconds=70.0, requested_by_server=True, from_shared_state=True
    )
    wall.advance(70.0)
    assert waits(later) == 0.0


def test_first_failure_starts_no_backoff_in_other_processes(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """The failure may be local to one process, and it may be over."""
    assert process().record_failure(None) == RetryDelay(seconds=1.0)

    assert waits(process()) == 0.0
    outage(process, wall, 59.0)
    assert waits(process()) == 0.0


def test_after_a_long_outage_one_process_retries_first(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """The other processes check again soon, to see the result of the retry."""
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


def test_another_process_retries_when_the_retrying_process_ends(
    process: Callable[[], Backoff], wall: Clock, tmp_path: Path
) -> None:
    """The first process dies, or finds nothing to send."""
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


def test_exactly_one_of_many_waiting_processes_retries(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """This holds for processes that race for the retry."""
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


def test_flush_ignores_the_backoff_of_other_processes(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """The caller of a flush wants the current state of the backend."""
    outage(process, wall, 100.0)

    assert waits(process(), ignore_backoff=True) == 0.0


def test_backoff_grows_with_the_age_of_the_outage(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """Short runs back off as one long run does, for five minutes at most."""
    for _ in range(3):
        assert process().record_failure(None).seconds == min(max(wall.now - 1.8e9, 1.0), 300.0)
        wall.advance(200.0)


def test_later_failure_does_not_shorten_retry_after(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """A request that was under way fails after the backend asked for the delay."""
    process().record_failure(30.0)
    process().record_failure(None)
    process().record_failure(5.0)

    assert waits(process(), ignore_backoff=True) == 30.0
    wall.advance(31.0)
    process().record_failure(None)
    assert waits(process()) == 0.0


def test_later_failure_does_not_extend_retry_after(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """A flush shortens a delay that the backend did not ask for."""
    outage(process, wall, 100.0)
    process().record_failure(1.0)

    assert process().record_failure(None).seconds == 100.0

    assert waits(process(), ignore_backoff=True) == 1.0


@pytest.mark.parametrize("wait", [0.0, None])
def test_retry_after_zero_falls_back_to_backoff(
    process: Callable[[], Backoff], wait: float | None
) -> None:
    """Otherwise a backend that always answers 0 gets requests without a pause."""
    backoff = process()

    assert [backoff.record_failure(wait) for _ in range(3)] == [
        RetryDelay(seconds=seconds) for seconds in (1.0, 2.0, 4.0)
    ]


def test_clock_set_back_repeats_the_backoff_once(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """The process does not wait for the days in between."""
    process().record_failure(60.0)
    wall.advance(-10 * DAY)

    assert waits(process()) == 60.0
    wall.advance(59.0)
    assert waits(process()) == 1.0
    wall.advance(1.0)
    assert waits(process()) == 0.0


def test_clock_set_forward_ends_the_backoff(process: Callable[[], Backoff], wall: Clock) -> None:
    """The elapsed time is unknown."""
    process().record_failure(60.0)
    wall.advance(10 * DAY)

    assert waits(process()) == 0.0


def test_success_resets_the_age_of_the_outage(process: Callable[[], Backoff], wall: Clock) -> None:
    """Mixed failures and successes of many processes are no long outage."""
    one, other = process(), process()
    other.record_failure(None)
    for _ in range(10):
        wall.advance(30.0)
        assert waits(one) == 0.0
        other.record_failure(None)
        one.record_success()

    assert waits(process()) == 0.0


def test_success_of_an_older_request_keeps_a_newer_backoff_note(
    process: Callable[[], Backoff],
) -> None:
    """The request that succeeded began before the failure."""
    one, other = process(), process()
    other.record_failure(None)
    assert waits(one) == 0.0
    other.record_failure(30.0)

    one.record_success()

    assert waits(process()) == 30.0


def test_backoff_note_removed_by_another_process_stays_removed(
    process: Callable[[], Backoff], tmp_path: Path
) -> None:
    """Both processes read the note before their requests."""
    one, other = process(), process()
    one.record_failure(None)
    assert waits(one) == waits(other) == 0.0

    for each in one, other:
        each.record_success()

    assert os.listdir(tmp_path) == []


def test_retry_lock_of_a_dead_process_is_removed_when_another_ends(
    process: Callable[[], Backoff], wall: Clock, tmp_path: Path
) -> None:
    """The lock of a living process stays. Without a directory no file is read."""
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
def test_without_a_directory_each_process_backs_off_alone(path: str | None) -> None:
    """No state is shared."""
    backoff = Backoff(path, uniform=lambda _, highest: highest)

    assert [backoff.record_failure(None).seconds for _ in range(10)][-2:] == [256.0, 300.0]
    assert waits(backoff) == 0.0
    backoff.record_success()
    assert backoff.record_failure(None).seconds == 1.0


def test_forked_child_removes_no_file_of_its_parent(
    process: Callable[[], Backoff], wall: Clock, tmp_path: Path
) -> None:
    """The child only closes its copy of the descriptor."""
    child = outage(process, wall, 100.0)
    wall.advance(100.0)
    assert waits(child) == 0.0

    child.after_fork()

    assert (tmp_path / PROBE_LOCK).exists()
    assert waits(process()) == 0.0


def test_forked_child_leaves_the_retry_lock_to_its_parent(
    process: Callable[[], Backoff], wall: Clock
) -> None:
    """The child closes its copy of the descriptor and starts without a failure."""
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
def test_no_backoff_note_delays_longer_than_a_day(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    """This holds for any content of the file."""
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
def test_backoff_note_of_another_format_is_ignored(
    process: Callable[[], Backoff], tmp_path: Path, note: bytes
) -> None:
    """The note has another version, invalid times, or a delay beyond the limit."""
    (tmp_path / BACKOFF_STATE).write_bytes(note)

    assert waits(process()) == 0.0
    process().record_failure(5.0)
    assert waits(process()) == 5.0


def test_backoff_note_that_is_a_pipe_is_ignored(
    process: Callable[[], Backoff], tmp_path: Path
) -> None:
    """A read of the pipe would block for ever."""
    os.mkfifo(tmp_path / BACKOFF_STATE)

    assert waits(process()) == 0.0


def test_backoff_note_in_a_directory_of_another_user_is_ignored(
    tmp_path: Path, wall: Clock
) -> None:
    """The owner of that directory could delay our requests for ever."""
    backoff = Backoff(str(foreign_directory(tmp_path)), now=wall)
    backoff.record_failure(5.0)

    assert waits(backoff) == 0.0


def test_backoff_note_is_private_to_the_user(
    process: Callable[[], Backoff], tmp_path: Path
) -> None:
    """No other file is left."""
    process().record_failure(5.0)

    assert os.listdir(tmp_path) == [BACKOFF_STATE]
    assert stat.S_IMODE((tmp_path / BACKOFF_STATE).stat().st_mode) == 0o600
