"""Requests that take too long."""

from __future__ import annotations

import threading

from otel_telemetry.export.http import THREAD_NAME, Overtime
from tests.support.threads import threads_left

SOON = 5.0  # seconds: more than a busy machine needs
LATE = 60.0


def watchers() -> int:
    """Count the threads that watch."""
    return [thread.name for thread in threading.enumerate()].count(THREAD_NAME)


def test_what_takes_too_long_is_cut() -> None:
    """Once, and by nobody who waits for it."""
    before = threading.enumerate()
    cut = threading.Semaphore(0)
    Overtime().begin(0.01, cut.release)

    assert cut.acquire(timeout=SOON)
    assert threads_left(before, within=SOON) == []
    assert not cut.acquire(blocking=False)


def test_what_ends_in_time_is_not() -> None:
    """However many there are, one after the other, and whichever is cut in the end."""
    before = threading.enumerate()
    already = watchers()
    wrong, right = threading.Semaphore(0), threading.Semaphore(0)
    overtime = Overtime()
    for _ in range(100):
        overtime.begin(0.05, wrong.release)
        assert watchers() <= already + 1
        overtime.end()
    overtime.begin(0.1, right.release)

    assert right.acquire(timeout=SOON)
    assert not wrong.acquire(blocking=False)
    assert threads_left(before, within=SOON) == []


def test_the_time_begins_anew_with_each() -> None:
    """Not with the thread: it goes by the clock, and the latest word."""
    now = [0.0]
    cut = threading.Semaphore(0)
    overtime = Overtime(clock=lambda: now[0])
    overtime.begin(0.01, cut.release)
    overtime.end()
    overtime.begin(LATE, cut.release)
    assert not cut.acquire(timeout=0.05)

    now[0] = LATE
    assert cut.acquire(timeout=SOON)


def test_the_thread_ends_if_there_is_nothing_to_watch() -> None:
    """And another begins when there is."""
    before = threading.enumerate()
    cut = threading.Semaphore(0)
    overtime = Overtime()
    overtime.begin(0.01, cut.release)
    overtime.end()
    assert threads_left(before, within=SOON) == []

    overtime.begin(0.01, cut.release)
    assert cut.acquire(timeout=SOON)


def test_it_can_be_stopped() -> None:
    """Long before the time is up; and goes on afterwards."""
    before = threading.enumerate()
    cut = threading.Semaphore(0)
    overtime = Overtime()
    for _ in range(2):
        overtime.begin(LATE, cut.release)
        overtime.stop()
        assert threads_left(before, within=SOON) == []
    assert not cut.acquire(blocking=False)
