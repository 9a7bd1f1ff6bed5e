"""Which threads a test leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.threads import threads_left


@contextmanager
def thread(name: str, *, daemon: bool) -> Iterator[threading.Event]:
    """Keep a thread alive until the block ends, or the yielded event is set."""
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
    [("worker", False), ("otel_telemetry-courier", True), ("otel-telemetry courier", True)],
    ids=["non-daemon", "ours", "ours, spelled as a distribution"],
)
def test_a_thread_that_matters_is_named(name: str, *, daemon: bool) -> None:
    """What would hold up the exit, or is ours to join, counts as left behind."""
    before = threading.enumerate()

    with thread(name, daemon=daemon):
        assert threads_left(before, within=0.01) == [name]


def test_a_foreign_daemon_thread_is_nobody_s_business() -> None:
    """Libraries keep daemon threads of their own."""
    before = threading.enumerate()

    with thread("channel_spin", daemon=True):
        assert threads_left(before, within=0) == []


def test_a_thread_that_was_there_before_does_not_count() -> None:
    """A fixture that outlives the test keeps its threads."""
    with thread("older", daemon=False):
        assert threads_left(threading.enumerate(), within=0) == []


def test_a_thread_on_its_way_out_is_waited_for() -> None:
    """To end a moment after the test is no fault."""
    before = threading.enumerate()

    with thread("last", daemon=False) as release:
        timer = threading.Timer(0.05, release.set)
        timer.start()

        assert threads_left(before, within=5) == []
