"""The worker with a spool: batches that left memory, and what dead processes left."""

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
    """Leave each of these events in a segment of a process that is gone."""
    harness = make_harness(max_batch_events=1)
    harness.append(*names)
    harness.queue.close(DropReason.SHUTDOWN)
    assert harness.queue._spool is not None
    harness.queue._spool.close()


def segments(directory: Path) -> list[Path]:
    """List the segments, oldest first."""
    return sorted(directory.glob("*.seg"))


def test_a_batch_is_sent_from_its_segment(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """And the segment is deleted."""
    harness = make_harness(max_batch_events=2)
    receipt = harness.append("a", "b")

    harness.run()

    assert harness.arrived == ["a", "b"]
    assert receipt.outcome is Outcome.DELIVERED
    assert segments(directory) == []


def test_a_batch_is_sent_as_often_as_it_takes(make_harness: Callable[..., WorkerHarness]) -> None:
    """In and out of memory."""
    transport = ScriptedTransport(RETRY, RETRY)
    harness = make_harness(transport, max_batch_events=2)
    harness.append("a", "b")

    while harness.stats.pending:
        harness.turn()
        harness.clock.advance(300)

    assert transport.requests == [["a", "b"]] * 3


def test_what_dead_processes_left_is_sent_in_one_request(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """Counted as recovered, and deleted."""
    leave_behind(make_harness, "a", "b")
    leave_behind(make_harness, "c")
    harness = make_harness()

    harness.turn()

    assert harness.transport.requests == [["a", "b", "c"]]
    assert (harness.stats.recovered, harness.stats.delivered) == (3, 3)
    assert segments(directory) == []


def test_a_backlog_never_starves_what_is_fresh(make_harness: Callable[..., WorkerHarness]) -> None:
    """What is due goes first, and the backlog in between."""
    leave_behind(make_harness, *"abcdef")
    harness = make_harness(max_batch_events=1)
    for number in range(6):
        harness.append(f"fresh{number}")
        harness.turn()
        harness.turn()

    assert harness.arrived == [
        name for number in range(6) for name in (f"fresh{number}", "abcdef"[number])
    ]


def test_a_backlog_waits_while_the_backend_is_not_to_be_asked(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """A failure is a failure for all; and it is tried again as one batch."""
    leave_behind(make_harness, "a", "b")
    harness = make_harness(ScriptedTransport(RETRY), max_batch_events=1)
    harness.turn()
    harness.append("c")
    harness.turn()
    harness.turn()
    harness.turn()

    assert harness.transport.requests == [["a"], ["a"], ["c"], ["b"]]


def test_the_spool_is_looked_through_once_a_minute(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """A process may die while this one runs."""
    harness = make_harness()
    harness.turn()
    leave_behind(make_harness, "a")

    harness.clock.advance(60)
    harness.turn()

    assert harness.arrived == ["a"]


def test_where_there_is_much_to_take_over_it_does_not_take_minutes(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """As many as can be taken at once, and then the next."""
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


def test_there_may_be_nothing_to_look_after(make_harness: Callable[..., WorkerHarness]) -> None:
    """Then nothing is sent."""
    harness = make_harness()
    harness.turn()

    assert harness.transport.requests == []
    assert harness.connected == 0


def test_what_is_recovered_as_the_end_comes_stays(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """For the next process."""
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


def test_a_batch_whose_segment_is_gone_is_counted(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """And no request is made of nothing."""
    harness = make_harness(max_batch_events=1)
    receipt = harness.append("a")
    segments(directory)[0].unlink()

    harness.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "spool_lost")
    assert harness.transport.requests == []


def test_a_batch_whose_segment_is_damaged_is_sent_as_far_as_it_goes(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The rest is counted."""
    harness = make_harness(max_batch_events=3)
    receipt = harness.append("a", "b", "c")
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes().replace(record("b"), record("x")))

    harness.turn()

    assert harness.arrived == ["a", "c"]
    assert receipt.outcome is Outcome.PARTIAL
    assert harness.stats.dropped == {"spool_lost": 1}


def test_a_batch_that_waited_too_long_is_given_up(
    make_harness: Callable[..., WorkerHarness],
) -> None:
    """By the monotonic clock."""
    harness = make_harness(max_batch_events=1)
    receipt = harness.append("a")
    harness.clock.advance(AGE + 1)

    harness.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "expired")
    assert harness.transport.requests == []


@pytest.mark.parametrize("moment", [0.0, 2.0**32])
def test_a_wall_clock_that_is_set_costs_no_event_of_a_live_process(
    make_harness: Callable[..., WorkerHarness], directory: Path, moment: float
) -> None:
    """A machine without a battery learns the time after it has begun to work."""
    harness = make_harness(max_batch_events=1)
    harness.append("a")
    os.utime(segments(directory)[0], (moment, moment))

    harness.turn()

    assert harness.arrived == ["a"]


def test_for_want_of_file_descriptors_a_batch_waits(
    make_harness: Callable[..., WorkerHarness], log_messages: Callable[[], list[str]]
) -> None:
    """It is neither lost nor tried without a pause."""
    harness = make_harness(max_batch_events=1)
    receipt = harness.append("a")
    with no_more_files():
        harness.turn()
    assert str(receipt.outcome) == str(Outcome.PENDING)
    assert harness.queue.schedule.not_before == harness.clock.now + 1.0

    harness.turn()

    assert receipt.outcome is Outcome.DELIVERED
    assert log_messages() == ["Too many open files"]


def test_trouble_with_the_spool_is_logged_by_the_worker(
    make_spool: Callable[..., Spool], log_messages: Callable[[], list[str]]
) -> None:
    """Outside the queue's lock, for a handler of the log may come back for it."""
    harness = WorkerHarness(spool=make_spool(Path("/proc/telemetry")))
    harness.append("a")
    assert log_messages() == []

    harness.turn()

    assert log_messages() == ["No such file or directory"]
    assert harness.arrived == ["a"]


def test_without_a_recovery_what_left_memory_is_lost_and_counted(
    make_spool: Callable[..., Spool],
) -> None:
    """The parts fit together in one way only; any other is no crash."""
    harness = WorkerHarness(spool=make_spool(), max_batch_events=1)
    harness.worker._recovery = None
    receipt = harness.append("a")

    harness.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "spool_lost")
