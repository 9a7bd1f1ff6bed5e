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
from tests.support.queues import QueueHarness, names_of
from tests.support.scripted import encoded
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry.spool.spool import Spool


@contextmanager
def flushing(
    harness: QueueHarness, timeout: float | None = 10.0, *, respect_backoff: bool = True
) -> Iterator[list[bool]]:
    """Flush in another thread, which has to end soon after the block; yields its result, then."""
    results: list[bool] = []
    thread = threading.Thread(
        target=lambda: results.append(harness.queue.flush(timeout, respect_backoff=respect_backoff))
    )
    pending = harness.queue._open
    thread.start()
    if pending is not None:
        wait_until(lambda: harness.queue._open is not pending, within=5, what="flush began")
    yield results
    thread.join(5)
    assert not thread.is_alive()


def test_nothing_to_flush_is_flushed() -> None:
    """At once."""
    assert QueueHarness().queue.flush(None)


def test_a_flush_does_not_wait_for_a_batch_to_fill() -> None:
    """What is open is due now."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness) as results:
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_a_flush_waits_for_the_batch_that_is_being_sent() -> None:
    """It was sent before the call, too."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    batch = harness.dequeue()

    with flushing(harness, None):
        harness.queue.mark_delivered(batch, 0, "")

    assert harness.queue.flush(0)


def test_a_flush_does_not_wait_for_what_is_sent_after_it() -> None:
    """Or a busy process would never end it."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, None) as results:
        harness.append("b")
        assert harness.deliver_next() == ["a"]

    assert results == [True]
    assert harness.stats.pending == 1


@pytest.mark.parametrize("what", ["refused", "rejected", "dropped"])
def test_a_flush_tells_the_truth(what: str) -> None:
    """Only what the backend acknowledged counts."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness) as results:
        batch = harness.dequeue()
        if what == "refused":
            harness.queue.mark_refused(batch, "no")
        elif what == "rejected":
            harness.queue.mark_delivered(batch, 1, "no")
        else:
            harness.queue.drop(batch, DropReason.TOO_LARGE)

    assert results == [False]
    harness.check()


def test_a_flush_keeps_its_deadline() -> None:
    """Whatever the backend does."""
    harness = QueueHarness()
    harness.append("a")
    began = time.monotonic()

    assert not harness.queue.flush(0.05)

    assert 0.05 <= time.monotonic() - began < 2


def test_a_flush_cuts_a_backoff_short() -> None:
    """The backend may be back."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=300.0))

    with flushing(harness) as results:
        wait_until(
            lambda: harness.queue.schedule.not_before == 0.0, within=5, what="backoff cut short"
        )
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_a_flush_does_what_the_backend_asked_for() -> None:
    """Asked to wait, we wait."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=300.0, requested_by_server=True))

    assert not harness.queue.flush(0.01)

    assert harness.queue.schedule.not_before > harness.clock.now


def test_an_impatient_flush_ends_when_the_backend_fails_and_all_is_on_disk(
    make_spool: Callable[..., Spool],
) -> None:
    """Nothing is lost by ending now, and the process may go."""
    harness = QueueHarness(make_spool())
    harness.append("a")

    with flushing(harness, None, respect_backoff=False) as results:
        batch = harness.dequeue()
        harness.queue.restore(batch, encoded("a"), DropReason.SPOOL_LOST)
        harness.queue.requeue(batch, RetryDelay(seconds=60.0))

    assert results == [False]


def test_an_impatient_flush_waits_on_for_what_is_in_memory_alone() -> None:
    """It would be lost."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, respect_backoff=False) as results:
        harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=0.0))
        assert results == []
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_an_impatient_flush_does_not_wait_where_nothing_may_go_in_time() -> None:
    """The backend has asked for a pause that outlasts it: a process would end late for nothing."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=7200.0, requested_by_server=True))

    with flushing(harness, 3600.0, respect_backoff=False) as results:
        pass  # an hour has not passed when it ends

    assert results == [False]


