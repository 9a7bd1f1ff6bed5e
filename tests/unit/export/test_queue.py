"""The outbox: what waits, for how long, how much of it, and that it always adds up."""

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
from tests.support.outboxes import Box, names_of
from tests.support.scripted import RESOURCE, SCOPE, assert_adds_up, record
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_telemetry.export.queue import WorkerTask


def test_a_batch_waits_until_it_is_due() -> None:
    """For the flush interval from its first record on."""
    box = Box()
    box.append("a")
    box.clock.advance(0.5)
    box.append("b")
    assert box.outbox.take(tidy_at=0.0) is WorkerTask.TIDY

    box.clock.advance(0.5)

    assert box.taken() == ["a", "b"]


def test_a_full_batch_does_not_wait() -> None:
    """The next record opens the next one."""
    box = Box(max_batch_events=2)
    for name in "abc":
        box.append(name)

    assert box.taken() == ["a", "b"]
    assert box.outbox.take(tidy_at=0.0) is WorkerTask.TIDY


def test_a_batch_is_closed_before_it_is_too_large() -> None:
    """By bytes, resource and scope included."""
    box = Box(max_batch_bytes=len(RESOURCE) + len(SCOPE) + 3 * len(record("a")))
    for name in "abcd":
        box.append(name)

    assert box.taken() == ["a"]


def test_a_record_larger_than_a_batch_goes_by_itself() -> None:
    """The bound is a wish, the record is a fact."""
    box = Box(max_batch_bytes=10)
    for name in "abc":
        box.append(name)

    assert [box.settled() for _ in range(2)] == [["a"], ["b"]]


def test_records_of_one_batch_share_a_receipt() -> None:
    """Which is settled with it."""
    box = Box(max_batch_events=2)
    first, second, third = box.append("a"), box.append("b"), box.append("c")
    assert first is second is not third
    assert first.outcome is Outcome.PENDING

    box.settled()

    assert (first.outcome, first.reason) == (Outcome.DELIVERED, "")
    assert third.outcome is Outcome.PENDING


def test_opening_a_batch_is_announced() -> None:
    """Once a batch, so that a courier can be started."""
    box = Box(max_batch_events=2)
    for name in "abc":
        box.append(name)

    assert box.opened == 2


def test_a_record_that_no_backend_takes_is_dropped() -> None:
    """Beyond what gRPC servers accept at most."""
    box = Box()

    receipt = box.outbox.append(RESOURCE, SCOPE, b"x" * MAX_REQUEST_BYTES)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "too_large")
    assert box.stats.dropped == {"too_large": 1}
    box.check()


def test_beyond_its_memory_new_records_are_dropped() -> None:
    """And taken again once there is room."""
    size = len(RESOURCE) + len(SCOPE) + len(record("a"))
    box = Box(max_pending_bytes=2 * size, max_batch_events=1)
    box.outbox.pace.not_before = 0.0  # nothing has failed, so nothing is compressed
    box.append("a")
    box.append("b")

    assert box.append("c").reason == "queue_full"
    box.settled()
    assert box.append("d").outcome is Outcome.PENDING

    assert box.stats.dropped == {"queue_full": 1}


def test_what_the_backend_rejected_is_counted() -> None:
    """And the receipt of all its records says why."""
    box = Box()
    receipt = box.append("a", "b", "c")
    batch = box.take()

    box.outbox.delivered(batch, 1, "no b")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "no b")
    assert (box.stats.delivered, box.stats.rejected) == (2, 1)
    box.check()


@pytest.mark.parametrize(("said", "counted"), [(-5, 0), (99, 2)])
def test_a_backend_that_cannot_count_does_not_spoil_ours(said: int, counted: int) -> None:
    """No more than all are rejected, and no fewer than none."""
    box = Box()
    box.append("a", "b")

    box.outbox.delivered(box.take(), said, "")

    assert box.stats.rejected == counted
    box.check()


def test_all_records_rejected_without_a_word() -> None:
    """Not delivered, and a reason all the same."""
    box = Box()
    receipt = box.append("a")

    box.outbox.delivered(box.take(), 1, "")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "rejected by the backend")


def test_what_the_backend_refused_is_counted() -> None:
    """For good."""
    box = Box()
    receipt = box.append("a", "b")

    box.outbox.refused(box.take(), "HTTP status 400")

    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "HTTP status 400")
    assert box.stats.refused == 2
    box.check()


def test_what_is_postponed_goes_to_the_end_of_the_line() -> None:
    """So that what the backend cannot take does not hold up the rest; and nothing goes before."""
    box = Box(max_batch_events=1)
    box.append("a")
    box.append("b")
    box.outbox.postpone(box.take(), RetryDelay(seconds=5.0))
    box.clock.advance(5.0)

    assert [box.settled(), box.settled()] == [["b"], ["a"]]


def test_success_ends_the_waiting() -> None:
    """For all."""
    box = Box(max_batch_events=1)
    box.append("a", "b", "c")
    box.outbox.postpone(box.take(), RetryDelay(seconds=5.0, requested_by_server=True))
    box.clock.advance(5.0)
    batch = box.take()
    box.outbox.postpone(batch, RetryDelay(seconds=0.0))

    assert [box.settled() for _ in range(3)] == [["c"], ["a"], ["b"]]


