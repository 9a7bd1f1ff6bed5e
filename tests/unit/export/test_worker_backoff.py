"""The worker and other processes on one directory: they share one backoff."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry.export.backoff import RetryDelay
from otel_telemetry.export.result import ExportResult
from otel_telemetry.receipt import Outcome
from otel_telemetry.spool.layout import BACKOFF_STATE, PROBE_LOCK
from otel_telemetry.stats import Disposition, DropReason
from tests.support.scripted import REFUSED, RETRY, TOO_LARGE, Clock, ScriptedTransport
from tests.support.spools import largest_file
from tests.support.waiting import wait_until
from tests.support.workers import WorkerHarness

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool

NOW: Final = 1.8e9
LONG_OUTAGE: Final = f"1 {NOW - 900} {NOW} {NOW + 30} 0\n"


@pytest.fixture
def wall() -> Clock:
    """The wall clock of all processes."""
    return Clock(NOW)


@pytest.fixture
def make_harness(make_spool: Callable[..., Spool], wall: Clock) -> Callable[..., WorkerHarness]:
    """Make workers with spools of their own on one directory; each event is a batch."""
    return lambda *answers: WorkerHarness(
        ScriptedTransport(*answers), spool=make_spool(), wall=wall, max_batch_events=1
    )


def end(harness: WorkerHarness) -> None:
    """Let the process of this worker end."""
    harness.queue.flush(0, is_last=True)
    harness.queue.close(DropReason.SHUTDOWN)
    harness.worker.stop()
    assert harness.queue._spool is not None
    harness.queue._spool.close()


def test_later_process_waits_for_the_shared_backoff(
    make_harness: Callable[..., WorkerHarness], wall: Clock
) -> None:
    """This holds for recovered events, for new events and for a flush."""
    first = make_harness(ExportResult(disposition=Disposition.RETRY, retry_after=30.0))
    first.append("a")
    first.turn()
    end(first)
    wall.advance(10.0)

    later = make_harness()
    later.turn()
    later.append("b")
    assert not later.queue.flush(0)
    assert later.queue.schedule.not_before == later.clock.now + 20.0
    wall.advance(20.0)
    later.clock.advance(20.0)
    later.turn()
    later.turn()

    assert later.transport.requests == [["b"], ["a"]]


@pytest.mark.parametrize(
    "answer", [REFUSED, TOO_LARGE, ExportResult(disposition=Disposition.DELIVERED)]
)
def test_any_response_ends_the_shared_backoff(
    make_harness: Callable[..., WorkerHarness], directory: Path, wall: Clock, answer: ExportResult
) -> None:
    """Any response proves that the backend works."""
    harness = make_harness(answer)
    harness.append("a")
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    harness.turn()
    assert harness.transport.requests == []
    wall.advance(31.0)
    harness.clock.advance(31.0)

    harness.turn()

    assert harness.transport.requests == [["a"]]
    assert not (directory / BACKOFF_STATE).exists()
    assert not (directory / PROBE_LOCK).exists()


def test_flush_retries_despite_the_backoff_of_other_processes(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The caller of a flush wants the current state of the backend."""
    harness = make_harness()
    receipt = harness.append("a")
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    harness.turn()
    assert str(receipt.outcome) == str(Outcome.PENDING)

    assert not harness.queue.flush(0)
    harness.turn()

    assert receipt.outcome is Outcome.DELIVERED


