"""The worker: one request at a time, and its reaction to each result."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from opentelemetry.context import get_value

from otel_telemetry.export.result import ExportResult
from otel_telemetry.export.worker import THREAD_NAME, suppress_instrumentation
from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import Disposition, DropReason
from tests.support.scripted import DELIVERED, REFUSED, RETRY, TOO_LARGE, ScriptedTransport
from tests.support.workers import WorkerHarness

if TYPE_CHECKING:
    from collections.abc import Callable


def test_batch_is_sent_and_counted() -> None:
    """The worker makes one request, in the order of the records."""
    harness = WorkerHarness()
    receipt = harness.append("a", "b")

    harness.turn()

    assert harness.transport.requests == [["a", "b"]]
    assert receipt.outcome is Outcome.DELIVERED
    assert harness.stats.requests == {"delivered": 1}


def test_partial_success_is_counted_and_its_reason_logged(
    log_messages: Callable[[], list[str]],
) -> None:
    """Rejected records are not sent again."""
    harness = WorkerHarness(
        ScriptedTransport(ExportResult(disposition=Disposition.PARTIAL, rejected=1, reason="no b"))
    )
    harness.append("a", "b")

    harness.turn()

    assert (harness.stats.delivered, harness.stats.rejected) == (1, 1)
    assert harness.stats.requests == {"partial": 1}
    assert log_messages() == ["no b"]


def test_refused_batch_is_not_retried(log_messages: Callable[[], list[str]]) -> None:
    """The reason is logged, and the next batch is sent."""
    harness = WorkerHarness(ScriptedTransport(REFUSED), max_batch_events=1)
    first, second = harness.append("a"), harness.append("b")

    harness.turn()
    harness.turn()

    assert (first.outcome, second.outcome) == (Outcome.REFUSED, Outcome.DELIVERED)
    assert harness.stats.requests == {"refused": 1, "delivered": 1}
    assert log_messages() == ["HTTP status 400"]


def test_backoff_doubles_with_each_failure_up_to_five_minutes() -> None:
    """The delay has full jitter, so that a thousand clients do not retry at once."""
    harness = WorkerHarness(ScriptedTransport(*[RETRY] * 20))
    harness.append("a")

    for _ in range(20):
        harness.turn()
        harness.clock.advance(300.0)

    assert harness.jitter == [(0.0, min(2.0**n, 300.0)) for n in range(20)]
    assert harness.stats.requests == {"retry": 20}


@pytest.mark.parametrize("answer", [DELIVERED, REFUSED, TOO_LARGE])
def test_any_response_but_a_failure_ends_the_backoff(answer: ExportResult) -> None:
    """The backend works again."""
    harness = WorkerHarness(ScriptedTransport(RETRY, RETRY, answer, RETRY), max_batch_events=1)
    harness.append("a", "b")
    for _ in range(4):
        harness.turn()
        harness.clock.advance(300.0)

    assert [longest for _, longest in harness.jitter] == [1.0, 2.0, 1.0]


def test_retry_after_replaces_the_backoff() -> None:
    """The delay is exact and has no jitter."""
    harness = WorkerHarness(
        ScriptedTransport(ExportResult(disposition=Disposition.RETRY, retry_after=77.0))
    )
    harness.append("a")
    harness.turn()

    assert harness.jitter == []
    assert harness.queue.schedule.not_before == harness.clock.now + 77.0
    assert not harness.queue.flush(0)
    assert harness.queue.schedule.not_before == harness.clock.now + 77.0


def test_retry_delay_is_logged_once_with_its_reason(log_messages: Callable[[], list[str]]) -> None:
    """Later failures of the same outage are not logged."""
    harness = WorkerHarness(ScriptedTransport(RETRY, RETRY))
    harness.append("a")
    harness.turn()
    harness.clock.advance(300)
    harness.turn()

    assert log_messages() == ["no"]


def test_failing_batch_does_not_block_the_others() -> None:
    """The batch goes to the end of the queue each time, and is delivered in the end."""
    is_mended = threading.Event()
    harness = WorkerHarness(
        ScriptedTransport(
            respond=lambda names: RETRY if "poison" in names and not is_mended.is_set() else None
        ),
        max_batch_events=1,
    )
    poison = harness.append("poison")
    others = [harness.append(name) for name in "abc"]
    for _ in range(8):
        harness.turn()
        harness.clock.advance(300)

    assert {receipt.outcome for receipt in others} == {Outcome.DELIVERED}
    assert str(poison.outcome) == str(Outcome.PENDING)
    assert harness.transport.requests[:5] == [["poison"], ["a"], ["b"], ["c"], ["poison"]]
    is_mended.set()
    harness.turn()

    assert poison.outcome is Outcome.DELIVERED


def test_too_large_request_is_split_down_to_the_too_large_record() -> None:
    """That record is dropped, and all others arrive."""
    harness = WorkerHarness(
        ScriptedTransport(respond=lambda names: TOO_LARGE if "huge" in names else None)
    )
    receipt = harness.append("a", "b", "c", "huge", "d", "e", "f")

    harness.run()

    assert sorted(harness.arrived) == ["a", "b", "c", "d", "e", "f"]
    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "too_large")
    assert harness.stats.dropped == {"too_large": 1}
    assert harness.stats.pending == 0


def test_batch_of_too_large_records_is_dropped_after_one_try_of_each() -> None:
    """Every record is tried alone, once."""
    harness = WorkerHarness(ScriptedTransport(respond=lambda _: TOO_LARGE))
    receipt = harness.append(*"abcdefgh")

    harness.run()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "too_large")
    assert harness.stats.dropped == {"too_large": 8}
    assert len(harness.transport.requests) == 15


def test_transport_is_created_with_the_first_request(
    log_messages: Callable[[], list[str]],
) -> None:
    """After a failure it is created with the next request: a certificate may appear later."""
    harness = WorkerHarness(connect_errors=[FileNotFoundError("ca.pem"), ValueError("proxy")])
    receipt = harness.append("a")
    assert harness.connected == 0

    for _ in range(3):
        harness.turn()
        harness.clock.advance(300)

    assert harness.connected == 3
    assert receipt.outcome is Outcome.DELIVERED
    assert harness.stats.requests == {"retry": 2, "delivered": 1}
    assert log_messages() == ["FileNotFoundError before the connection"]


def test_forked_child_has_its_own_connection_and_no_backoff() -> None:
    """A failure of the parent does not delay the child."""
    harness = WorkerHarness(ScriptedTransport(RETRY, RETRY))
    harness.append("a")
    harness.turn()
    harness.clock.advance(300)
    harness.turn()

    harness.counters.after_fork()
    harness.queue.after_fork()
    harness.worker.after_fork()
    harness.append("b")
    harness.turn()

    assert harness.transport.processes == 1
    assert harness.transport.requests == [["a"], ["a"], ["b"]]
    assert harness.stats.delivered == 1


def test_worker_thread_sends_batches_until_shutdown() -> None:
    """Further calls of start do nothing."""
    before = threading.active_count()
    harness = WorkerHarness(is_threaded=True, max_batch_events=1)
    started = [harness.append(name) for name in "abc"]
    harness.worker.ensure_started()

    assert [receipt.wait(5) for receipt in started] == [Outcome.DELIVERED] * 3
    assert [thread.name for thread in threading.enumerate()].count(THREAD_NAME) == 1
    assert harness.started == [THREAD_NAME]
    harness.queue.close(DropReason.SHUTDOWN)
    harness.worker.stop()
    harness.join()

    assert threading.active_count() == before
    assert harness.transport.aborted.is_set()


def test_shutdown_cancels_the_request_under_way() -> None:
    """Shutdown does not wait for a silent backend."""
    transport = ScriptedTransport()
    memory_size = threading.Event()

    def respond(_: list[str]) -> ExportResult:
        memory_size.set()
        transport.aborted.wait(10)
        return RETRY

    transport.respond = respond
    harness = WorkerHarness(transport, is_threaded=True, max_batch_events=1)
    receipt = harness.append("a")
    assert memory_size.wait(5)

    harness.queue.close(DropReason.SHUTDOWN)
    harness.worker.stop()
    harness.join()

    assert receipt.reason == "shutdown"
    harness.check()


def test_transport_created_after_shutdown_sends_nothing() -> None:
    """Shutdown happens while the transport is created."""
    harness = WorkerHarness()
    harness.append("a")
    harness.worker.stop()

    harness.turn()

    assert harness.transport.aborted.is_set()


def test_a_worker_that_was_never_started_can_be_stopped() -> None:
    """There is no thread to join."""
    WorkerHarness().worker.stop()


def test_a_worker_can_be_stopped_from_its_own_thread() -> None:
    """A hook or a log handler may do so, and no thread joins itself."""
    transport = ScriptedTransport()
    harness = WorkerHarness(transport, is_threaded=True, max_batch_events=1)

    def respond(_: list[str]) -> None:
        harness.queue.close(DropReason.SHUTDOWN)
        harness.worker.stop()

    transport.respond = respond
    receipt = harness.append("a")

    assert receipt.wait(5) is Outcome.DROPPED
    harness.join()


@pytest.mark.parametrize("where", ["send", "on_start"])
def test_crashed_worker_drops_its_batches_once_and_hangs_no_caller(
    where: str, log_messages: Callable[[], list[str]]
) -> None:
    """No batch is sent again, and lost events are counted."""
    transport = ScriptedTransport()

    def fail(_: object = None) -> ExportResult:
        raise LookupError

    if where == "send":
        transport.respond = fail
    harness = WorkerHarness(
        transport,
        is_threaded=True,
        max_batch_events=1,
        on_start=fail if where == "on_start" else None,
    )

    receipt = harness.append("a")

    assert receipt.wait(5) is Outcome.DROPPED
    assert receipt.reason == "internal"
    assert harness.append("b").reason == "destroyed"
    assert harness.queue.flush(5)
    harness.join()
    assert log_messages() == ["the export worker failed"]
    harness.check()


def test_only_the_worker_thread_is_exempt_from_instrumentation() -> None:
    """All other threads are traced."""
    seen: list[object] = []

    def run() -> None:
        suppress_instrumentation()
        seen.append(get_value("suppress_instrumentation"))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert seen == [True]
    assert get_value("suppress_instrumentation") is None


@pytest.mark.parametrize("modules", [{}, {"opentelemetry.context": ModuleType("half")}])
def test_worker_does_not_import_opentelemetry_into_the_host(modules: dict[str, ModuleType]) -> None:
    """An import of it that is under way in the host is not disturbed."""
    suppress_instrumentation(modules)

    assert get_value("suppress_instrumentation") is None