def test_a_batch_too_large_goes_in_halves_at_the_head_of_the_line() -> None:
    """In order, down to one."""
    box = Box(max_batch_events=4)
    receipt = box.append("a", "b", "c", "d")
    box.append("e")
    box.outbox.split(box.take())
    box.outbox.split(box.take())

    assert [box.settled() for _ in range(2)] == [["a"], ["b"]]
    assert receipt.outcome is Outcome.PENDING
    box.outbox.drop(box.take(), DropReason.TOO_LARGE)

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "too_large")
    assert box.stats.dropped == {"too_large": 2}
    box.check()


def test_after_the_end_nothing_is_taken() -> None:
    """And what waited is given up, for the reason given."""
    box = Box(max_batch_events=2)
    receipts = [box.append("a", "b"), box.append("c", "d"), box.append("e")]
    box.take()

    assert not box.outbox.close(DropReason.SHUTDOWN)

    assert [receipt.outcome for receipt in receipts] == [Outcome.DROPPED] * 3
    assert box.append("f").reason == "destroyed"
    assert box.stats.dropped == {"shutdown": 5, "destroyed": 1}
    assert box.outbox.take(tidy_at=0.0) is WorkerTask.END
    box.check()


def test_an_end_with_nothing_left_says_so() -> None:
    """However often it is asked; and one with something left says that as often."""
    empty, full = Box(), Box()
    full.append("a")

    assert [empty.outbox.close(DropReason.SHUTDOWN), empty.outbox.close(DropReason.SHUTDOWN)] == [
        True,
        True,
    ]
    assert [full.outbox.close(DropReason.SHUTDOWN), full.outbox.close(DropReason.SHUTDOWN)] == [
        False,
        False,
    ]


def test_what_is_said_of_a_batch_that_was_given_up_counts_no_more() -> None:
    """The courier may come back after the end."""
    box = Box()
    receipt = box.append("a")
    batch = box.take()
    box.outbox.close(DropReason.SHUTDOWN)
    before = box.stats

    box.outbox.delivered(batch, 0, "")
    box.outbox.refused(batch, "no")
    box.outbox.drop(batch, DropReason.INTERNAL)
    box.outbox.postpone(batch, RetryDelay(seconds=1.0, requested_by_server=True))
    box.outbox.split(batch)
    assert not box.outbox.restore(batch, [], DropReason.SPOOL_LOST)

    assert box.stats == before
    assert receipt.outcome is Outcome.DROPPED


def test_what_dead_processes_left_is_counted_twice() -> None:
    """As accepted and as recovered."""
    box = Box()
    batch = Batch(0.0, BatchResult(is_on_disk=True))
    batch.append(RESOURCE, SCOPE, record("a"))

    assert box.outbox.adopt(batch)
    assert (box.stats.accepted, box.stats.recovered, box.stats.pending) == (1, 1, 1)
    box.outbox.delivered(batch, 0, "")

    assert box.stats.delivered == 1
    box.check()


def test_what_dead_processes_left_is_not_taken_at_the_end() -> None:
    """It stays where it is."""
    box = Box()
    box.outbox.close(DropReason.SHUTDOWN)

    assert not box.outbox.adopt(Batch(0.0))
    assert box.stats.accepted == 0


def test_what_of_theirs_cannot_be_sent_is_counted() -> None:
    """By reason."""
    box = Box()

    box.outbox.lost(3, DropReason.EXPIRED)

    assert (box.stats.accepted, box.stats.recovered) == (3, 3)
    assert box.stats.dropped == {"expired": 3}
    assert_adds_up(box.stats)


SOON = 5.0  # seconds: more than a busy machine needs


class Counting(threading.Condition):
    """A condition that counts how often it wakes somebody, and who waits."""

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
def taking(box: Box) -> Iterator[tuple[Counting, list[Batch | WorkerTask]]]:
    """Take one batch in another thread, which has to end soon after the block."""
    changed = box.outbox._changed = Counting(box.counters.lock)
    turns: list[Batch | WorkerTask] = []
    thread = threading.Thread(
        target=lambda: turns.append(box.outbox.take(tidy_at=float("inf"))), daemon=True
    )
    thread.start()
    wait_until(lambda: changed.waits > 0, within=SOON, what="the consumer waits")
    yield changed, turns
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_burst_wakes_the_consumer_once() -> None:
    """With its first event: amid the burst, the two would fight for the interpreter."""
    box = Box(max_batch_events=100)
    with taking(box) as (changed, turns):
        box.append("first")
        for number in range(98):
            box.append(f"{number}")
        assert (changed.woken, turns) == (1, [])
        box.append("last")
        assert changed.woken == 1

    (batch,) = turns
    assert isinstance(batch, Batch)
    assert len(names_of(batch)) == 100


def test_a_second_full_batch_wakes_it() -> None:
    """A burst that does not end is no reason to let batches pile up."""
    box = Box(max_batch_events=2)
    changed = box.outbox._changed = Counting(box.counters.lock)
    box.append("a", "b", "c")
    assert changed.woken == 0

    box.append("d")
    assert changed.woken == 1
    assert [box.settled(), box.settled()] == [["a", "b"], ["c", "d"]]


def test_its_looks_become_rare() -> None:
    """A batch that stays open costs a process a few of them, however long it is open."""
    box = Box()
    with taking(box) as (changed, _):
        box.append("a")
        wait_until(lambda: changed.waits >= 5, within=SOON, what="it looked")
        assert changed.waits < 12  # each pause is twice the last, of 10 ms
        box.clock.advance(1.0)
