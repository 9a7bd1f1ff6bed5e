"""The worker with a spool: batches on disk, and segments of dead processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import DropReason
from tests.support.scripted import RETRY, ScriptedTransport, record
from tests.support.spools import AGE, no_more_files
from tests.support.workers import WorkerHarness

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


@pytest.fixture
def make_harness(make_spool: Callable[..., Spool]) -> Callable[..., WorkerHarness]:
    """Make workers with spools of their own on one directory."""
    return lambda *transport, **settings: WorkerHarness(*transport, spool=make_spool(), **settings)


def leave_behind(make_harness: Callable[..., WorkerHarness], *names: str) -> None:
    """Write each of these events to a segment of a dead process."""
    harness = make_harness(max_batch_events=1)
    harness.append(*names)
    harness.queue.close(DropReason.SHUTDOWN)
    assert harness.queue._spool is not None
    harness.queue._spool.close()


def segments(directory: Path) -> list[Path]:
    """List the segments, oldest first."""
    return sorted(directory.glob("*.seg"))


def test_batch_is_sent_from_its_segment(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The segment is deleted after the delivery."""
    harness = make_harness(max_batch_events=2)
    receipt = harness.append("a", "b")

    harness.run()

    assert harness.arrived == ["a", "b"]
    assert receipt.outcome is Outcome.DELIVERED
    assert segments(directory) == []


def test_spooled_batch_is_retried_until_delivered(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """The batch is loaded for each request and leaves memory after it."""
    transport = ScriptedTransport(RETRY, RETRY)
    harness = make_harness(transport, max_batch_events=2)
    harness.append("a", "b")

    while harness.stats.pending:
        harness.turn()
        harness.clock.advance(300)

    assert transport.requests == [["a", "b"]] * 3


def test_segments_of_dead_processes_are_sent_in_one_request(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The events are counted as recovered, and the segments are deleted."""
    leave_behind(make_harness, "a", "b")
    leave_behind(make_harness, "c")
    harness = make_harness()

    harness.turn()

    assert harness.transport.requests == [["a", "b", "c"]]
    assert (harness.stats.recovered, harness.stats.delivered) == (3, 3)
    assert segments(directory) == []


def test_backlog_does_not_starve_new_batches(make_harness: Callable[..., WorkerHarness]) -> None:
    """Due batches are sent first, and the backlog in between."""
    leave_behind(make_harness, *"abcdef")
    harness = make_harness(max_batch_events=1)
    for number in range(6):
        harness.append(f"fresh{number}")
        harness.turn()
        harness.turn()

    assert harness.arrived == [
        name for number in range(6) for name in (f"fresh{number}", "abcdef"[number])
    ]


def test_backlog_waits_during_a_backoff(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """A failure delays every request. The backlog is retried as one batch."""
    leave_behind(make_harness, "a", "b")
    harness = make_harness(ScriptedTransport(RETRY), max_batch_events=1)
    harness.turn()
    harness.append("c")
    harness.turn()
    harness.turn()
    harness.turn()

    assert harness.transport.requests == [["a"], ["a"], ["c"], ["b"]]


def test_spool_is_scanned_once_a_minute(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """A process may die while this process runs."""
    harness = make_harness()
    harness.turn()
    leave_behind(make_harness, "a")

    harness.clock.advance(60)
    harness.turn()

    assert harness.arrived == ["a"]


def test_claims_continue_at_once_while_orphans_remain(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """Each scan claims up to the limit, and the next one follows directly."""
    leave_behind(make_harness, "a")
    (segment,) = segments(directory)
    for number in range(150):
        copy = directory / f"18ab0000{number:08x}-1-0123abcd-00000000.seg"
        copy.write_bytes(segment.read_bytes())
    harness = make_harness()

    for _ in range(4):
        harness.turn()

    assert len(harness.arrived) == 151
    assert segments(directory) == []


def test_worker_without_recovery_sends_nothing_of_the_spool(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """No request is made."""
    harness = make_harness()
    harness.turn()

    assert harness.transport.requests == []
    assert harness.connected == 0


def test_segments_recovered_during_shutdown_stay_on_disk(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The next process sends them."""
    leave_behind(make_harness, "a")
    harness = make_harness()
    assert harness.worker._recovery is not None
    give = harness.worker._recovery.next_batch

    def close_first(opened_at: float) -> object:
        harness.queue.close(DropReason.SHUTDOWN)
        return give(opened_at)

    harness.worker._recovery.next_batch = close_first  # type: ignore[method-assign,assignment]  # the moment between two calls
    harness.turn()

    assert harness.stats.accepted == 0
    assert len(segments(directory)) == 1


def test_batch_with_a_missing_segment_is_counted_as_lost(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """No empty request is made."""
    harness = make_harness(max_batch_events=1)
    receipt = harness.append("a")
    segments(directory)[0].unlink()

    harness.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "spool_lost")
    assert harness.transport.requests == []


def test_batch_with_a_damaged_segment_sends_its_readable_records(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The damaged records are counted as lost."""
    harness = make_harness(max_batch_events=3)
    receipt = harness.append("a", "b", "c")
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes().replace(record("b"), record("x")))

    harness.turn()

    assert harness.arrived == ["a", "c"]
    assert receipt.outcome is Outcome.PARTIAL
    assert harness.stats.dropped == {"spool_lost": 1}


def test_batch_older_than_max_age_is_dropped(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """The age is measured on the monotonic clock."""
    harness = make_harness(max_batch_events=1)
    receipt = harness.append("a")
    harness.clock.advance(AGE + 1)

    harness.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "expired")
    assert harness.transport.requests == []


@pytest.mark.parametrize("moment", [0.0, 2.0**32])
def test_changed_wall_clock_drops_no_event_of_a_live_process(
    make_harness: Callable[..., WorkerHarness], directory: Path, moment: float
) -> None:
    """A machine without a battery learns the time after programs have started."""
    harness = make_harness(max_batch_events=1)
    harness.append("a")
    os.utime(segments(directory)[0], (moment, moment))

    harness.turn()

    assert harness.arrived == ["a"]


def test_batch_waits_while_no_file_descriptor_is_free(
    make_harness: Callable[..., WorkerHarness], log_messages: Callable[[], list[str]]
) -> None:
    """The batch is neither lost nor retried without a pause."""
    harness = make_harness(max_batch_events=1)
    receipt = harness.append("a")
    with no_more_files():
        harness.turn()
    assert str(receipt.outcome) == str(Outcome.PENDING)
    assert harness.queue.schedule.not_before == harness.clock.now + 1.0

    harness.turn()

    assert receipt.outcome is Outcome.DELIVERED
    assert log_messages() == ["Too many open files"]


def test_spool_errors_are_logged_outside_the_queue_lock(
    make_spool: Callable[..., Spool], log_messages: Callable[[], list[str]]
) -> None:
    """A log handler may call the queue."""
    harness = WorkerHarness(spool=make_spool(Path("/proc/telemetry")))
    harness.append("a")
    assert log_messages() == []

    harness.turn()

    assert log_messages() == ["No such file or directory"]
    assert harness.arrived == ["a"]


def test_without_recovery_a_batch_out_of_memory_is_counted_as_lost(
    make_spool: Callable[..., Spool],
) -> None:
    """The parts do not occur in this combination, but it must not crash."""
    harness = WorkerHarness(spool=make_spool(), max_batch_events=1)
    harness.worker._recovery = None
    receipt = harness.append("a")

    harness.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "spool_lost")
