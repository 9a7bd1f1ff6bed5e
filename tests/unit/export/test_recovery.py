"""Recovery: segments of dead processes become full requests, within limits of size and age."""

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
    """A recovery, with counts of the events that it dropped."""

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
    """Make recoveries on one directory."""
    return lambda now=None, **limits: RecoveryHarness(
        make_spool() if now is None else make_spool(now=now), **limits
    )


def test_small_segments_are_merged_into_one_request(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Segments of all processes are merged: a hundred short runs make no hundred requests."""
    leave(directory, "1,2", "3")
    leave(directory, "4")

    assert make_harness().batches() == [["1", "2", "3", "4"]]


@pytest.mark.parametrize(
    "limits", [{"max_batch_events": 3}, {"max_batch_bytes": 8}], ids=["events", "bytes"]
)
def test_recovered_request_keeps_the_batch_limits(
    make_harness: Callable[..., RecoveryHarness], directory: Path, limits: dict[str, int]
) -> None:
    """The limits are the number of events and the size."""
    leave(directory, "1,2", "3", "4,5", "6")

    assert make_harness(**limits).batches() == [["1", "2", "3"], ["4", "5", "6"]]


def test_segment_beyond_the_batch_limits_is_sent_alone(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """The settings may have changed since it was written."""
    leave(directory, "1", "2,3,4", "5")

    assert make_harness(max_batch_events=2).batches() == [["1"], ["2", "3", "4"], ["5"]]


def test_recovered_batch_deletes_its_segments_on_delivery(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """The batch owns all segments that it was merged from."""
    leave(directory, "1", "2")
    harness = make_harness()
    harness.recovery.scan()

    batch = harness.recovery.next_batch(0.0)

    assert batch is not None
    assert batch.result.is_on_disk
    assert len(batch.result.segments) == 2


def test_delivered_orphans_release_their_locks(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """The next scan releases them, so that locks do not accumulate."""
    leave(directory, "1")
    leave(directory, "2")
    harness = make_harness(max_batch_events=1)
    assert harness.batches() == [["1"], ["2"]]

    assert harness.batches() == []

    assert names_in(directory) == []


def test_orphan_stays_claimed_while_it_is_being_sent(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Another scan neither releases it nor sends it twice."""
    leave(directory, "1")
    harness = make_harness()
    harness.recovery.scan()
    assert harness.recovery.next_batch(0.0) is not None

    harness.recovery.scan()

    assert not harness.recovery.has_backlog
    assert make_harness().batches() == []


def test_segment_older_than_max_age_is_dropped_and_counted(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """The age counts from the last write."""
    leave(directory, "1,2", "3")
    old = min(directory.glob("*.seg"))
    os.utime(old, (old.stat().st_mtime - 15 * DAY,) * 2)

    harness = make_harness()

    assert harness.batches() == [["3"]]
    assert harness.lost == {"expired": 2}
    assert not old.exists()


@pytest.mark.parametrize("jump", [-10_000 * DAY, -1.0, 13 * DAY])
def test_changed_clock_expires_no_segment(
    make_harness: Callable[..., RecoveryHarness], directory: Path, jump: float
) -> None:
    """The clock is set back by any time, or forward by less than the maximum age."""
    leave(directory, "1")
    written = next(directory.glob("*.seg")).stat().st_mtime

    harness = make_harness(now=lambda: written + jump)

    assert harness.batches() == [["1"]]


def test_spool_full_drops_the_oldest_segment_first(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """The dropped events are counted, and no more are dropped than necessary."""
    leave(directory, "1" * 1000, "2" * 1000)
    leave(directory, "3" * 1000)

    harness = make_harness(spool_max_bytes=2500)

    assert harness.batches() == [["2" * 1000, "3" * 1000]]
    assert harness.lost == {"spool_full": 1}


def test_spool_without_space_drops_every_orphan(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Segments of living processes stay, and their size does not matter."""
    leave(directory, "1" * 1000)
    alive = Spool(str(directory), max_age=AGE)
    open_segment(alive).append(b"r", b"s", b"2" * 4000)

    harness = make_harness(spool_max_bytes=10)

    assert harness.batches() == []
    assert harness.lost == {"spool_full": 1}
    assert alive.size() > 4000
    alive.close()


def test_damaged_segment_loses_only_its_damaged_records(
    make_harness: Callable[..., RecoveryHarness],
    directory: Path,
    log_messages: Callable[[], list[str]],
) -> None:
    """The other records are sent, and lost records are counted."""
    leave(directory, "first,second,third")
    path = next(directory.glob("*.seg"))
    path.write_bytes(path.read_bytes().replace(b"second", b"SECOND"))

    harness = make_harness()

    assert harness.batches() == [["first", "third"]]
    assert harness.lost == {"spool_lost": 1}
    assert len(log_messages()) == 1


def test_torn_segment_is_sent_up_to_the_tear(
    make_harness: Callable[..., RecoveryHarness],
    directory: Path,
    log_messages: Callable[[], list[str]],
) -> None:
    """Nothing is counted as lost: the `send` of the torn record never returned."""
    leave(directory, "first,second")
    path = next(directory.glob("*.seg"))
    path.write_bytes(path.read_bytes()[:-1])

    harness = make_harness()

    assert harness.batches() == [["first"]]
    assert harness.lost == {}
    assert len(log_messages()) == 1


def test_segment_without_records_is_removed(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """The process died before it wrote its first record."""
    leave(directory, "1", "2")
    for path in directory.glob("*.seg"):
        path.write_bytes(path.read_bytes()[:8])

    assert make_harness().batches() == []
    assert list(directory.glob("*.seg")) == []


def test_segment_of_a_newer_version_stays_until_it_expires(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """A newer version of the library can read it."""
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


def test_segment_removed_meanwhile_is_skipped(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Another program cleaned up the directory."""
    leave(directory, "1", "2")
    harness = make_harness()
    harness.recovery.scan()
    min(directory.glob("*.seg")).unlink()

    batch = harness.recovery.next_batch(0.0)

    assert batch is not None
    assert names(batch) == ["2"]


def test_unreadable_segment_is_retried_with_the_next_scan(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """It is not retried in a loop."""
    leave(directory, "1", "2")
    harness = make_harness()
    harness.recovery.scan()
    with no_more_files():
        assert harness.recovery.next_batch(0.0) is None
    assert not harness.recovery.has_backlog

    assert harness.batches() == [["1", "2"]]


def test_unreadable_segment_is_deleted_when_it_expires(
    make_harness: Callable[..., RecoveryHarness], directory: Path
) -> None:
    """Its events cannot be counted."""
    leave(directory, "1")
    path = next(directory.glob("*.seg"))
    os.utime(path, (path.stat().st_mtime - 15 * DAY,) * 2)
    harness = make_harness()
    harness.recovery.scan()

    with no_more_files():
        assert harness.recovery.next_batch(0.0) is None

    assert list(directory.glob("*.seg")) == []