def test_flush_during_the_read_of_the_backoff_note_wakes_the_worker(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The worker does not sleep through the flush."""
    harness = make_harness()
    harness.append("a")
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    backoff, read = harness.worker._backoff, harness.worker._backoff._read

    def flush_and_read() -> object:
        harness.queue.flush(0)
        return read()

    backoff._read = flush_and_read  # type: ignore[method-assign,assignment]  # the moment between
    harness.turn()
    backoff._read = read  # type: ignore[method-assign]
    harness.turn()

    assert harness.arrived == ["a"]


def test_shutdown_in_a_long_outage_leaves_spooled_events_unsent(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """A program that runs again and again neither sends a request each time nor waits."""
    harness = make_harness()
    receipt = harness.append("a")
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    assert not harness.queue.flush(0, is_last=True)
    harness.turn()
    end(harness)

    assert receipt.outcome is Outcome.SPOOLED
    assert harness.transport.requests == []


def test_shutdown_in_a_long_outage_sends_events_that_are_only_in_memory(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """These events have no other chance."""
    harness = make_harness()
    with largest_file(10):
        receipt = harness.append("a")
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    assert not harness.queue.flush(0, is_last=True)
    harness.turn()

    assert receipt.outcome is Outcome.DELIVERED


def test_after_an_outage_one_process_retries_and_the_others_follow(
    make_harness: Callable[..., WorkerHarness], directory: Path, wall: Clock
) -> None:
    """The processes do not retry at the same time."""
    harnesses = [make_harness() for _ in range(5)]
    for number, harness in enumerate(harnesses):
        harness.append(str(number))
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    wall.advance(31.0)
    first, *others = harnesses

    def meanwhile(_: list[str]) -> None:
        for harness in others:
            harness.turn()

    first.transport.respond = meanwhile
    first.turn()
    assert [len(harness.transport.requests) for harness in harnesses] == [1, 0, 0, 0, 0]
    for harness in others:
        harness.clock.advance(1.0)
        harness.turn()

    assert [len(harness.transport.requests) for harness in harnesses] == [1] * 5


def test_process_with_nothing_to_send_releases_the_retry_lock(
    make_harness: Callable[..., WorkerHarness], directory: Path, wall: Clock
) -> None:
    """Its segment is gone, or other processes claimed the recovered events."""
    harness = make_harness()
    harness.append("a")
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    harness.turn()
    wall.advance(31.0)
    harness.clock.advance(31.0)
    next(directory.glob("*.seg")).unlink()
    harness.turn()
    assert harness.stats.dropped == {"spool_lost": 1}
    assert not (directory / PROBE_LOCK).exists()

    recovery = harness.worker._recovery
    assert recovery is not None
    recovery._backlog.append(str(directory / "gone.seg"))
    harness.turn()
    assert not (directory / PROBE_LOCK).exists()


@pytest.mark.parametrize(("seconds", "is_noted"), [(0.6, True), (0.1, False)])
def test_slow_request_cancelled_by_shutdown_counts_as_a_failure(
    make_harness: Callable[..., WorkerHarness], directory: Path, seconds: float, *, is_noted: bool
) -> None:
    """Otherwise programs shorter than the request timeout never start a backoff."""
    harness = make_harness()

    def stop(_: list[str]) -> ExportResult:
        harness.clock.advance(seconds)
        end(harness)
        return RETRY

    harness.transport.respond = stop
    harness.append("a")
    harness.turn()

    assert (directory / BACKOFF_STATE).exists() is is_noted


def test_final_flush_ends_early_when_a_shared_backoff_begins(
    make_harness: Callable[..., WorkerHarness], directory: Path
) -> None:
    """The worker may read of the outage just as the shutdown begins."""
    first = make_harness(RETRY)
    first.append("a")
    end(first)
    harness = make_harness()
    harness.append("b")
    harness.queue.requeue(None, RetryDelay(seconds=1000.0))
    (directory / BACKOFF_STATE).write_text(LONG_OUTAGE)
    recovery = harness.worker._recovery
    assert recovery is not None
    recovery.scan()
    results: list[bool] = []
    waiting = threading.Thread(
        target=lambda: results.append(harness.queue.flush(30, is_last=True)), daemon=True
    )
    waiting.start()
    wait_until(lambda: harness.queue.schedule.not_before == 0.0, within=5, what="the last flush")
    harness.worker._send_backlog(recovery)
    waiting.join(5)

    assert results == [False]
    assert harness.transport.requests == []
