"""Events to a backend, through a provider and a delivery of our own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.export.consent_gate import Permission
from otel_telemetry.mapping.sdk import EventResource
from otel_telemetry.pipeline.sdk_sinks import BackendSink
from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import Counters
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.records import make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = EventResource({"service.name": "acme"})
SLACK = 1.0  # seconds, for the noise of the machine


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend."""
    with OTLPReceiver() as receiver:
        yield receiver


@pytest.fixture
def sink(receiver: OTLPReceiver) -> Iterator[BackendSink]:
    """A sink to it, that sends when it is told to."""
    config = TelemetryConfig(
        name="acme", endpoint=receiver.http_endpoint, flush_interval=60, spool=False
    )
    sink = BackendSink(config, Counters(), BASE, Permission())
    yield sink
    sink.shutdown(0)


def test_records_arrive(sink: BackendSink, receiver: OTLPReceiver) -> None:
    """Those of one batch have one receipt."""
    first, second = sink.emit(make_record(a=1)), sink.emit(make_record(a=2))

    assert first is second
    assert first.wait(0) is Outcome.PENDING
    assert sink.flush(10)
    assert first.wait(0) is Outcome.DELIVERED
    assert [event.attributes["a"] for event in receiver.events] == [1, 2]
    assert receiver.events[0].resource == {"service.name": "acme", "plan": "free"}
    assert receiver.events[0].scope_attributes == {"db": b"\xff"}


def test_a_record_that_cannot_be_encoded_is_dropped_alone(
    sink: BackendSink, receiver: OTLPReceiver
) -> None:
    """Its receipt says so; the others of its batch arrive."""
    bad = make_record()
    bad.log_record.timestamp = -1

    receipts = [sink.emit(record) for record in (make_record(), bad, make_record())]

    assert sink.flush(10)
    outcomes = [receipt.outcome for receipt in receipts]
    assert outcomes == [Outcome.DELIVERED, Outcome.DROPPED, Outcome.DELIVERED]
    assert len(receiver.events) == 2


def test_shutting_down_sends_what_is_there(sink: BackendSink, receiver: OTLPReceiver) -> None:
    """And is the end: later records are dropped."""
    sink.emit(make_record())

    assert sink.shutdown(10)
    assert len(receiver.events) == 1
    assert sink.emit(make_record()).outcome is Outcome.DROPPED


def test_shutting_down_keeps_its_deadline(sink: BackendSink, receiver: OTLPReceiver) -> None:
    """False: something was left behind."""
    receiver.answer_always(Answer.unavailable())
    sink.emit(make_record())
    started = time.monotonic()

    assert not sink.shutdown(0.05)
    assert time.monotonic() - started < 0.05 + SLACK


def test_what_an_earlier_process_left_is_sent_without_being_asked(
    receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """With a spool, delivery starts at once, before the first event."""
    spool = str(tmp_path / "spool")
    config = TelemetryConfig(name="acme", endpoint=receiver.http_endpoint, spool=spool)
    receiver.answer_always(Answer.unavailable())
    earlier = BackendSink(config, Counters(), BASE, Permission())
    earlier.emit(make_record())
    earlier.shutdown(0.1)
    receiver.answer_always(None)
    later = BackendSink(config, Counters(), BASE, Permission())

    try:
        assert len(receiver.wait_for_events(1)) == 1
    finally:
        later.shutdown(0)


def test_a_new_process_sends_its_own(sink: BackendSink, receiver: OTLPReceiver) -> None:
    """Its parent had no thread yet, as a forked child has none."""
    sink.new_process()
    sink.emit(make_record(of="child"))

    assert sink.flush(10)
    assert [event.attributes["of"] for event in receiver.events] == ["child"]
