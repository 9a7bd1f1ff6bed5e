"""The encoding mapper returns the same bytes as the way through the SDK."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import use_span

from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.export.engine import DeliveryEngine
from otel_telemetry.export.processor import EncodingProcessor
from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.mapper import SESSION, session
from otel_telemetry.mapping.no_sdk import EncodingMapper
from otel_telemetry.mapping.sdk import EventResource, SdkMapper
from otel_telemetry.mapping.values import is_reserved
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.otlp.requests import EncodedRecord
from otel_telemetry.stats import Counters
from tests.support.records import recorded

BASE: Mapping[str, Any] = {"service.name": "acme", "os.type": "linux"}

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
BUCKETS = st.none() | st.dictionaries(
    st.text(max_size=6) | st.sampled_from(["service.name", "a", "\ud800"]), VALUES, max_size=5
)


def parts(corrections: list[tuple[str, int]], **settings: Any) -> dict[str, Any]:
    """Return what both ways are made of."""
    return {
        "config": TelemetryConfig(name="acme", version="1", **settings),
        "cleaner": Cleaner(Limits(count=4), is_reserved=is_reserved),
        "on_correction": lambda kind, count: corrections.append((kind, count)),
    }


def encoded(
    *buckets: Any, corrections: list[tuple[str, int]] | None = None, **settings: object
) -> EncodedRecord:
    """Encode an event as a process does that has no OpenTelemetry."""
    made = parts([] if corrections is None else corrections, **settings)
    events = EncodingMapper(base=BASE, session_id=None, **made)
    return recorded(events, "didRun", *buckets, timestamp=5)


def through_the_sdk(
    *buckets: Any, corrections: list[tuple[str, int]], **settings: object
) -> EncodedRecord:
    """Encode an event as the processor does."""
    taken: list[EncodedRecord] = []
    engine = DeliveryEngine(
        DeliveryConfig(endpoint="http://localhost:1", spool=False), Counters(), app="acme"
    )
    engine.append = lambda *encoded: taken.append(encoded)  # type: ignore[assignment]
    records = SdkMapper(base=EventResource(BASE), validate=False, **parts(corrections, **settings))
    record = recorded(records, "didRun", *buckets, timestamp=5)
    EncodingProcessor(engine).on_emit(record)
    engine.shutdown(0)
    return taken[0]


def comparable(record: bytes) -> str:
    """Return all of a record but what differs from event to event."""
    log = ScopeLogs.FromString(record).log_records[0]
    log.observed_time_unix_nano = 0
    uids = [item for item in log.attributes if item.key == UID]
    assert len(uids) == 1
    log.attributes.remove(uids[0])
    return str(log)


@given(
    buckets=st.tuples(BUCKETS, BUCKETS, BUCKETS),
    settings=st.fixed_dictionaries(
        {
            "properties_on": st.sampled_from(["resource_and_scope", "record"]),
            "event_name_in_body": st.booleans(),
        }
    ),
)
def test_the_bytes_are_those_of_the_sdks_way(
    buckets: tuple[object, object, object], settings: dict[str, object]
) -> None:
    """For any properties; both report the same corrections."""
    own_corrections: list[tuple[str, int]] = []
    sdk_corrections: list[tuple[str, int]] = []
    ours = encoded(*buckets, corrections=own_corrections, **settings)
    sdks = through_the_sdk(*buckets, corrections=sdk_corrections, **settings)

    assert ours[:2] == sdks[:2]
    assert comparable(ours[2]) == comparable(sdks[2])
    assert own_corrections == sdk_corrections


def attributes(record: EncodedRecord) -> dict[str, str]:
    """Return the texts among a record's attributes."""
    log = ScopeLogs.FromString(record[2]).log_records[0]
    return {item.key: item.value.string_value for item in log.attributes}


def test_an_event_outside_of_a_session_block_has_the_processs_session() -> None:
    """A session block and a property of the event win."""
    events = EncodingMapper(base=BASE, session_id="s", **parts([]))

    assert attributes(recorded(events))[SESSION] == "s"
    assert attributes(recorded(events, event={SESSION: "own"}))[SESSION] == "own"
    with session("acme", "block"):
        assert attributes(recorded(events))[SESSION] == "block"
    with session("other", "block"):
        assert attributes(recorded(events))[SESSION] == "s"


def test_an_active_span_of_the_host_is_named() -> None:
    """If the host has OpenTelemetry, its traces and our events belong together."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("host").start_span("x")
    with use_span(span):
        log = ScopeLogs.FromString(encoded()[2]).log_records[0]
    context = span.get_span_context()

    assert int.from_bytes(log.trace_id, "big") == context.trace_id
    assert int.from_bytes(log.span_id, "big") == context.span_id
    assert log.flags == context.trace_flags


@pytest.mark.parametrize("module", [None, ModuleType("opentelemetry.trace")])
def test_there_is_no_span_without_opentelemetry(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None
) -> None:
    """Or with half of it: another thread is importing it just now."""
    if module is None:
        monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    else:
        monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)
    log = ScopeLogs.FromString(encoded()[2]).log_records[0]

    assert (log.trace_id, log.span_id, log.flags) == (b"", b"", 0)
