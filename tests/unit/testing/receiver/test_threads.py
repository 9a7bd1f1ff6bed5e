"""Threads that leave nobody behind."""

from __future__ import annotations

import threading
from functools import partial

from otel_telemetry.testing import Answer
from otel_telemetry.testing.receiver.threads import ThreadTracker, hold


def wait(event: threading.Event) -> None:
    """Be a thread until the event is set."""
    event.wait(10)


def test_join_waits_for_all_threads_started_or_adopted() -> None:
    """When join returns, they have ended."""
    crew = ThreadTracker("test")
    go = threading.Event()
    started = crew.start(partial(wait, go))
    adopted = threading.Thread(target=partial(wait, go), daemon=True)
    adopted.start()
    crew.adopt(adopted)

    go.set()
    crew.join(10)

    assert started.daemon
    assert not started.is_alive()
    assert not adopted.is_alive()


def test_join_gives_up_at_its_deadline() -> None:
    """A thread that does not end cannot keep the others waiting."""
    crew = ThreadTracker("test")
    go = threading.Event()
    thread = crew.start(partial(wait, go))

    crew.join(0.01)

    assert thread.is_alive()
    go.set()
    crew.join(10)
    assert not thread.is_alive()


def test_ended_threads_are_forgotten() -> None:
    """A receiver of ten thousand connections does not keep ten thousand threads in mind."""
    crew = ThreadTracker("test")
    for _ in range(10):
        crew.start(lambda: None).join(10)

    assert len(crew._threads) == 1


def test_an_answer_without_conditions_is_not_held() -> None:
    """The usual answer goes at once."""
    assert hold(Answer(), threading.Event())


def test_a_delayed_answer_goes_after_its_delay() -> None:
    """The wait ends by itself."""
    assert hold(Answer(delay=0.01), threading.Event())


def test_a_delayed_answer_is_given_up_when_the_server_stops() -> None:
    """A minute's delay does not make stop take a minute."""
    stopping = threading.Event()
    stopping.set()

    assert not hold(Answer(delay=60), stopping)


def test_a_held_answer_goes_once_released() -> None:
    """The holder's event decides."""
    gate = threading.Event()
    threading.Timer(0.03, gate.set).start()

    assert hold(Answer.held(gate), threading.Event())


def test_a_held_answer_is_given_up_when_the_server_stops() -> None:
    """An event that is never set holds up nobody."""
    stopping = threading.Event()
    stopping.set()

    assert not hold(Answer.held(threading.Event()), stopping)
