"""The queue: batches, due times, limits, and counts that add up."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otel_telemetry.export.backoff import RetryDelay
from otel_telemetry.export.batch import Batch, BatchResult
from otel_telemetry.export.queue import WorkerTask
from otel_telemetry.otlp.requests import MAX_REQUEST_BYTES
from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import DropReason
from tests.support.queues import QueueHarness, names_of
from tests.support.scripted import RESOURCE, SCOPE, assert_adds_up, record
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_telemetry.export.queue import WorkerTask


def test_batch_is_due_after_the_flush_interval() -> None:
    """The interval starts with the first record of the batch."""
    harness = QueueHarness()
    harness.append("a")
    harness.clock.advance(0.5)
    harness.append("b")
    assert harness.queue.dequeue(maintain_at=0.0) is WorkerTask.MAINTAIN

    harness.clock.advance(0.5)

    assert harness.dequeue_names() == ["a", "b"]


def test_full_batch_is_due_at_once() -> None:
    """The next record opens the next batch."""
    harness = QueueHarness(max_batch_events=2)
    for name in "abc":
        harness.append(name)

    assert harness.dequeue_names() == ["a", "b"]
    assert harness.queue.dequeue(maintain_at=0.0) is WorkerTask.MAINTAIN


def test_batch_is_closed_before_it_exceeds_max_bytes() -> None:
    """Resource and scope count as well."""
    harness = QueueHarness(max_batch_bytes=len(RESOURCE) + len(SCOPE) + 3 * len(record("a")))
    for name in "abcd":
        harness.append(name)

    assert harness.dequeue_names() == ["a"]


def test_record_larger_than_a_batch_is_sent_alone() -> None:
    """The limit of a batch does not drop a record."""
    harness = QueueHarness(max_batch_bytes=10)
    for name in "abc":
        harness.append(name)

    assert [harness.deliver_next() for _ in range(2)] == [["a"], ["b"]]


def test_records_of_one_batch_share_a_receipt() -> None:
    """The receipt is settled with the batch."""
    harness = QueueHarness(max_batch_events=2)
    first, second, third = harness.append("a"), harness.append("b"), harness.append("c")
    assert first is second is not third
    assert first.outcome is Outcome.PENDING

    harness.deliver_next()

    assert (first.outcome, first.reason) == (Outcome.DELIVERED, "")
    assert third.outcome is Outcome.PENDING


def test_open_callback_runs_once_for_each_batch() -> None:
    """The callback starts a worker."""
    harness = QueueHarness(max_batch_events=2)
    for name in "abc":
        harness.append(name)

    assert harness.open_count == 2


def test_record_beyond_the_grpc_limit_is_dropped() -> None:
    """It is larger than the largest request of a gRPC server."""
    harness = QueueHarness()

    receipt = harness.queue.append(RESOURCE, SCOPE, b"x" * MAX_REQUEST_BYTES)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "too_large")
    assert harness.stats.dropped == {"too_large": 1}
    harness.check()


def test_queue_full_drops_new_records() -> None:
    """New records are accepted again once memory is free."""
    size = len(RESOURCE) + len(SCOPE) + len(record("a"))
    harness = QueueHarness(max_pending_bytes=2 * size, max_batch_events=1)
    harness.queue.schedule.not_before = 0.0  # nothing has failed, so nothing is compressed
    harness.append("a")
    harness.append("b")

    assert harness.append("c").reason == "queue_full"
    harness.deliver_next()
    assert harness.append("d").outcome is Outcome.PENDING

    assert harness.stats.dropped == {"queue_full": 1}


def test_rejected_records_are_counted() -> None:
    """The receipt of every record in the batch has the reason."""
    harness = QueueHarness()
    receipt = harness.append("a", "b", "c")
    batch = harness.dequeue()

    harness.queue.mark_delivered(batch, 1, "no b")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "no b")
    assert (harness.stats.delivered, harness.stats.rejected) == (2, 1)
    harness.check()


@pytest.mark.parametrize(("reported", "counted"), [(-5, 0), (99, 2)])
def test_rejected_count_is_clamped_to_the_batch(reported: int, counted: int) -> None:
    """It is never more than the batch and never less than zero."""
    harness = QueueHarness()
    harness.append("a", "b")

    harness.queue.mark_delivered(harness.dequeue(), reported, "")

    assert harness.stats.rejected == counted
    harness.check()


def test_full_rejection_without_a_message_has_a_reason() -> None:
    """The records are not delivered."""
    harness = QueueHarness()
    receipt = harness.append("a")

    harness.queue.mark_delivered(harness.dequeue(), 1, "")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "rejected by the backend")


def test_refused_records_are_counted() -> None:
    """The refusal is final."""
    harness = QueueHarness()
    receipt = harness.append("a", "b")

    harness.queue.mark_refused(harness.dequeue(), "HTTP status 400")

    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "HTTP status 400")
    assert harness.stats.refused == 2
    harness.check()


def test_retried_batch_goes_to_the_end_of_the_queue() -> None:
    """A failing batch does not delay the others. During the delay no batch is sent."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.append("b")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0))
    harness.clock.advance(5.0)

    assert [harness.deliver_next(), harness.deliver_next()] == [["b"], ["a"]]


