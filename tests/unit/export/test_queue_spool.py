"""The outbox with a spool: what is safe on disk need not be in memory, and outlives the process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from otel_telemetry.export.backoff import RetryDelay
from otel_telemetry.export.queue import WorkerTask
from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import DropReason
from tests.support.outboxes import Box, names_of
from tests.support.scripted import RESOURCE, SCOPE, encoded, record
from tests.support.spools import largest_file, segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


def test_every_record_is_on_disk_when_append_returns(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """A kill a moment later loses nothing."""
    make_box().append("a")

    assert record("a") in next(directory.glob("*.seg")).read_bytes()


def test_a_batch_that_was_delivered_leaves_no_segment(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """Nor does one that was refused."""
    box = make_box(max_batch_events=1)
    box.append("a", "b")
    assert segments(directory) == 2

    for settle in (box.outbox.delivered, box.outbox.refused):
        batch = box.take()
        box.outbox.restore(batch, encoded("x"), DropReason.SPOOL_LOST)
        if settle == box.outbox.delivered:
            box.outbox.delivered(batch, 0, "")
        else:
            box.outbox.refused(batch, "no")

    assert segments(directory) == 0
    box.check()


def test_what_waits_is_not_in_memory(make_box: Callable[..., Box]) -> None:
    """So the bound on memory does not bound what can wait."""
    size = len(RESOURCE) + len(SCOPE) + len(record("a"))
    box = make_box(max_pending_bytes=2 * size, max_batch_events=1)

    box.append("a", "b", "c", "d")

    assert box.stats.pending == 4
    assert box.outbox._ledger.memory == 0


def test_the_next_to_be_sent_stays_in_memory(make_box: Callable[..., Box]) -> None:
    """It would only be read back at once; what waits behind it does not stay."""
    box = make_box(max_batch_events=1)
    box.outbox.pace.not_before = 0.0  # nothing has failed

    box.append("a", "b", "c")

    assert [batch.in_memory for batch in box.outbox._waiting] == [True, False, False]


def test_a_batch_comes_back_into_memory_to_be_sent(make_box: Callable[..., Box]) -> None:
    """And leaves it again when it has to wait."""
    box = make_box(max_batch_events=2)
    box.append("a", "b")
    batch = box.take()

    assert box.outbox.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)
    box.check()
    assert names_of(batch) == ["a", "b"]
    box.outbox.postpone(batch, RetryDelay(seconds=1.0))
    box.check()

    assert not batch.in_memory
    assert box.stats.dropped == {}


def test_records_that_are_gone_from_disk_are_counted(make_box: Callable[..., Box]) -> None:
    """And the rest is sent."""
    box = make_box(max_batch_events=3)
    receipt = box.append("a", "b", "c")
    batch = box.take()

    assert box.outbox.restore(batch, encoded("b"), DropReason.SPOOL_LOST)
    box.check()
    box.outbox.delivered(batch, 0, "")

    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "spool_lost")
    assert box.stats.dropped == {"spool_lost": 2}
    assert box.stats.delivered == 1
    box.check()


def test_a_batch_that_is_gone_from_disk_is_over(make_box: Callable[..., Box]) -> None:
    """There is nothing to send."""
    box = make_box(max_batch_events=2)
    receipt = box.append("a", "b")

    assert not box.outbox.restore(box.take(), [], DropReason.EXPIRED)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "expired")
    assert box.stats.dropped == {"expired": 2}
    box.check()


def test_beyond_its_room_on_disk_the_oldest_batch_goes(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """Counted, and its receipt says so."""
    box = make_box(max_batch_events=1, spool_max_bytes=2500)
    receipts = [box.append(name, padding=1000) for name in "abcd"]

    assert [receipt.outcome for receipt in receipts] == [Outcome.DROPPED] * 2 + [
        Outcome.PENDING
    ] * 2
    assert receipts[0].reason == "spool_full"
    assert box.stats.dropped == {"spool_full": 2}
    assert segments(directory) == 2
    box.check()


def test_the_batch_being_sent_does_not_go_for_want_of_room(make_box: Callable[..., Box]) -> None:
    """Nor one that is in memory, which would make no room."""
    box = make_box(max_batch_events=1, spool_max_bytes=1)
    first = box.append("a", padding=1000)
    batch = box.take()
    second = box.append("b", padding=1000)
    assert first.outcome is second.outcome is Outcome.PENDING

    box.append("c", padding=1000)

    assert (first.outcome, second.reason) == (Outcome.PENDING, "spool_full")
    assert box.outbox.restore(batch, encoded("a"), DropReason.SPOOL_LOST)
    box.check()


def test_the_end_leaves_on_disk_what_is_not_delivered(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """What is sent, what waits, and what is open; all told so."""
    box = make_box(max_batch_events=2)
    receipts = [box.append("a", "b"), box.append("c", "d"), box.append("e")]
    batch = box.take()
    box.outbox.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)

    assert not box.outbox.close(DropReason.SHUTDOWN)

    assert {receipt.outcome for receipt in receipts} == {Outcome.SPOOLED}
    assert box.stats.spooled == 5
    assert box.stats.dropped == {}
    assert segments(directory) == 3
    box.check()


def test_the_end_gives_up_what_is_not_on_disk(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """As without a spool."""
    box = make_box()
    with largest_file(8):
        receipt = box.append("a")

    box.outbox.close(DropReason.SHUTDOWN)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "shutdown")
    assert segments(directory) == 0
    box.check()


def test_halves_on_disk_are_kept_whole_at_the_end(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """The next process sends all of it again; a store drops the copies by their ids."""
    box = make_box(max_batch_events=2)
    receipt = box.append("a", "b")
    batch = box.take()
    box.outbox.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)
    box.outbox.split(batch)
    box.check()
    box.settled()

    box.outbox.close(DropReason.SHUTDOWN)

    assert receipt.outcome is Outcome.PARTIAL
    assert (box.stats.delivered, box.stats.spooled) == (1, 1)
    assert segments(directory) == 1
    box.check()


def test_halves_are_deleted_with_the_last(make_box: Callable[..., Box], directory: Path) -> None:
    """Not before."""
    box = make_box(max_batch_events=2)
    box.append("a", "b")
    batch = box.take()
    box.outbox.restore(batch, encoded("a", "b"), DropReason.SPOOL_LOST)
    box.outbox.split(batch)

    box.settled()
    assert segments(directory) == 1
    box.settled()

    assert segments(directory) == 0


def test_a_directory_removed_while_running_costs_nothing_that_is_still_open(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """Nor does it stop what comes after."""
    box = make_box(max_batch_events=2)
    box.append("a", "b")
    shutil.rmtree(directory)

    box.append("c", "d", "e")

    assert segments(directory) == 2
    box.check()


def test_a_new_process_begins_empty(make_box: Callable[..., Box], directory: Path) -> None:
    """What its parent holds, the parent sends; and its files are the parent's."""
    box = make_box(max_batch_events=2)
    box.append("a", "b", "c")
    before = segments(directory)

    box.counters.after_fork()
    box.outbox.after_fork()

    assert box.outbox.take(tidy_at=0.0) is WorkerTask.TIDY
    assert box.stats.accepted == 0
    assert segments(directory) == before
    box.check()


