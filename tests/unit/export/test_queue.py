"""The queue: what waits, for how long, how much of it, and that it always adds up."""

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


def test_a_batch_waits_until_it_is_due() -> None:
    """For the flush interval from its first record on."""
    harness = QueueHarness()
    harness.append("a")
    harness.clock.advance(0.5)
    harness.append("b")
    assert harness.queue.dequeue(maintain_at=0.0) is WorkerTask.MAINTAIN

    harness.clock.advance(0.5)

    assert harness.dequeue_names() == ["a", "b"]


def test_a_full_batch_does_not_wait() -> None:
    """The next record opens the next one."""
    harness = QueueHarness(max_batch_events=2)
    for name in "abc":
        harness.append(name)

    assert harness.dequeue_names() == ["a", "b"]
    assert harness.queue.dequeue(maintain_at=0.0) is WorkerTask.MAINTAIN


def test_a_batch_is_closed_before_it_is_too_large() -> None:
    """By bytes, resource and scope included."""
    harness = QueueHarness(max_batch_bytes=len(RESOURCE) + len(SCOPE) + 3 * len(record("a")))
    for name in "abcd":
        harness.append(name)

    assert harness.dequeue_names() == ["a"]


def test_a_record_larger_than_a_batch_goes_by_itself() -> None:
    """The bound is a wish, the record is a fact."""
    harness = QueueHarness(max_batch_bytes=10)
    for name in "abc":
        harness.append(name)

    assert [harness.deliver_next() for _ in range(2)] == [["a"], ["b"]]


def test_records_of_one_batch_share_a_receipt() -> None:
    """Which is settled with it."""
    harness = QueueHarness(max_batch_events=2)
    first, second, third = harness.append("a"), harness.append("b"), harness.append("c")
    assert first is second is not third
    assert first.outcome is Outcome.PENDING

    harness.deliver_next()

    assert (first.outcome, first.reason) == (Outcome.DELIVERED, "")
    assert third.outcome is Outcome.PENDING


def test_opening_a_batch_is_announced() -> None:
    """Once a batch, so that a worker can be started."""
    harness = QueueHarness(max_batch_events=2)
    for name in "abc":
        harness.append(name)

    assert harness.open_count == 2


def test_a_record_that_no_backend_takes_is_dropped() -> None:
    """Beyond what gRPC servers accept at most."""
    harness = QueueHarness()

    receipt = harness.queue.append(RESOURCE, SCOPE, b"x" * MAX_REQUEST_BYTES)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "too_large")
    assert harness.stats.dropped == {"too_large": 1}
    harness.check()


def test_beyond_its_memory_new_records_are_dropped() -> None:
    """And taken again once there is room."""
    size = len(RESOURCE) + len(SCOPE) + len(record("a"))
    harness = QueueHarness(max_pending_bytes=2 * size, max_batch_events=1)
    harness.queue.schedule.not_before = 0.0  # nothing has failed, so nothing is compressed
    harness.append("a")
    harness.append("b")

    assert harness.append("c").reason == "queue_full"
    harness.deliver_next()
    assert harness.append("d").outcome is Outcome.PENDING

    assert harness.stats.dropped == {"queue_full": 1}


def test_what_the_backend_rejected_is_counted() -> None:
    """And the receipt of all its records says why."""
    harness = QueueHarness()
    receipt = harness.append("a", "b", "c")
    batch = harness.dequeue()

    harness.queue.mark_delivered(batch, 1, "no b")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "no b")
    assert (harness.stats.delivered, harness.stats.rejected) == (2, 1)
    harness.check()


@pytest.mark.parametrize(("reported", "counted"), [(-5, 0), (99, 2)])
def test_a_backend_that_cannot_count_does_not_spoil_ours(reported: int, counted: int) -> None:
    """No more than all are rejected, and no fewer than none."""
    harness = QueueHarness()
    harness.append("a", "b")

    harness.queue.mark_delivered(harness.dequeue(), reported, "")

    assert harness.stats.rejected == counted
    harness.check()


def test_all_records_rejected_without_a_word() -> None:
    """Not delivered, and a reason all the same."""
    harness = QueueHarness()
    receipt = harness.append("a")

    harness.queue.mark_delivered(harness.dequeue(), 1, "")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "rejected by the backend")


