"""What dead processes left: merged into full requests, within bounds of size and age."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.export.recovery import Recovery
from otel_telemetry.spool.spool import Spool
from tests.support.scripted import queue_limits
from tests.support.spools import AGE, leave, names_in, no_more_files, open_segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.export.batch import Batch

DAY = 24 * 3600.0


class RecoveryHarness:
    """A recovery, with the events that it dropped."""

    def __init__(self, spool: Spool, **limits: int) -> None:
        self.lost: Counter[str] = Counter()
        self.spool = spool
        self.recovery = Recovery(spool, queue_limits(**limits), self._note)

    def _note(self, count: int, reason: str) -> None:
        assert count > 0
        self.lost[reason] += count

    def batches(self) -> list[list[str]]:
        """Scan, and return the names in all batches, which are then delivered."""
        self.recovery.scan()
        found = []
        while self.recovery.has_backlog:
            batch = self.recovery.next_batch(0.0)
            if batch is not None:
                found.append(names(batch))
                for path in batch.result.segments:
                    self.spool.remove(path)
        return found


def names(batch: Batch) -> list[str]:
    """Return the records of a batch, as text."""
    return [bytes(record).decode() for _, _, record in batch.records()]


@pytest.fixture
def make_harness(make_spool: Callable[..., Spool]) -> Callable[..., RecoveryHarness]:
    """Make desks on one directory."""
    return lambda now=None, **limits: RecoveryHarness(
        make_spool() if now is None else make_spool(now=now), **limits
    )


def test_small_segments_become_one_request(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Of all processes: a program that runs a hundred times makes no hundred requests."""
    leave(directory, "1,2", "3")
    leave(directory, "4")

    assert make_harness().batches() == [["1", "2", "3", "4"]]


@pytest.mark.parametrize(
    "limits", [{"max_batch_events": 3}, {"max_batch_bytes": 8}], ids=["events", "bytes"]
)
def test_a_request_is_no_larger_than_any_other(
    make_harness: Callable[..., RecoveryHarness], directory: Path, limits: dict[str, int]
) -> None:
    """By count and by size."""
    leave(directory, "1,2", "3", "4,5", "6")

    assert make_harness(**limits).batches() == [["1", "2", "3"], ["4", "5", "6"]]


