"""Sinks on the SDK: the application's provider, the backend, and stderr."""

from __future__ import annotations

import io
import json
import math
import threading
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord

from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.mapping.sdk import EventResource
from otel_telemetry.pipeline.sdk_sinks import AppProviderSink, BackendSink, LogSink
from otel_telemetry.receipt import DISABLED, Outcome
from otel_telemetry.stats import Counters
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.records import make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SLACK = 1.0  # seconds, for the noise of the machine


class Processor(LogRecordProcessor):
    """A processor of the application, whose flush the test controls."""

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


def test_a_record_goes_to_the_applications_provider(
    sink: AppProviderSink, processor: Processor, counters: Counters
) -> None:
    """The receipt says that it was handed over."""
    receipts = {sink.emit(make_record()) for _ in range(2)}

    (receipt,) = receipts
    assert receipt.outcome is Outcome.DELIVERED
    assert "LoggerProvider" in receipt.reason
    assert len(processor.records) == 2
    assert counters.snapshot().delivered == counters.snapshot().accepted == 2


def test_a_record_whose_processor_raises_is_not_counted_as_delivered(
    sink: AppProviderSink, processor: Processor, counters: Counters
) -> None:
    """The caller counts it."""
    processor.error = RuntimeError()

    with pytest.raises(RuntimeError):
        sink.emit(make_record())

    assert counters.snapshot().delivered == 0


@pytest.mark.parametrize(("timeout", "milliseconds"), [(None, 30_000), (0.25, 250)])
def test_a_flush_flushes_the_applications_provider(
    sink: AppProviderSink, processor: Processor, timeout: float | None, milliseconds: int
) -> None:
    """With the timeout, and with its result."""
    assert sink.flush(timeout)

    processor.result = False
    assert not sink.flush(timeout)
    assert all(milliseconds - 200 < time <= milliseconds for time in processor.timeouts)


def test_a_flush_of_the_applications_provider_keeps_its_timeout(
    sink: AppProviderSink, processor: Processor
) -> None:
    """Also while a processor blocks."""
    processor.may_flush.clear()
    started = time.monotonic()

    assert not sink.flush(0.05)
    assert not sink.shutdown(0.05)
    assert time.monotonic() - started < 0.1 + SLACK


def test_a_flush_that_raises_returns_false(sink: AppProviderSink, processor: Processor) -> None:
    """The sink raises and prints nothing."""
    processor.error = RuntimeError()

    assert not sink.flush(1)


def test_a_flush_that_cannot_start_a_thread_returns_false(sink: AppProviderSink) -> None:
    """At the end of the interpreter, or without memory."""
    before = threading.stack_size(2**46)
    try:
        assert not sink.flush(1)
    finally:
        threading.stack_size(before)


def test_a_shutdown_flushes_the_applications_provider_and_leaves_it_up(
    sink: AppProviderSink, processor: Processor
) -> None:
    """Also in a forked child."""
    sink.after_fork()

    assert sink.shutdown(1)
    assert len(processor.timeouts) == 1
    assert not processor.is_shut_down