def test_a_new_process_keeps_no_file_of_its_parent_open(make_box: Callable[..., Box]) -> None:
    """Or the disk that the parent frees would not be free."""
    box = make_box()
    box.append("a")
    batch = box.outbox._open
    assert batch is not None
    assert batch._writer is not None
    descriptor = batch._writer._descriptor

    box.outbox.after_fork()

    assert not Path(f"/proc/self/fd/{descriptor}").exists()


def test_the_child_of_a_process_that_was_shut_down_is_shut_down() -> None:
    """The end is final."""
    box = Box()
    box.outbox.close(DropReason.SHUTDOWN)

    box.outbox.after_fork()

    assert box.append("a").reason == "destroyed"


def test_an_open_segment_that_is_removed_is_not_relied_on(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """Its records stay in memory while they wait: nothing of a live process is lost."""
    box = make_box(max_batch_events=2)
    box.append("a")
    shutil.rmtree(directory)
    receipt = box.append("b")
    batch = box.take()

    box.outbox.postpone(batch, RetryDelay(seconds=0.0))

    assert not batch.fate.is_on_disk
    assert box.settled() == ["a", "b"]
    assert receipt.outcome is Outcome.DELIVERED
    box.check()


def test_the_end_leaves_what_a_full_disk_took(
    make_box: Callable[..., Box], make_spool: Callable[..., Spool], directory: Path
) -> None:
    """An orderly end costs no more than a kill: what was written stays, the rest is counted."""
    box = make_box()
    box.append("a", "b")
    size = next(directory.glob("*.seg")).stat().st_size
    with largest_file(size + 3):
        receipt = box.append("c")

    assert not box.outbox.close(DropReason.SHUTDOWN)

    box.check()
    assert (box.stats.spooled, box.stats.dropped) == (2, {"shutdown": 1})
    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "shutdown")
    content = make_spool().read(str(next(directory.glob("*.seg"))))
    assert content is not None
    assert len(content.records) == 2


def test_halves_of_what_a_full_disk_took_in_part_are_given_up_at_the_end(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """Nobody can say which half of them is on disk."""
    box = make_box()
    box.append("a", "b")
    with largest_file(next(directory.glob("*.seg")).stat().st_size):
        box.append("c")
    box.outbox.flush(0)
    box.outbox.split(box.take())

    assert not box.outbox.close(DropReason.SHUTDOWN)

    box.check()
    assert box.stats.dropped == {"shutdown": 3}
    assert segments(directory) == 0
