"""Starting and joining the threads of a server."""

from __future__ import annotations

import threading
from functools import partial

from otel_telemetry.testing import Answer
from otel_telemetry.testing.receiver.threads import ThreadTracker, wait_before_answer


def wait(event: threading.Event) -> None:
    """Wait until the event is set."""
    event.wait(10)


def test_join_waits_for_started_and_tracked_threads() -> None:
    """When join returns, all have ended."""
    tracker = ThreadTracker("test")
    go = threading.Event()
    started = tracker.start(partial(wait, go))
    tracked = threading.Thread(target=partial(wait, go), daemon=True)
    tracked.start()
    tracker.track(tracked)

    go.set()
    tracker.join(10)

    assert started.daemon
    assert not started.is_alive()
    assert not tracked.is_alive()


def test_join_returns_at_its_timeout() -> None:
    """One thread that does not end cannot delay stop."""
    tracker = ThreadTracker("test")
    go = threading.Event()
    thread = tracker.start(partial(wait, go))

    tracker.join(0.01)

    assert thread.is_alive()
    go.set()
    tracker.join(10)
    assert not thread.is_alive()


def test_ended_threads_are_removed() -> None:
    """A receiver of ten thousand connections does not keep ten thousand threads."""
    tracker = ThreadTracker("test")
    for _ in range(10):
        tracker.start(lambda: None).join(10)

    assert len(tracker._threads) == 1


def test_an_answer_without_a_delay_goes_at_once() -> None:
    """This is the usual case."""
    assert wait_before_answer(Answer(), threading.Event())


def test_a_delayed_answer_goes_after_its_delay() -> None:
    """The wait ends by itself."""
    assert wait_before_answer(Answer(delay=0.01), threading.Event())


def test_a_delayed_answer_is_dropped_when_the_server_stops() -> None:
    """A delay of a minute does not delay stop."""
    stopping = threading.Event()
    stopping.set()

    assert not wait_before_answer(Answer(delay=60), stopping)


def test_an_answer_that_waits_for_an_event_goes_once_it_is_set() -> None:
    """The test sets the event."""
    gate = threading.Event()
    threading.Timer(0.03, gate.set).start()

    assert wait_before_answer(Answer.held(gate), threading.Event())


def test_an_answer_that_waits_for_an_event_is_dropped_when_the_server_stops() -> None:
    """An event that is never set does not delay stop."""
    stopping = threading.Event()
    stopping.set()

    assert not wait_before_answer(Answer.held(threading.Event()), stopping)
