"""Flush: it makes every batch due, keeps its timeout, and returns the true result."""

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
    harness: QueueHarness, timeout: float | None = 10.0, *, is_last: bool = False
) -> Iterator[list[bool]]:
    """Flush in another thread, which has to end soon after the block; yields its result, then."""
    results: list[bool] = []
    thread = threading.Thread(
        target=lambda: results.append(harness.queue.flush(timeout, is_last=is_last))
    )
    pending = harness.queue._open
    thread.start()
    if pending is not None:
        wait_until(lambda: harness.queue._open is not pending, within=5, what="flush began")
    yield results
    thread.join(5)
    assert not thread.is_alive()


def test_flush_of_an_empty_queue_succeeds_at_once() -> None:
    """It does not wait."""
    assert QueueHarness().queue.flush(None)


def test_flush_makes_the_open_batch_due() -> None:
    """The batch need not be full."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness) as results:
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_flush_waits_for_the_batch_being_sent() -> None:
    """Its events were sent before the call."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    batch = harness.dequeue()

    with flushing(harness, None):
        harness.queue.mark_delivered(batch, 0, "")

    assert harness.queue.flush(0)


def test_flush_ignores_events_sent_after_it() -> None:
    """Otherwise a flush of a busy process would not end."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, None) as results:
        harness.append("b")
        assert harness.deliver_next() == ["a"]

    assert results == [True]
    assert harness.stats.pending == 1


@pytest.mark.parametrize("what", ["refused", "rejected", "dropped"])
def test_flush_is_true_only_if_the_backend_acknowledged_every_event(what: str) -> None:
    """Dropped and refused events make it false."""
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


def test_flush_keeps_its_timeout() -> None:
    """The backend has no influence on it."""
    harness = QueueHarness()
    harness.append("a")
    began = time.monotonic()

    assert not harness.queue.flush(0.05)

    assert 0.05 <= time.monotonic() - began < 2


def test_flush_ends_a_backoff() -> None:
    """The backend may work again."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=300.0))

    with flushing(harness) as results:
        wait_until(
            lambda: harness.queue.schedule.not_before == 0.0, within=5, what="backoff cut short"
        )
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_flush_respects_retry_after() -> None:
    """The backend asked for this delay."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=300.0, requested_by_server=True))

    assert not harness.queue.flush(0.01)

    assert harness.queue.schedule.not_before > harness.clock.now


def test_final_flush_ends_on_failure_when_every_event_is_on_disk(
    make_spool: Callable[..., Spool],
) -> None:
    """Nothing is lost by the end of the process."""
    harness = QueueHarness(make_spool())
    harness.append("a")

    with flushing(harness, None, is_last=True) as results:
        batch = harness.dequeue()
        harness.queue.restore(batch, encoded("a"), DropReason.SPOOL_LOST)
        harness.queue.requeue(batch, RetryDelay(seconds=60.0))

    assert results == [False]


def test_final_flush_keeps_waiting_for_events_that_are_only_in_memory() -> None:
    """They would be lost with the process."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, is_last=True) as results:
        harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=0.0))
        assert results == []
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_final_flush_does_not_wait_for_retry_after_beyond_its_timeout() -> None:
    """The wait could not end with a request."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=7200.0, requested_by_server=True))

    with flushing(harness, 3600.0, is_last=True) as results:
        pass  # an hour has not passed when it ends

    assert results == [False]


def test_final_flush_waits_for_retry_after_within_its_timeout() -> None:
    """Events that are only in memory may still arrive."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0, requested_by_server=True))

    with flushing(harness, 10.0, is_last=True) as results:
        harness.clock.advance(5.0)
        assert harness.deliver_next() == ["a"]

    assert results == [True]


def test_final_flush_succeeds_while_the_backend_responds() -> None:
    """It waits like any other flush."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, is_last=True) as results:
        harness.deliver_next()

    assert results == [True]


def test_flush_waits_for_both_halves_of_a_split_batch() -> None:
    """A batch is delivered when both halves are."""
    harness = QueueHarness()
    harness.append("a", "b")

    with flushing(harness) as results:
        harness.queue.split(harness.dequeue())
        harness.deliver_next()
        assert results == []
        harness.deliver_next()

    assert results == [True]


def test_close_ends_a_flush() -> None:
    """No worker is left to send a batch."""
    harness = QueueHarness()
    harness.append("a")

    with flushing(harness, None) as results:
        harness.queue.close(DropReason.SHUTDOWN)

    assert results == [False]


def test_close_wakes_the_worker() -> None:
    """The worker does not sleep until its next deadline."""
    harness = QueueHarness()
    turns: list[object] = []
    waiting = threading.Thread(
        target=lambda: turns.append(harness.queue.dequeue(maintain_at=float("inf")))
    )
    waiting.start()

    harness.queue.close(DropReason.SHUTDOWN)
    waiting.join(5)

    assert turns == [WorkerTask.STOP]


def test_new_batch_wakes_the_worker() -> None:
    """The batch is sent when it is due, not after the next scan of the spool."""
    harness = QueueHarness(max_batch_events=1)
    turns: list[object] = []
    waiting = threading.Thread(
        target=lambda: turns.append(harness.queue.dequeue(maintain_at=float("inf")))
    )
    waiting.start()

    harness.append("a")
    waiting.join(5)

    assert len(turns) == 1


def test_final_flush_sends_no_segment_of_dead_processes() -> None:
    """Shutdown would cancel the request, and the next process would send it again."""
    harness = QueueHarness()
    assert harness.queue.flush(0, is_last=True)
    turns: list[object] = []
    waiting = threading.Thread(target=lambda: turns.append(harness.queue.dequeue(maintain_at=0.0)))
    waiting.start()
    waiting.join(0.02)

    assert turns == []
    assert not harness.queue.claim(Batch(0.0, BatchResult(is_on_disk=True)))
    harness.queue.close(DropReason.SHUTDOWN)
    waiting.join(5)

    assert turns == [WorkerTask.STOP]


def test_during_retry_after_no_batch_is_sent() -> None:
    """This holds for waiting batches, the open batch and recovered events."""
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


def test_spool_limits_are_kept_during_a_backoff() -> None:
    """Old segments expire and a full spool drops segments. The others wait."""
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