def test_success_ends_the_backoff() -> None:
    """This holds for every batch."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a", "b", "c")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0, requested_by_server=True))
    harness.clock.advance(5.0)
    batch = harness.dequeue()
    harness.queue.requeue(batch, RetryDelay(seconds=0.0))

    assert [harness.deliver_next() for _ in range(3)] == [["c"], ["a"], ["b"]]


def test_too_large_batch_is_split_at_the_head_of_the_queue() -> None:
    """The halves stay in order, down to one record."""
    harness = QueueHarness(max_batch_events=4)
    receipt = harness.append("a", "b", "c", "d")
    harness.append("e")
    harness.queue.split(harness.dequeue())
    harness.queue.split(harness.dequeue())

    assert [harness.deliver_next() for _ in range(2)] == [["a"], ["b"]]
    assert receipt.outcome is Outcome.PENDING
    harness.queue.drop(harness.dequeue(), DropReason.TOO_LARGE)

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "too_large")
    assert harness.stats.dropped == {"too_large": 2}
    harness.check()


def test_after_close_no_record_is_accepted() -> None:
    """Waiting records are dropped with the reason of the close."""
    harness = QueueHarness(max_batch_events=2)
    receipts = [harness.append("a", "b"), harness.append("c", "d"), harness.append("e")]
    harness.dequeue()

    assert not harness.queue.close(DropReason.SHUTDOWN)

    assert [receipt.outcome for receipt in receipts] == [Outcome.DROPPED] * 3
    assert harness.append("f").reason == "destroyed"
    assert harness.stats.dropped == {"shutdown": 5, "destroyed": 1}
    assert harness.queue.dequeue(maintain_at=0.0) is WorkerTask.STOP
    harness.check()


def test_close_is_true_only_if_no_event_was_left() -> None:
    """Further calls return the same."""
    empty, full = QueueHarness(), QueueHarness()
    full.append("a")

    assert [empty.queue.close(DropReason.SHUTDOWN), empty.queue.close(DropReason.SHUTDOWN)] == [
        True,
        True,
    ]
    assert [full.queue.close(DropReason.SHUTDOWN), full.queue.close(DropReason.SHUTDOWN)] == [
        False,
        False,
    ]


def test_result_for_a_batch_dropped_at_close_is_ignored() -> None:
    """The worker may report its result after the close."""
    harness = QueueHarness()
    receipt = harness.append("a")
    batch = harness.dequeue()
    harness.queue.close(DropReason.SHUTDOWN)
    before = harness.stats

    harness.queue.mark_delivered(batch, 0, "")
    harness.queue.mark_refused(batch, "no")
    harness.queue.drop(batch, DropReason.INTERNAL)
    harness.queue.requeue(batch, RetryDelay(seconds=1.0, requested_by_server=True))
    harness.queue.split(batch)
    assert not harness.queue.restore(batch, [], DropReason.SPOOL_LOST)

    assert harness.stats == before
    assert receipt.outcome is Outcome.DROPPED


def test_recovered_events_count_as_accepted_and_as_recovered() -> None:
    """Both counts grow."""
    harness = QueueHarness()
    batch = Batch(0.0, BatchResult(is_on_disk=True))
    batch.append(RESOURCE, SCOPE, record("a"))

    assert harness.queue.claim(batch)
    assert (harness.stats.accepted, harness.stats.recovered, harness.stats.pending) == (1, 1, 1)
    harness.queue.mark_delivered(batch, 0, "")

    assert harness.stats.delivered == 1
    harness.check()


def test_after_close_no_segment_is_recovered() -> None:
    """The segments stay on disk."""
    harness = QueueHarness()
    harness.queue.close(DropReason.SHUTDOWN)

    assert not harness.queue.claim(Batch(0.0))
    assert harness.stats.accepted == 0


def test_recovered_events_that_cannot_be_sent_are_counted_by_reason() -> None:
    """Each reason has its own count."""
    harness = QueueHarness()

    harness.queue.count_lost(3, DropReason.EXPIRED)

    assert (harness.stats.accepted, harness.stats.recovered) == (3, 3)
    assert harness.stats.dropped == {"expired": 3}
    assert_adds_up(harness.stats)


SOON = 5.0  # seconds: more than a busy machine needs


class Counting(threading.Condition):
    """A condition that counts its wake-ups and its waiters."""

    def __init__(self, lock: Any) -> None:
        super().__init__(lock)
        self.woken = 0
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, and count it."""
        self.waits += 1
        return super().wait(timeout)

    def notify_all(self) -> None:
        """Wake all, and count it."""
        self.woken += 1
        super().notify_all()


