"""The counts and their snapshots."""

from __future__ import annotations

import json
import pickle
import threading
from dataclasses import FrozenInstanceError, asdict

import pytest

from otel_telemetry.stats import Correction, Counters, Disposition, DropReason, Stats


def _hold(counters: Counters) -> None:
    """Leave the lock held by a thread that is gone, as a fork may."""
    holder = threading.Thread(target=counters.lock.acquire)
    holder.start()
    holder.join()


def _sum(stats: Stats) -> int:
    settled = stats.delivered + stats.spooled + stats.rejected + stats.refused
    return settled + stats.pending + sum(stats.dropped.values())


def test_all_begins_at_zero() -> None:
    """No event, no count."""
    assert Counters().snapshot() == Stats()


def test_a_drop_is_an_event_that_was_accepted_and_lost() -> None:
    """It is counted under its reason."""
    counters = Counters()

    counters.drop(DropReason.INVALID)
    counters.drop(DropReason.INVALID)
    counters.drop(DropReason.DESTROYED)

    stats = counters.snapshot()
    assert stats == Stats(accepted=3, dropped={"invalid": 2, "destroyed": 1})
    assert stats.accepted == _sum(stats)


def test_an_event_handed_over_counts_as_delivered() -> None:
    """An event that another pipeline took is settled."""
    counters = Counters()

    counters.hand_over()

    assert counters.snapshot() == Stats(accepted=1, delivered=1)


def test_corrections_count_flaws_not_events() -> None:
    """An event that went all the same is not dropped."""
    counters = Counters()

    counters.correct(Correction.CUT, 2)
    counters.correct(Correction.CUT)

    assert counters.snapshot() == Stats(corrected={"cut": 3})


def test_a_snapshot_stays_as_it_was() -> None:
    """Later events do not change what was seen."""
    counters = Counters()
    before = counters.snapshot()

    counters.drop(DropReason.INVALID)

    assert before == Stats()
    with pytest.raises(FrozenInstanceError):
        before.accepted = 1  # type: ignore[misc]  # what is tested


def test_a_snapshot_can_be_written_down() -> None:
    """As JSON for a log, as a pickle for another process."""
    counters = Counters()
    counters.drop(DropReason.INVALID)

    stats = counters.snapshot()

    assert json.loads(json.dumps(asdict(stats)))["dropped"] == {"invalid": 1}
    assert pickle.loads(pickle.dumps(stats)) == stats


def test_the_keys_of_a_snapshot_are_plain_strings() -> None:
    """An application compares and logs them without knowing our enumerations."""
    counters = Counters()
    counters.drop(DropReason.INVALID)
    counters.correct(Correction.CUT)
    counters.requests[Disposition.RETRY] += 1

    stats = counters.snapshot()

    keys = [*stats.dropped, *stats.corrected, *stats.requests]
    assert [type(key) for key in keys] == [str] * 3
    assert keys == ["invalid", "cut", "retry"]


def test_a_counted_name_reads_as_its_text() -> None:
    """A log line or an f-string shows the text, on every version of Python."""
    assert f"{DropReason.QUEUE_FULL} {Correction.CUT}" == "queue_full cut"
    assert {DropReason.QUEUE_FULL: 1}["queue_full"] == 1  # type: ignore[index]  # what is tested


def test_a_change_to_a_snapshot_changes_no_count() -> None:
    """The maps in it are copies."""
    counters = Counters()
    counters.drop(DropReason.INVALID)

    asdict(counters.snapshot())["dropped"].clear()
    dropped = counters.snapshot().dropped
    assert isinstance(dropped, dict)
    dropped.clear()

    assert counters.snapshot().dropped == {"invalid": 1}


def test_every_snapshot_adds_up_while_others_count() -> None:
    """It is taken at one instant."""
    counters = Counters()
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            counters.drop(DropReason.INVALID)
            counters.hand_over()

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    snapshots = [counters.snapshot() for _ in range(2000)]
    stop.set()
    for thread in threads:
        thread.join()

    assert all(stats.accepted == _sum(stats) for stats in snapshots)


class TestNewProcess:
    """After a fork."""

    def test_it_begins_at_zero(self) -> None:
        """What the parent counted is the parent's."""
        counters = Counters()
        counters.drop(DropReason.INVALID)
        counters.correct(Correction.CUT)

        counters.after_fork()

        assert counters.snapshot() == Stats()

    def test_a_lock_that_a_thread_of_the_parent_held_is_replaced(self) -> None:
        """That thread does not exist here, and will never let go."""
        counters = Counters()
        _hold(counters)

        counters.after_fork()

        assert counters.snapshot() == Stats()

    def test_those_who_begin_anew_one_after_another_share_one_lock(self) -> None:
        """The batches stay under the lock of the counts, in every order of calls after a fork."""
        counters = Counters()
        _hold(counters)

        counters.after_fork()
        lock_of_the_batches = counters.lock
        counters.after_fork()

        assert counters.lock is lock_of_the_batches
