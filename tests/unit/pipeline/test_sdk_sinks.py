"""The application's own provider does the rest."""

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
    """A sink to it, that sends when it is told to."""
    config = TelemetryConfig(
        name="acme", endpoint=receiver.http_endpoint, flush_interval=60, spool=False
    )
    backend_sink = BackendSink(config, Counters(), BASE, ConsentGate())
    yield backend_sink
    backend_sink.shutdown(0)


def test_records_arrive(backend_sink: BackendSink, receiver: OTLPReceiver) -> None:
    """Those of one batch have one receipt."""
    first, second = backend_sink.emit(make_record(a=1)), backend_sink.emit(make_record(a=2))

    assert first is second
    assert first.wait(0) is Outcome.PENDING
    assert backend_sink.flush(10)
    assert first.wait(0) is Outcome.DELIVERED
    assert [event.attributes["a"] for event in receiver.events] == [1, 2]
    assert receiver.events[0].resource == {"service.name": "acme", "plan": "free"}
    assert receiver.events[0].scope_attributes == {"db": b"\xff"}


def test_a_record_that_cannot_be_encoded_is_dropped_alone(
    backend_sink: BackendSink, receiver: OTLPReceiver
) -> None:
    """Its receipt says so; the others of its batch arrive."""
    bad = make_record()
    bad.log_record.timestamp = -1

    receipts = [backend_sink.emit(record) for record in (make_record(), bad, make_record())]

    assert backend_sink.flush(10)
    outcomes = [receipt.outcome for receipt in receipts]
    assert outcomes == [Outcome.DELIVERED, Outcome.DROPPED, Outcome.DELIVERED]
    assert len(receiver.events) == 2


def test_shutting_down_sends_what_is_there(
    backend_sink: BackendSink, receiver: OTLPReceiver
) -> None:
    """And is the end: later records are dropped."""
    backend_sink.emit(make_record())

    assert backend_sink.shutdown(10)
    assert len(receiver.events) == 1
    assert backend_sink.emit(make_record()).outcome is Outcome.DROPPED


def test_shutting_down_keeps_its_deadline(
    backend_sink: BackendSink, receiver: OTLPReceiver
) -> None:
    """False: something was left behind."""
    receiver.answer_always(Answer.unavailable())
    backend_sink.emit(make_record())
    started = time.monotonic()

    assert not backend_sink.shutdown(0.05)
    assert time.monotonic() - started < 0.05 + SLACK


def test_what_an_earlier_process_left_is_sent_without_being_asked(
    receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """With a spool, delivery starts at once, before the first event."""
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


def test_a_new_process_sends_its_own(backend_sink: BackendSink, receiver: OTLPReceiver) -> None:
    """Its parent had no thread yet, as a forked child has none."""
    backend_sink.after_fork()
    backend_sink.emit(make_record(of="child"))

    assert backend_sink.flush(10)
    assert [event.attributes["of"] for event in receiver.events] == ["child"]


def test_an_event_is_a_line_of_json() -> None:
    """With all that would be sent, in ASCII: a terminal can show it."""
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


def test_it_goes_to_stderr_as_it_is_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Not as it was when the sink was made."""
    sink = LogSink("acme")
    sink.emit(make_record())
    captured = capsys.readouterr()

    assert captured.out == ""
    assert captured.err.startswith("acme telemetry, not sent: {")


def test_there_is_nothing_to_wait_for() -> None:
    """What was emitted is printed."""
    sink = LogSink("acme", io.StringIO)
    sink.after_fork()

    assert sink.flush(None)
    assert sink.shutdown(0)