def test_a_segment_beyond_the_bounds_goes_by_itself(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """The settings may have changed since it was written."""
    leave(directory, "1", "2,3,4", "5")

    assert make_harness(max_batch_events=2).batches() == [["1"], ["2", "3", "4"], ["5"]]


def test_a_batch_of_recovered_events_is_on_disk(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """All its segments belong to it, and are deleted when it is delivered."""
    leave(directory, "1", "2")
    harness = make_harness()
    harness.recovery.scan()

    batch = harness.recovery.next_batch(0.0)

    assert batch is not None
    assert batch.result.is_on_disk
    assert len(batch.result.segments) == 2


def test_orphans_done_with_are_let_go(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """With the next look, so that their locks do not pile up."""
    leave(directory, "1")
    leave(directory, "2")
    harness = make_harness(max_batch_events=1)
    assert harness.batches() == [["1"], ["2"]]

    assert harness.batches() == []

    assert names_in(directory) == []


def test_an_orphan_is_kept_while_it_is_being_sent(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Looking again neither lets it go nor sends it twice."""
    leave(directory, "1")
    harness = make_harness()
    harness.recovery.scan()
    assert harness.recovery.next_batch(0.0) is not None

    harness.recovery.scan()

    assert not harness.recovery.has_backlog
    assert make_harness().batches() == []


def test_what_is_older_than_it_should_be_is_given_up_and_counted(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """By the time it was last written to."""
    leave(directory, "1,2", "3")
    old = min(directory.glob("*.seg"))
    os.utime(old, (old.stat().st_mtime - 15 * DAY,) * 2)

    harness = make_harness()

    assert harness.batches() == [["3"]]
    assert harness.lost == {"expired": 2}
    assert not old.exists()


@pytest.mark.parametrize("jump", [-10_000 * DAY, -1.0, 13 * DAY])
def test_a_clock_that_was_set_costs_nothing(
    make_harness: Callable[..., RecoveryHarness], directory: Path, jump: float
) -> None:
    """Back by any time, or forth by less than the greatest age."""
    leave(directory, "1")
    written = next(directory.glob("*.seg")).stat().st_mtime

    harness = make_harness(now=lambda: written + jump)

    assert harness.batches() == [["1"]]


def test_beyond_its_room_the_oldest_goes_first(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Counted, and no more than has to."""
    leave(directory, "1" * 1000, "2" * 1000)
    leave(directory, "3" * 1000)

    harness = make_harness(spool_max_bytes=2500)

    assert harness.batches() == [["2" * 1000, "3" * 1000]]
    assert harness.lost == {"spool_full": 1}


def test_where_there_is_no_room_at_all_everything_goes(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """But the segments of the living stay, however much they are."""
    leave(directory, "1" * 1000)
    alive = Spool(str(directory), max_age=AGE)
    open_segment(alive).append(b"r", b"s", b"2" * 4000)

    harness = make_harness(spool_max_bytes=10)

    assert harness.batches() == []
    assert harness.lost == {"spool_full": 1}
    assert alive.size() > 4000
    alive.close()


def test_a_damaged_segment_costs_its_damaged_records(
    make_harness: Callable[..., RecoveryHarness],
    directory: Path,
    log_messages: Callable[[], list[str]],
) -> None:
    """The rest is sent, and what is lost is counted."""
    leave(directory, "first,second,third")
    path = next(directory.glob("*.seg"))
    path.write_bytes(path.read_bytes().replace(b"second", b"SECOND"))

    harness = make_harness()

    assert harness.batches() == [["first", "third"]]
    assert harness.lost == {"spool_lost": 1}
    assert len(log_messages()) == 1


def test_a_torn_segment_is_sent_as_far_as_it_goes(
    make_harness: Callable[..., RecoveryHarness],
    directory: Path,
    log_messages: Callable[[], list[str]],
) -> None:
    """Nothing is counted as lost: the `send` of what is torn off never returned."""
    leave(directory, "first,second")
    path = next(directory.glob("*.seg"))
    path.write_bytes(path.read_bytes()[:-1])

    harness = make_harness()

    assert harness.batches() == [["first"]]
    assert harness.lost == {}
    assert len(log_messages()) == 1


def test_a_segment_without_records_is_removed(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Its process died before its first record was written."""
    leave(directory, "1", "2")
    for path in directory.glob("*.seg"):
        path.write_bytes(path.read_bytes()[:8])

    assert make_harness().batches() == []
    assert list(directory.glob("*.seg")) == []


def test_a_segment_of_a_newer_version_stays(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """For a version that can read it, until it expires."""
    leave(directory, "1", "2")
    path = min(directory.glob("*.seg"))
    path.write_bytes(b"otlpseg\x02" + path.read_bytes()[8:])
    harness = make_harness()

    assert harness.batches() == [["2"]]
    assert harness.batches() == []
    assert path.exists()
    # One that can read it need not wait for the end of this process.
    newer = make_harness().spool
    assert len(newer.claim_abandoned()) == 1
    newer.close()
    harness.spool.close()
    os.utime(path, (path.stat().st_mtime - 15 * DAY,) * 2)
    assert make_harness().batches() == []
    assert not path.exists()
    assert harness.lost == {}


def test_a_segment_removed_meanwhile_is_passed_over(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Somebody tidied up."""
    leave(directory, "1", "2")
    harness = make_harness()
    harness.recovery.scan()
    min(directory.glob("*.seg")).unlink()

    batch = harness.recovery.next_batch(0.0)

    assert batch is not None
    assert names(batch) == ["2"]


def test_what_cannot_be_read_now_is_read_later(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """With the next look, not again and again at once."""
    leave(directory, "1", "2")
    harness = make_harness()
    harness.recovery.scan()
    with no_more_files():
        assert harness.recovery.next_batch(0.0) is None
    assert not harness.recovery.has_backlog

    assert harness.batches() == [["1", "2"]]


def test_what_cannot_be_read_now_may_still_have_to_go(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """An expired segment is deleted, also when its events cannot be counted."""
    leave(directory, "1")
    path = next(directory.glob("*.seg"))
    os.utime(path, (path.stat().st_mtime - 15 * DAY,) * 2)
    harness = make_harness()
    harness.recovery.scan()

    with no_more_files():
        assert harness.recovery.next_batch(0.0) is None

    assert list(directory.glob("*.seg")) == []
