"""The courier with a spool: batches that left memory, and what dead processes left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.receipt import Outcome
from tests.support.desk import Desk
from tests.support.scripted import RETRY, ScriptedTransport, record
from tests.support.spools import AGE, no_more_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


@pytest.fixture
def make_desk(make_spool: Callable[..., Spool]) -> Callable[..., Desk]:
    """Make couriers with spools of their own on one directory."""
    return lambda *transport, **settings: Desk(*transport, spool=make_spool(), **settings)


def leave_behind(make_desk: Callable[..., Desk], *names: str) -> None:
    """Leave each of these events in a segment of a process that is gone."""
    desk = make_desk(max_batch_events=1)
    desk.append(*names)
    desk.outbox.close("shutdown")
    assert desk.outbox._spool is not None
    desk.outbox._spool.close()


def segments(directory: Path) -> list[Path]:
    """List the segments, oldest first."""
    return sorted(directory.glob("*.seg"))


def test_a_batch_is_sent_from_its_segment(make_desk: Callable[..., Desk], directory: Path) -> None:
    """And the segment is deleted."""
    desk = make_desk(max_batch_events=2)
    receipt = desk.append("a", "b")

    desk.run()

    assert desk.arrived == ["a", "b"]
    assert receipt.outcome is Outcome.DELIVERED
    assert segments(directory) == []


def test_a_batch_is_sent_as_often_as_it_takes(make_desk: Callable[..., Desk]) -> None:
    """In and out of memory."""
    transport = ScriptedTransport(RETRY, RETRY)
    desk = make_desk(transport, max_batch_events=2)
    desk.append("a", "b")

    while desk.stats.pending:
        desk.turn()
        desk.clock.advance(300)

    assert transport.requests == [["a", "b"]] * 3


def test_what_dead_processes_left_is_sent_in_one_request(
    make_desk: Callable[..., Desk], directory: Path
) -> None:
    """Counted as recovered, and deleted."""
    leave_behind(make_desk, "a", "b")
    leave_behind(make_desk, "c")
    desk = make_desk()

    desk.turn()

    assert desk.transport.requests == [["a", "b", "c"]]
    assert (desk.stats.recovered, desk.stats.delivered) == (3, 3)
    assert segments(directory) == []


def test_a_backlog_never_starves_what_is_fresh(make_desk: Callable[..., Desk]) -> None:
    """What is due goes first, and the backlog in between."""
    leave_behind(make_desk, *"abcdef")
    desk = make_desk(max_batch_events=1)
    for number in range(6):
        desk.append(f"fresh{number}")
        desk.turn()
        desk.turn()

    assert desk.arrived == [
        name for number in range(6) for name in (f"fresh{number}", "abcdef"[number])
    ]


def test_a_backlog_waits_while_the_backend_is_not_to_be_asked(
    make_desk: Callable[..., Desk],
) -> None:
    """A failure is a failure for all; and it is tried again as one batch."""
    leave_behind(make_desk, "a", "b")
    desk = make_desk(ScriptedTransport(RETRY), max_batch_events=1)
    desk.turn()
    desk.append("c")
    desk.turn()
    desk.turn()
    desk.turn()

    assert desk.transport.requests == [["a"], ["a"], ["c"], ["b"]]


def test_the_spool_is_looked_through_once_a_minute(make_desk: Callable[..., Desk]) -> None:
    """A process may die while this one runs."""
    desk = make_desk()
    desk.turn()
    leave_behind(make_desk, "a")

    desk.clock.advance(60)
    desk.turn()

    assert desk.arrived == ["a"]


def test_where_there_is_much_to_take_over_it_does_not_take_minutes(
    make_desk: Callable[..., Desk], directory: Path
) -> None:
    """As many as can be taken at once, and then the next."""
    leave_behind(make_desk, "a")
    (segment,) = segments(directory)
    for number in range(150):
        copy = directory / f"18ab0000{number:08x}-1-0123abcd-00000000.seg"
        copy.write_bytes(segment.read_bytes())
    desk = make_desk()

    for _ in range(4):
        desk.turn()

    assert len(desk.arrived) == 151
    assert segments(directory) == []


def test_there_may_be_nothing_to_look_after(make_desk: Callable[..., Desk]) -> None:
    """Then nothing is sent."""
    desk = make_desk()
    desk.turn()

    assert desk.transport.requests == []
    assert desk.connected == 0


def test_what_is_recovered_as_the_end_comes_stays(
    make_desk: Callable[..., Desk], directory: Path
) -> None:
    """For the next process."""
    leave_behind(make_desk, "a")
    desk = make_desk()
    assert desk.courier._recovery is not None
    give = desk.courier._recovery.next_batch

    def close_first(opened: float) -> object:
        desk.outbox.close("shutdown")
        return give(opened)

    desk.courier._recovery.next_batch = close_first  # type: ignore[method-assign,assignment]  # the moment between two calls
    desk.turn()

    assert desk.stats.accepted == 0
    assert len(segments(directory)) == 1


def test_a_batch_whose_segment_is_gone_is_counted(
    make_desk: Callable[..., Desk], directory: Path
) -> None:
    """And no request is made of nothing."""
    desk = make_desk(max_batch_events=1)
    receipt = desk.append("a")
    segments(directory)[0].unlink()

    desk.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "spool_lost")
    assert desk.transport.requests == []


def test_a_batch_whose_segment_is_damaged_is_sent_as_far_as_it_goes(
    make_desk: Callable[..., Desk], directory: Path
) -> None:
    """The rest is counted."""
    desk = make_desk(max_batch_events=3)
    receipt = desk.append("a", "b", "c")
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes().replace(record("b"), record("x")))

    desk.turn()

    assert desk.arrived == ["a", "c"]
    assert receipt.outcome is Outcome.PARTIAL
    assert desk.stats.dropped == {"spool_lost": 1}


def test_a_batch_that_waited_too_long_is_given_up(make_desk: Callable[..., Desk]) -> None:
    """By the clock that nobody sets."""
    desk = make_desk(max_batch_events=1)
    receipt = desk.append("a")
    desk.clock.advance(AGE + 1)

    desk.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "expired")
    assert desk.transport.requests == []


@pytest.mark.parametrize("moment", [0.0, 2.0**32])
def test_a_wall_clock_that_is_set_costs_no_event_of_a_live_process(
    make_desk: Callable[..., Desk], directory: Path, moment: float
) -> None:
    """A machine without a battery learns the time after it has begun to work."""
    desk = make_desk(max_batch_events=1)
    desk.append("a")
    os.utime(segments(directory)[0], (moment, moment))

    desk.turn()

    assert desk.arrived == ["a"]


def test_for_want_of_file_descriptors_a_batch_waits(
    make_desk: Callable[..., Desk], said: Callable[[], list[str]]
) -> None:
    """It is neither lost nor tried without a pause."""
    desk = make_desk(max_batch_events=1)
    receipt = desk.append("a")
    with no_more_files():
        desk.turn()
    assert str(receipt.outcome) == str(Outcome.PENDING)
    assert desk.outbox.pace.not_before == desk.clock.now + 1.0

    desk.turn()

    assert receipt.outcome is Outcome.DELIVERED
    assert said() == ["Too many open files"]


def test_trouble_with_the_spool_is_logged_by_the_courier(
    make_spool: Callable[..., Spool], said: Callable[[], list[str]]
) -> None:
    """Outside the outbox's lock, for a handler of the log may come back for it."""
    desk = Desk(spool=make_spool(Path("/proc/telemetry")))
    desk.append("a")
    assert said() == []

    desk.turn()

    assert said() == ["No such file or directory"]
    assert desk.arrived == ["a"]


def test_without_a_recovery_what_left_memory_is_lost_and_counted(
    make_spool: Callable[..., Spool],
) -> None:
    """The parts fit together in one way only; any other is no crash."""
    desk = Desk(spool=make_spool(), max_batch_events=1)
    desk.courier._recovery = None
    receipt = desk.append("a")

    desk.turn()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "spool_lost")
