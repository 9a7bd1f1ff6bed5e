"""The queue with a spool: batches on disk leave memory and survive the process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from otel_telemetry.export.backoff import RetryDelay
from otel_telemetry.export.queue import WorkerTask
from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import DropReason
from tests.support.queues import QueueHarness, names_of
from tests.support.scripted import RESOURCE, SCOPE, encoded, record
from tests.support.spools import largest_file, segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


def test_every_record_is_on_disk_when_append_returns(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """A kill directly after it loses no record."""
    make_queue().append("a")

    assert record("a") in next(directory.glob("*.seg")).read_bytes()


def test_delivered_batch_leaves_no_segment(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """A refused batch leaves none either."""
    harness = make_queue(max_batch_events=1)
    harness.append("a", "b")
    assert segments(directory) == 2

    for settle in (harness.queue.mark_delivered, harness.queue.mark_refused):
        batch = harness.dequeue()
        harness.queue.restore(batch, encoded("x"), DropReason.SPOOL_LOST)
        if settle == harness.queue.mark_delivered:
            harness.queue.mark_delivered(batch, 0, "")
        else:
            harness.queue.mark_refused(batch, "no")

    assert segments(directory) == 0
    harness.check()


def test_waiting_batches_leave_memory(make_queue: Callable[..., QueueHarness]) -> None:
    """The memory limit does not limit the number of waiting events."""
    size = len(RESOURCE) + len(SCOPE) + len(record("a"))
    harness = make_queue(max_pending_bytes=2 * size, max_batch_events=1)

    harness.append("a", "b", "c", "d")

    assert harness.stats.pending == 4
    assert harness.queue._accounting.memory_size == 0


def test_next_batch_to_send_stays_in_memory(make_queue: Callable[..., QueueHarness]) -> None:
    """The batches behind it leave memory."""
    harness = make_queue(max_batch_events=1)
    harness.queue.schedule.not_before = 0.0  # nothing has failed

    harness.append("a", "b", "c")

    assert [batch.is_in_memory for batch in harness.queue._waiting] == [True, False, False]


def test_batch_is_loaded_into_memory_to_be_sent(make_queue: Callable[..., QueueHarness]) -> None:
    """The batch leaves memory again when it has to wait for a retry."""
    harness = make_queue(max_batch_events=2)
    harness.append("a", "b")
    batch = harness.dequeue()

    assert harness.queue.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)
    harness.check()
    assert names_of(batch) == ["a", "b"]
    harness.queue.requeue(batch, RetryDelay(seconds=1.0))
    harness.check()

    assert not batch.is_in_memory
    assert harness.stats.dropped == {}


def test_records_missing_on_disk_are_counted(
    make_queue: Callable[..., QueueHarness],
) -> None:
    """The other records are sent."""
    harness = make_queue(max_batch_events=3)
    receipt = harness.append("a", "b", "c")
    batch = harness.dequeue()

    assert harness.queue.restore(batch, encoded("b"), DropReason.SPOOL_LOST)
    harness.check()
    harness.queue.mark_delivered(batch, 0, "")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "spool_lost")
    assert harness.stats.dropped == {"spool_lost": 2}
    assert harness.stats.delivered == 1
    harness.check()


def test_batch_missing_on_disk_is_settled_as_lost(make_queue: Callable[..., QueueHarness]) -> None:
    """No request is made for it."""
    harness = make_queue(max_batch_events=2)
    receipt = harness.append("a", "b")

    assert not harness.queue.restore(harness.dequeue(), [], DropReason.EXPIRED)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "expired")
    assert harness.stats.dropped == {"expired": 2}
    harness.check()


def test_spool_full_drops_the_oldest_batch(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """The batch is counted, and its receipt has the reason."""
    harness = make_queue(max_batch_events=1, spool_max_bytes=2500)
    receipts = [harness.append(name, padding=1000) for name in "abcd"]

    assert [receipt.outcome for receipt in receipts] == [Outcome.DROPPED] * 2 + [
        Outcome.PENDING
    ] * 2
    assert receipts[0].reason == "spool_full"
    assert harness.stats.dropped == {"spool_full": 2}
    assert segments(directory) == 2
    harness.check()


def test_spool_full_keeps_the_batch_being_sent(
    make_queue: Callable[..., QueueHarness],
) -> None:
    """A batch in memory is kept as well: its loss would free no space."""
    harness = make_queue(max_batch_events=1, spool_max_bytes=1)
    first = harness.append("a", padding=1000)
    batch = harness.dequeue()
    second = harness.append("b", padding=1000)
    assert first.outcome is second.outcome is Outcome.PENDING

    harness.append("c", padding=1000)

    assert (first.outcome, second.reason) == (Outcome.PENDING, "spool_full")
    assert harness.queue.restore(batch, encoded("a"), DropReason.SPOOL_LOST)
    harness.check()


def test_shutdown_leaves_undelivered_batches_on_disk(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """This covers the batch being sent, waiting batches and the open batch, with their receipts."""
    harness = make_queue(max_batch_events=2)
    receipts = [harness.append("a", "b"), harness.append("c", "d"), harness.append("e")]
    batch = harness.dequeue()
    harness.queue.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)

    assert not harness.queue.close(DropReason.SHUTDOWN)

    assert {receipt.outcome for receipt in receipts} == {Outcome.SPOOLED}
    assert harness.stats.spooled == 5
    assert harness.stats.dropped == {}
    assert segments(directory) == 3
    harness.check()


def test_shutdown_drops_batches_that_are_not_on_disk(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """The result is the same as without a spool."""
    harness = make_queue()
    with largest_file(8):
        receipt = harness.append("a")

    harness.queue.close(DropReason.SHUTDOWN)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "shutdown")
    assert segments(directory) == 0
    harness.check()


def test_shutdown_keeps_the_whole_segment_of_a_split_batch(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """The next process sends every record again. A store drops duplicates by event id."""
    harness = make_queue(max_batch_events=2)
    receipt = harness.append("a", "b")
    batch = harness.dequeue()
    harness.queue.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)
    harness.queue.split(batch)
    harness.check()
    harness.deliver_next()

    harness.queue.close(DropReason.SHUTDOWN)

    assert receipt.outcome is Outcome.PARTIAL
    assert (harness.stats.delivered, harness.stats.spooled) == (1, 1)
    assert segments(directory) == 1
    harness.check()


def test_segment_of_a_split_batch_is_deleted_with_its_last_half(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """It is not deleted before."""
    harness = make_queue(max_batch_events=2)
    harness.append("a", "b")
    batch = harness.dequeue()
    harness.queue.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)
    harness.queue.split(batch)

    harness.deliver_next()
    assert segments(directory) == 1
    harness.deliver_next()

    assert segments(directory) == 0


def test_removed_directory_loses_no_open_segment(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """Later batches are written as well."""
    harness = make_queue(max_batch_events=2)
    harness.append("a", "b")
    shutil.rmtree(directory)

    harness.append("c", "d", "e")

    assert segments(directory) == 2
    harness.check()


def test_forked_child_starts_with_an_empty_queue(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """The parent sends its own batches and keeps its files."""
    harness = make_queue(max_batch_events=2)
    harness.append("a", "b", "c")
    before = segments(directory)

    harness.counters.after_fork()
    harness.queue.after_fork()

    assert harness.queue.dequeue(maintain_at=0.0) is WorkerTask.MAINTAIN
    assert harness.stats.accepted == 0
    assert segments(directory) == before
    harness.check()


def test_forked_child_closes_the_segment_files_of_its_parent(
    make_queue: Callable[..., QueueHarness],
) -> None:
    """Otherwise the disk space that the parent frees would stay in use."""
    harness = make_queue()
    harness.append("a")
    batch = harness.queue._open
    assert batch is not None
    assert batch._writer is not None
    descriptor = batch._writer._descriptor

    harness.queue.after_fork()

    assert not Path(f"/proc/self/fd/{descriptor}").exists()


def test_forked_child_of_a_shut_down_process_is_shut_down() -> None:
    """Shutdown is final."""
    harness = QueueHarness()
    harness.queue.close(DropReason.SHUTDOWN)

    harness.queue.after_fork()

    assert harness.append("a").reason == "destroyed"


def test_records_of_a_removed_segment_stay_in_memory(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """No record of a living process is lost."""
    harness = make_queue(max_batch_events=2)
    harness.append("a")
    shutil.rmtree(directory)
    receipt = harness.append("b")
    batch = harness.dequeue()

    harness.queue.requeue(batch, RetryDelay(seconds=0.0))

    assert not batch.result.is_on_disk
    assert harness.deliver_next() == ["a", "b"]
    assert receipt.outcome is Outcome.DELIVERED
    harness.check()


def test_shutdown_leaves_records_written_before_the_disk_was_full(
    make_queue: Callable[..., QueueHarness], make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The written records stay, the others are counted, as after a kill."""
    harness = make_queue()
    harness.append("a", "b")
    size = next(directory.glob("*.seg")).stat().st_size
    with largest_file(size + 3):
        receipt = harness.append("c")

    assert not harness.queue.close(DropReason.SHUTDOWN)

    harness.check()
    assert (harness.stats.spooled, harness.stats.dropped) == (2, {"shutdown": 1})
    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "shutdown")
    content = make_spool().read_segment(str(next(directory.glob("*.seg"))))
    assert content is not None
    assert len(content.records) == 2


def test_shutdown_drops_halves_of_a_batch_partly_on_a_full_disk(
    make_queue: Callable[..., QueueHarness], directory: Path
) -> None:
    """The segment does not show which half holds a record."""
    harness = make_queue()
    harness.append("a", "b")
    with largest_file(next(directory.glob("*.seg")).stat().st_size):
        harness.append("c")
    harness.queue.flush(0)
    harness.queue.split(harness.dequeue())

    assert not harness.queue.close(DropReason.SHUTDOWN)

    harness.check()
    assert harness.stats.dropped == {"shutdown": 3}
    assert segments(directory) == 0
