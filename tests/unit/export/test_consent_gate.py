"""Consent is checked before each request of the worker."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from otel_telemetry import DeliveryConfig, Outcome
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.engine import DeliveryEngine
from otel_telemetry.spool import layout
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.stats import Counters, DropReason
from tests.support.scripted import (
    RESOURCE,
    RETRY,
    SCOPE,
    ScriptedTransport,
    assert_adds_up,
    record,
)
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_telemetry.export.result import ExportResult
    from otel_telemetry.receipt import Receipt

HOUR = 3600.0


@pytest.fixture
def config(tmp_path: Path) -> DeliveryConfig:
    """A configuration whose batches close when they are flushed."""
    return DeliveryConfig(endpoint="http://localhost:1", spool=str(tmp_path), flush_interval=60)


@pytest.fixture
def make(config: DeliveryConfig) -> Iterator[Callable[..., DeliveryEngine]]:
    """Make engines on one spool; they end after the test, and their counts add up."""
    made: list[DeliveryEngine] = []

    def make_one(
        transport: ScriptedTransport, consent_gate: ConsentGate | None = None
    ) -> DeliveryEngine:
        made.append(
            DeliveryEngine(
                config,
                Counters(),
                app="acme",
                consent_gate=consent_gate or ConsentGate(),
                connect=lambda _: transport,
            )
        )
        return made[-1]

    yield make_one
    for engine in made:
        engine.shutdown(0)
        assert_adds_up(engine.counters.snapshot())


def _segments(config: DeliveryConfig) -> list[str]:
    directory = spool_directory(config, "acme")
    assert directory is not None
    return [path for owned in layout.segments_by_owner(directory).values() for path in owned]


def _append(engine: DeliveryEngine, name: str) -> Receipt:
    return engine.append(RESOURCE, SCOPE, record(name))


def test_withdrawn_consent_sends_nothing_and_deletes_every_event(
    make: Callable[..., DeliveryEngine], config: DeliveryConfig
) -> None:
    """This covers the current batch and later ones, in memory and on disk."""
    transport = ScriptedTransport()
    engine = make(transport, ConsentGate(is_granted=lambda: False))
    receipt = _append(engine, "a")
    assert len(_segments(config)) == 1

    assert not engine.flush(10)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "consent_withdrawn")
    assert _append(engine, "b").outcome is Outcome.DROPPED
    assert transport.requests == []
    assert _segments(config) == []
    stats = engine.counters.snapshot()
    assert stats.dropped == {"consent_withdrawn": 1, "destroyed": 1}


def test_consent_is_checked_before_every_request(make: Callable[..., DeliveryEngine]) -> None:
    """Consent may end between two requests. Earlier requests are delivered."""
    answers = iter([True, False])
    transport = ScriptedTransport()
    engine = make(transport, ConsentGate(is_granted=lambda: next(answers)))

    _append(engine, "a")
    assert engine.flush(10)
    _append(engine, "b")
    assert not engine.flush(10)

    assert transport.requests == [["a"]]


def test_withdrawn_consent_deletes_recovered_events(
    make: Callable[..., DeliveryEngine], config: DeliveryConfig
) -> None:
    """They are deleted with all others."""
    earlier = make(ScriptedTransport(RETRY))
    _append(earlier, "a")
    earlier.shutdown(0)
    transport = ScriptedTransport()

    make(transport, ConsentGate(is_granted=lambda: False)).ensure_started()

    wait_until(lambda: _segments(config) == [], within=10, what="the segment's end")
    assert transport.requests == []


def test_discard_cancels_the_request_and_deletes_every_event(
    make: Callable[..., DeliveryEngine], config: DeliveryConfig
) -> None:
    """The events of the cancelled request are counted as dropped."""
    sending, go_on = threading.Event(), threading.Event()

    def respond(_: list[str]) -> ExportResult | None:
        sending.set()
        go_on.wait(10)
        return None

    transport = ScriptedTransport(respond=respond)
    engine = make(transport)
    first = _append(engine, "a")
    assert not engine.flush(0)
    assert sending.wait(10)
    second = _append(engine, "b")

    engine.discard(DropReason.CONSENT_WITHDRAWN)
    go_on.set()

    assert transport.aborted.is_set()
    assert {first.outcome, second.outcome} == {Outcome.DROPPED}
    assert engine.counters.snapshot().dropped == {"consent_withdrawn": 2}
    assert _segments(config) == []


@pytest.mark.parametrize(("age", "arrived"), [(HOUR, []), (-HOUR, [["a"]])])
def test_events_recorded_before_consent_are_deleted(
    make: Callable[..., DeliveryEngine],
    config: DeliveryConfig,
    age: float,
    arrived: list[list[str]],
) -> None:
    """They are counted, and later events are sent."""
    earlier = make(ScriptedTransport(RETRY))
    _append(earlier, "a")
    earlier.shutdown(0)
    (path,) = _segments(config)
    agreed = os.stat(path).st_mtime + age
    transport = ScriptedTransport()

    later = make(transport, ConsentGate(granted_at=agreed))
    _append(later, "now")
    later.ensure_started()
    assert later.flush(10)
    wait_until(lambda: _segments(config) == [], within=10, what="the segment's end")

    assert sorted(transport.requests) == sorted([["now"], *arrived])
    assert later.counters.snapshot().dropped == ({} if arrived else {"before_consent": 1})