BASE = EventResource({"service.name": "acme"})


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend."""
    with OTLPReceiver() as receiver:
        yield receiver


@pytest.fixture
def backend_sink(receiver: OTLPReceiver) -> Iterator[BackendSink]:
    """A sink to the backend that sends on a flush."""
    config = TelemetryConfig(
        name="acme", endpoint=receiver.http_endpoint, flush_interval=60, spool=False
    )
    backend_sink = BackendSink(config, Counters(), BASE, ConsentGate())
    yield backend_sink
    backend_sink.shutdown(0)


def test_records_arrive_at_the_backend(backend_sink: BackendSink, receiver: OTLPReceiver) -> None:
    """Records of one batch share a receipt."""
    first, second = backend_sink.emit(make_record(a=1)), backend_sink.emit(make_record(a=2))

    assert first is second
    assert first.wait(0) is Outcome.PENDING
    assert backend_sink.flush(10)
    assert first.wait(0) is Outcome.DELIVERED
    assert [event.attributes["a"] for event in receiver.events] == [1, 2]
    assert receiver.events[0].resource == {"service.name": "acme", "plan": "free"}
    assert receiver.events[0].scope_attributes == {"db": b"\xff"}


def test_only_the_record_that_cannot_be_encoded_is_dropped(
    backend_sink: BackendSink, receiver: OTLPReceiver
) -> None:
    """Its receipt says so, and the others of its batch arrive."""
    bad = make_record()
    bad.log_record.timestamp = -1

    receipts = [backend_sink.emit(record) for record in (make_record(), bad, make_record())]

    assert backend_sink.flush(10)
    outcomes = [receipt.outcome for receipt in receipts]
    assert outcomes == [Outcome.DELIVERED, Outcome.DROPPED, Outcome.DELIVERED]
    assert len(receiver.events) == 2


def test_a_shutdown_sends_pending_records(
    backend_sink: BackendSink, receiver: OTLPReceiver
) -> None:
    """Later records are dropped."""
    backend_sink.emit(make_record())

    assert backend_sink.shutdown(10)
    assert len(receiver.events) == 1
    assert backend_sink.emit(make_record()).outcome is Outcome.DROPPED


def test_a_shutdown_keeps_its_timeout(backend_sink: BackendSink, receiver: OTLPReceiver) -> None:
    """It returns False, for records are left."""
    receiver.answer_always(Answer.unavailable())
    backend_sink.emit(make_record())
    started = time.monotonic()

    assert not backend_sink.shutdown(0.05)
    assert time.monotonic() - started < 0.05 + SLACK


def test_recovery_starts_before_the_first_event(receiver: OTLPReceiver, tmp_path: Path) -> None:
    """With a spool, the segments of dead processes are sent at once."""
    spool = str(tmp_path / "spool")
    config = TelemetryConfig(name="acme", endpoint=receiver.http_endpoint, spool=spool)
    receiver.answer_always(Answer.unavailable())
    earlier = BackendSink(config, Counters(), BASE, ConsentGate())
    earlier.emit(make_record())
    earlier.shutdown(0.1)
    receiver.answer_always(None)
    later = BackendSink(config, Counters(), BASE, ConsentGate())

    try:
        assert len(receiver.wait_for_events(1)) == 1
    finally:
        later.shutdown(0)


def test_a_forked_child_sends_its_own_records(
    backend_sink: BackendSink, receiver: OTLPReceiver
) -> None:
    """It starts a worker thread of its own."""
    backend_sink.after_fork()
    backend_sink.emit(make_record(of="child"))

    assert backend_sink.flush(10)
    assert [event.attributes["of"] for event in receiver.events] == ["child"]


def test_log_sink_prints_an_event_as_a_line_of_json() -> None:
    """With all attributes, in ASCII, which every terminal can show."""
    stream = io.StringIO()
    record = make_record(text="ü\n", data=b"\xff", list=[{"a": math.inf}])
    receipt = LogSink("acme", lambda: stream).emit(record)

    prefix, _, text = stream.getvalue().partition("{")
    assert prefix == "acme telemetry, not sent: "
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().isascii()
    event = json.loads("{" + text)
    assert event == {
        "event": "e",
        "event_properties": {"text": "ü\n", "data": "ff", "list": [{"a": math.inf}]},
        "group_properties": {"db": "ff"},
        "resource": {"service.name": "acme", "plan": "free"},
    }
    assert receipt is DISABLED


def test_log_sink_uses_the_current_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Not the one at the creation of the sink."""
    sink = LogSink("acme")
    sink.emit(make_record())
    captured = capsys.readouterr()

    assert captured.out == ""
    assert captured.err.startswith("acme telemetry, not sent: {")


def test_log_sink_has_no_pending_events() -> None:
    """Flush and shutdown return True."""
    sink = LogSink("acme", io.StringIO)
    sink.after_fork()

    assert sink.flush(None)
    assert sink.shutdown(0)
