"""Flushing: everything now, no longer than asked, and the truth about it."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.export.backoff import RetryDelay
from otel_telemetry.export.batch import Batch, BatchResult
from otel_telemetry.export.queue import WorkerTask
from otel_telemetry.stats import DropReason
from tests.support.outboxes import Box, names_of
from tests.support.scripted import encoded
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry.spool.spool import Spool


@contextmanager
def flushing(
    box: Box, timeout: float | None = 10.0, *, respect_backoff: bool = True
) -> Iterator[list[bool]]:
    """Flush in another thread, which has to end soon after the block; yields its result, then."""
    results: list[bool] = []
    thread = threading.Thread(
        target=lambda: results.append(box.outbox.flush(timeout, respect_backoff=respect_backoff))
    )
    pending = box.outbox._open
    thread.start()
    if pending is not None:
        wait_until(lambda: box.outbox._open is not pending, within=5, what="flush began")
    yield results
    thread.join(5)
    assert not thread.is_alive()


def test_nothing_to_flush_is_flushed() -> None:
    """At once."""
    assert Box().outbox.flush(None)


def test_a_flush_does_not_wait_for_a_batch_to_fill() -> None:
    """What is open is due now."""
    box = Box()
    box.append("a")

    with flushing(box) as results:
        assert box.settled() == ["a"]

    assert results == [True]


def test_a_flush_waits_for_the_batch_that_is_being_sent() -> None:
    """It was sent before the call, too."""
    box = Box(max_batch_events=1)
    box.append("a")
    batch = box.take()

    with flushing(box, None):
        box.outbox.delivered(batch, 0, "")

    assert box.outbox.flush(0)


def test_a_flush_does_not_wait_for_what_is_sent_after_it() -> None:
    """Or a busy process would never end it."""
    box = Box()
    box.append("a")

    with flushing(box, None) as results:
        box.append("b")
        assert box.settled() == ["a"]

    assert results == [True]
    assert box.stats.pending == 1


@pytest.mark.parametrize("what", ["refused", "rejected", "dropped"])
def test_a_flush_tells_the_truth(what: str) -> None:
    """Only what the backend acknowledged counts."""
    box = Box()
    box.append("a")

    with flushing(box) as results:
        batch = box.take()
        if what == "refused":
            box.outbox.refused(batch, "no")
        elif what == "rejected":
            box.outbox.delivered(batch, 1, "no")
        else:
            box.outbox.drop(batch, DropReason.TOO_LARGE)

    assert results == [False]
    box.check()


def test_a_flush_keeps_its_deadline() -> None:
    """Whatever the backend does."""
    box = Box()
    box.append("a")
    began = time.monotonic()

    assert not box.outbox.flush(0.05)

    assert 0.05 <= time.monotonic() - began < 2


def test_a_flush_cuts_a_backoff_short() -> None:
    """The backend may be back."""
    box = Box(max_batch_events=1)
    box.append("a")
    box.outbox.postpone(box.take(), RetryDelay(seconds=300.0))

    with flushing(box) as results:
        wait_until(lambda: box.outbox.pace.not_before == 0.0, within=5, what="backoff cut short")
        assert box.settled() == ["a"]

    assert results == [True]


def test_a_flush_does_what_the_backend_asked_for() -> None:
    """Asked to wait, we wait."""
    box = Box(max_batch_events=1)
    box.append("a")
    box.outbox.postpone(box.take(), RetryDelay(seconds=300.0, requested_by_server=True))

    assert not box.outbox.flush(0.01)

    assert box.outbox.pace.not_before > box.clock.now


def test_an_impatient_flush_ends_when_the_backend_fails_and_all_is_on_disk(
    make_spool: Callable[..., Spool],
) -> None:
    """Nothing is lost by ending now, and the process may go."""
    box = Box(make_spool())
    box.append("a")

    with flushing(box, None, respect_backoff=False) as results:
        batch = box.take()
        box.outbox.restore(batch, encoded("a"), DropReason.SPOOL_LOST)
        box.outbox.postpone(batch, RetryDelay(seconds=60.0))

    assert results == [False]


def test_an_impatient_flush_waits_on_for_what_is_in_memory_alone() -> None:
    """It would be lost."""
    box = Box()
    box.append("a")

    with flushing(box, respect_backoff=False) as results:
        box.outbox.postpone(box.take(), RetryDelay(seconds=0.0))
        assert results == []
        assert box.settled() == ["a"]

    assert results == [True]


def test_an_impatient_flush_does_not_wait_where_nothing_may_go_in_time() -> None:
    """The backend has asked for a pause that outlasts it: a process would end late for nothing."""
    box = Box(max_batch_events=1)
    box.append("a")
    box.outbox.postpone(box.take(), RetryDelay(seconds=7200.0, requested_by_server=True))

    with flushing(box, 3600.0, respect_backoff=False) as results:
        pass  # an hour has not passed when it ends

    assert results == [False]


def test_an_impatient_flush_waits_for_a_pause_that_ends_in_time() -> None:
    """What is in memory alone may still arrive."""
    box = Box(max_batch_events=1)
    box.append("a")
    box.outbox.postpone(box.take(), RetryDelay(seconds=5.0, requested_by_server=True))

    with flushing(box, 10.0, respect_backoff=False) as results:
        box.clock.advance(5.0)
        assert box.settled() == ["a"]

    assert results == [True]


def test_an_impatient_flush_that_succeeds_is_a_flush() -> None:
    """While the backend answers, it waits."""
    box = Box()
    box.append("a")

    with flushing(box, respect_backoff=False) as results:
        box.settled()

    assert results == [True]


def test_a_flush_waits_for_both_halves() -> None:
    """A batch is delivered when all of it is."""
    box = Box()
    box.append("a", "b")

    with flushing(box) as results:
        box.outbox.split(box.take())
        box.settled()
        assert results == []
        box.settled()

    assert results == [True]


def test_the_end_ends_a_flush() -> None:
    """Nobody is left to send anything."""
    box = Box()
    box.append("a")

    with flushing(box, None) as results:
        box.outbox.close(DropReason.SHUTDOWN)

    assert results == [False]


def test_the_end_wakes_the_courier() -> None:
    """However long it would have slept."""
    box = Box()
    turns: list[object] = []
    waiting = threading.Thread(target=lambda: turns.append(box.outbox.take(tidy_at=float("inf"))))
    waiting.start()

    box.outbox.close(DropReason.SHUTDOWN)
    waiting.join(5)

    assert turns == [WorkerTask.END]


def test_a_new_batch_wakes_the_courier() -> None:
    """It is due in its own time, not after the next look at the spool."""
    box = Box(max_batch_events=1)
    turns: list[object] = []
    waiting = threading.Thread(target=lambda: turns.append(box.outbox.take(tidy_at=float("inf"))))
    waiting.start()

    box.append("a")
    waiting.join(5)

    assert len(turns) == 1


def test_the_last_flush_begins_nothing_of_what_dead_processes_left() -> None:
    """Else it would be under way when the end comes, and be sent again by the next process."""
    box = Box()
    assert box.outbox.flush(0, respect_backoff=False)
    turns: list[object] = []
    waiting = threading.Thread(target=lambda: turns.append(box.outbox.take(tidy_at=0.0)))
    waiting.start()
    waiting.join(0.02)

    assert turns == []
    assert not box.outbox.adopt(Batch(0.0, BatchResult(is_on_disk=True)))
    box.outbox.close(DropReason.SHUTDOWN)
    waiting.join(5)

    assert turns == [WorkerTask.END]


def test_nothing_is_sent_before_its_time() -> None:
    """Neither what waits, nor what is open, nor what dead processes left."""
    box = Box(max_batch_events=2)
    box.append("a", "b")
    box.outbox.postpone(box.take(), RetryDelay(seconds=5.0, requested_by_server=True))
    box.append("c")
    box.clock.advance(4.0)
    turns: list[Batch | WorkerTask] = []

    def take() -> None:
        turns.append(box.outbox.take(tidy_at=math.inf, has_backlog=True))

    waiting = threading.Thread(target=take)
    waiting.start()

    waiting.join(0.05)
    assert turns == []
    box.clock.advance(1.0)
    box.append("d")
    waiting.join(5)

    assert [names_of(turn) for turn in turns if isinstance(turn, Batch)] == [["a", "b"]]


def test_the_spool_is_looked_after_while_nothing_may_be_sent() -> None:
    """Files grow old, and too many, all the same; what is in them waits."""
    box = Box(max_batch_events=1)
    box.append("a")
    box.outbox.postpone(box.take(), RetryDelay(seconds=5.0, requested_by_server=True))

    assert box.outbox.take(tidy_at=box.clock.now, has_backlog=True) is WorkerTask.TIDY
    box.clock.advance(5.0)
    assert names_of(box.take()) == ["a"]
    assert box.outbox.take(tidy_at=math.inf, has_backlog=True) is WorkerTask.TIDY
