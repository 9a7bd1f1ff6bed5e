"""The application's own provider does the rest."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord

from otel_telemetry.pipeline.sdk_sinks import AppProviderSink
from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import Counters
from tests.support.records import make_record

if TYPE_CHECKING:
    from collections.abc import Iterator

SLACK = 1.0  # seconds, for the noise of the machine


class Processor(LogRecordProcessor):
    """A processor of the application's, whose flush the test holds."""

    def __init__(self) -> None:
        self.records: list[ReadWriteLogRecord] = []
        self.timeouts: list[int] = []
        self.may_flush = threading.Event()
        self.may_flush.set()
        self.result = True
        self.error: Exception | None = None
        self.is_shut_down = False

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Keep a record."""
        if self.error:
            raise self.error
        self.records.append(log_record)

    def shutdown(self) -> None:
        """Note it."""
        self.is_shut_down = True

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait for the test."""
        self.timeouts.append(timeout_millis)
        self.may_flush.wait()
        if self.error:
            raise self.error
        return self.result


@pytest.fixture
def processor() -> Iterator[Processor]:
    """The application's processor."""
    processor = Processor()
    yield processor
    processor.may_flush.set()


@pytest.fixture
def counters() -> Counters:
    """The counts."""
    return Counters()


@pytest.fixture
def sink(processor: Processor, counters: Counters) -> AppProviderSink:
    """A sink on the application's provider."""
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    return AppProviderSink(provider, "acme", "1", counters)


def test_a_record_is_handed_over(
    sink: AppProviderSink, processor: Processor, counters: Counters
) -> None:
    """Which is all that can be known of it: the receipt says so."""
    receipts = {sink.emit(make_record()) for _ in range(2)}

    (receipt,) = receipts
    assert receipt.outcome is Outcome.DELIVERED
    assert "LoggerProvider" in receipt.reason
    assert len(processor.records) == 2
    assert counters.snapshot().delivered == counters.snapshot().accepted == 2


def test_what_the_application_refuses_by_raising_is_not_counted_as_delivered(
    sink: AppProviderSink, processor: Processor, counters: Counters
) -> None:
    """Whoever sends counts it."""
    processor.error = RuntimeError()

    with pytest.raises(RuntimeError):
        sink.emit(make_record())

    assert counters.snapshot().delivered == 0


@pytest.mark.parametrize(("timeout", "milliseconds"), [(None, 30_000), (0.25, 250)])
def test_a_flush_is_the_applications(
    sink: AppProviderSink, processor: Processor, timeout: float | None, milliseconds: int
) -> None:
    """Its answer, and the time that it has."""
    assert sink.flush(timeout)

    processor.result = False
    assert not sink.flush(timeout)
    assert all(milliseconds - 200 < time <= milliseconds for time in processor.timeouts)


def test_a_flush_keeps_its_deadline(sink: AppProviderSink, processor: Processor) -> None:
    """Whatever the application's processors do."""
    processor.may_flush.clear()
    started = time.monotonic()

    assert not sink.flush(0.05)
    assert not sink.shutdown(0.05)
    assert time.monotonic() - started < 0.1 + SLACK


def test_a_flush_that_raises_is_no_success(sink: AppProviderSink, processor: Processor) -> None:
    """Nothing is raised, and nothing printed."""
    processor.error = RuntimeError()

    assert not sink.flush(1)


def test_a_flush_without_a_thread_is_no_success(sink: AppProviderSink) -> None:
    """None can be started where the interpreter is going down, or memory is short."""
    before = threading.stack_size(2**46)
    try:
        assert not sink.flush(1)
    finally:
        threading.stack_size(before)


def test_shutting_down_leaves_the_provider_up(sink: AppProviderSink, processor: Processor) -> None:
    """Also in a new process. It is flushed; the rest is the application's."""
    sink.new_process()

    assert sink.shutdown(1)
    assert len(processor.timeouts) == 1
    assert not processor.is_shut_down