def test_an_impatient_flush_waits_for_a_pause_that_ends_in_time() -> None:
    """What is in memory alone may still arrive."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0, requested_by_server=True))

    with flushing(harness, 10.0, respect_backoff=False) as results:
        harness.clock.advance(5.0)
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_an_impatient_flush_that_succeeds_is_a_flush() -> None:
    """While the backend answers, it waits."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, respect_backoff=False) as results:
        harness.deliver_next()

    assert results == [True]


def test_a_flush_waits_for_both_halves() -> None:
    """A batch is delivered when all of it is."""
    harness = QueueHarness()
    harness.append("a", "b")

    with flushing(harness) as results:
        harness.queue.split(harness.dequeue())
        harness.deliver_next()
        assert results == []
        harness.deliver_next()

    assert results == [True]


def test_the_end_ends_a_flush() -> None:
    """Nobody is left to send anything."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, None) as results:
        harness.queue.close(DropReason.SHUTDOWN)

    assert results == [False]


def test_the_end_wakes_the_worker() -> None:
    """However long it would have slept."""
    harness = QueueHarness()
    turns: list[object] = []
    waiting = threading.Thread(
        target=lambda: turns.append(harness.queue.dequeue(maintain_at=float("inf")))
    )
    waiting.start()

    harness.queue.close(DropReason.SHUTDOWN)
    waiting.join(5)

    assert turns == [WorkerTask.STOP]


def test_a_new_batch_wakes_the_worker() -> None:
    """It is due in its own time, not after the next look at the spool."""
    harness = QueueHarness(max_batch_events=1)
    turns: list[object] = []
    waiting = threading.Thread(
        target=lambda: turns.append(harness.queue.dequeue(maintain_at=float("inf")))
    )
    waiting.start()

    harness.append("a")
    waiting.join(5)

    assert len(turns) == 1


def test_the_last_flush_begins_nothing_of_what_dead_processes_left() -> None:
    """Else it would be under way when the end comes, and be sent again by the next process."""
    harness = QueueHarness()
    assert harness.queue.flush(0, respect_backoff=False)
    turns: list[object] = []
    waiting = threading.Thread(target=lambda: turns.append(harness.queue.dequeue(maintain_at=0.0)))
    waiting.start()
    waiting.join(0.02)

    assert turns == []
    assert not harness.queue.claim(Batch(0.0, BatchResult(is_on_disk=True)))
    harness.queue.close(DropReason.SHUTDOWN)
    waiting.join(5)

    assert turns == [WorkerTask.STOP]


def test_nothing_is_sent_before_its_time() -> None:
    """Neither what waits, nor what is open, nor what dead processes left."""
    harness = QueueHarness(max_batch_events=2)
    harness.append("a", "b")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0, requested_by_server=True))
    harness.append("c")
    harness.clock.advance(4.0)
    turns: list[Batch | WorkerTask] = []

    def dequeue() -> None:
        turns.append(harness.queue.dequeue(maintain_at=math.inf, has_backlog=True))

    waiting = threading.Thread(target=dequeue)
    waiting.start()

    waiting.join(0.05)
    assert turns == []
    harness.clock.advance(1.0)
    harness.append("d")
    waiting.join(5)

    assert [names_of(turn) for turn in turns if isinstance(turn, Batch)] == [["a", "b"]]


def test_the_spool_is_looked_after_while_nothing_may_be_sent() -> None:
    """Files grow old, and too many, all the same; what is in them waits."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0, requested_by_server=True))

    assert (
        harness.queue.dequeue(maintain_at=harness.clock.now, has_backlog=True)
        is WorkerTask.MAINTAIN
    )
    harness.clock.advance(5.0)
    assert names_of(harness.dequeue()) == ["a"]
    assert harness.queue.dequeue(maintain_at=math.inf, has_backlog=True) is WorkerTask.MAINTAIN
