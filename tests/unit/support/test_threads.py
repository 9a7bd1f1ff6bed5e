"""The threads that a test leaves running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.threads import threads_left


@contextmanager
def thread(name: str, *, daemon: bool) -> Iterator[threading.Event]:
    """Run a thread until the block ends or the yielded event is set."""
    release = threading.Event()
    alive = threading.Thread(target=release.wait, name=name, daemon=daemon)
    alive.start()
    try:
        yield release
    finally:
        release.set()
        alive.join()


@pytest.mark.parametrize(
    ("name", "daemon"),
    [("worker", False), ("otel_telemetry-worker", True), ("otel-telemetry worker", True)],
    ids=["non-daemon", "ours", "ours, spelled as a distribution"],
)
def test_a_non_daemon_thread_or_one_of_the_package_is_left(name: str, *, daemon: bool) -> None:
    """The first keeps the interpreter alive, the second must be joined."""
    before = threading.enumerate()

    with thread(name, daemon=daemon):
        assert threads_left(before, within=0.01) == [name]


def test_a_daemon_thread_of_another_library_does_not_count() -> None:
    """Libraries keep such threads."""
    before = threading.enumerate()

    with thread("channel_spin", daemon=True):
        assert threads_left(before, within=0) == []


def test_a_thread_from_before_the_test_does_not_count() -> None:
    """It belongs to a fixture."""
    with thread("older", daemon=False):
        assert threads_left(threading.enumerate(), within=0) == []


def test_a_thread_that_ends_soon_does_not_count() -> None:
    """The check waits for it."""
    before = threading.enumerate()

    with thread("last", daemon=False) as release:
        timer = threading.Timer(0.05, release.set)
        timer.start()

        assert threads_left(before, within=5) == []