@contextmanager
def taking(harness: QueueHarness) -> Iterator[tuple[Counting, list[Batch | WorkerTask]]]:
    """Take one batch in another thread, which has to end soon after the block."""
    changed = harness.queue._changed = Counting(harness.counters.lock)
    turns: list[Batch | WorkerTask] = []
    thread = threading.Thread(
        target=lambda: turns.append(harness.queue.dequeue(maintain_at=float("inf"))), daemon=True
    )
    thread.start()
    wait_until(lambda: changed.waits > 0, within=SOON, what="the consumer waits")
    yield changed, turns
    thread.join(SOON)
    assert not thread.is_alive()


def test_burst_wakes_the_worker_once() -> None:
    """The first event wakes it. More wake-ups would compete with the burst for the interpreter."""
    harness = QueueHarness(max_batch_events=100)
    with taking(harness) as (changed, turns):
        harness.append("first")
        for number in range(98):
            harness.append(f"{number}")
        assert (changed.woken, turns) == (1, [])
        harness.append("last")
        assert changed.woken == 1

    (batch,) = turns
    assert isinstance(batch, Batch)
    assert len(names_of(batch)) == 100


def test_second_full_batch_wakes_the_worker() -> None:
    """Batches do not pile up during an endless burst."""
    harness = QueueHarness(max_batch_events=2)
    changed = harness.queue._changed = Counting(harness.counters.lock)
    harness.append("a", "b", "c")
    assert changed.woken == 0

    harness.append("d")
    assert changed.woken == 1
    assert [harness.deliver_next(), harness.deliver_next()] == [["a", "b"], ["c", "d"]]


def test_checks_of_an_open_batch_become_rare() -> None:
    """A batch that stays open costs only a few wake-ups."""
    harness = QueueHarness()
    with taking(harness) as (changed, _):
        harness.append("a")
        wait_until(lambda: changed.waits >= 5, within=SOON, what="it looked")
        assert changed.waits < 12  # each pause is twice the last, of 10 ms
        harness.clock.advance(1.0)