def test_what_the_backend_refused_is_counted() -> None:
    """For good."""
    harness = QueueHarness()
    receipt = harness.append("a", "b")

    harness.queue.mark_refused(harness.dequeue(), "HTTP status 400")

    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "HTTP status 400")
    assert harness.stats.refused == 2
    harness.check()


def test_what_is_postponed_goes_to_the_end_of_the_line() -> None:
    """So that what the backend cannot take does not hold up the rest; and nothing goes before."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a")
    harness.append("b")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0))
    harness.clock.advance(5.0)

    assert [harness.deliver_next(), harness.deliver_next()] == [["b"], ["a"]]


def test_success_ends_the_waiting() -> None:
    """For all."""
    harness = QueueHarness(max_batch_events=1)
    harness.append("a", "b", "c")
    harness.queue.requeue(harness.dequeue(), RetryDelay(seconds=5.0, requested_by_server=True))
    harness.clock.advance(5.0)
    batch = harness.dequeue()
    harness.queue.requeue(batch, RetryDelay(seconds=0.0))

    assert [harness.deliver_next() for _ in range(3)] == [["c"], ["a"], ["b"]]


def test_a_batch_too_large_goes_in_halves_at_the_head_of_the_line() -> None:
    """In order, down to one."""
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


def test_after_the_end_nothing_is_taken() -> None:
    """And what waited is given up, for the reason given."""
    harness = QueueHarness(max_batch_events=2)
    receipts = [harness.append("a", "b"), harness.append("c", "d"), harness.append("e")]
    harness.dequeue()

    assert not harness.queue.close(DropReason.SHUTDOWN)

    assert [receipt.outcome for receipt in receipts] == [Outcome.DROPPED] * 3
    assert harness.append("f").reason == "destroyed"
    assert harness.stats.dropped == {"shutdown": 5, "destroyed": 1}
    assert harness.queue.dequeue(maintain_at=0.0) is WorkerTask.STOP
    harness.check()


def test_an_end_with_nothing_left_says_so() -> None:
    """However often it is asked; and one with something left says that as often."""
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


def test_what_is_said_of_a_batch_that_was_given_up_counts_no_more() -> None:
    """The worker may come back after the end."""
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


def test_what_dead_processes_left_is_counted_twice() -> None:
    """As accepted and as recovered."""
    harness = QueueHarness()
    batch = Batch(0.0, BatchResult(is_on_disk=True))
    batch.append(RESOURCE, SCOPE, record("a"))

    assert harness.queue.claim(batch)
    assert (harness.stats.accepted, harness.stats.recovered, harness.stats.pending) == (1, 1, 1)
    harness.queue.mark_delivered(batch, 0, "")

    assert harness.stats.delivered == 1
    harness.check()


def test_what_dead_processes_left_is_not_taken_at_the_end() -> None:
    """It stays where it is."""
    harness = QueueHarness()
    harness.queue.close(DropReason.SHUTDOWN)

    assert not harness.queue.claim(Batch(0.0))
    assert harness.stats.accepted == 0


def test_what_of_theirs_cannot_be_sent_is_counted() -> None:
    """By reason."""
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


def test_a_burst_wakes_the_consumer_once() -> None:
    """With its first event: amid the burst, the two would fight for the interpreter."""
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


def test_a_second_full_batch_wakes_it() -> None:
    """A burst that does not end is no reason to let batches pile up."""
    harness = QueueHarness(max_batch_events=2)
    changed = harness.queue._changed = Counting(harness.counters.lock)
    harness.append("a", "b", "c")
    assert changed.woken == 0

    harness.append("d")
    assert changed.woken == 1
    assert [harness.deliver_next(), harness.deliver_next()] == [["a", "b"], ["c", "d"]]


def test_its_looks_become_rare() -> None:
    """A batch that stays open costs a process a few of them, however long it is open."""
    harness = QueueHarness()
    with taking(harness) as (changed, _):
        harness.append("a")
        wait_until(lambda: changed.waits >= 5, within=SOON, what="it looked")
        assert changed.waits < 12  # each pause is twice the last, of 10 ms
        harness.clock.advance(1.0)
