"""Requests of every kind, of the official classes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.support.official import any_value, pairs

if TYPE_CHECKING:
    from otel_telemetry.otlp.decoder import DecodedEvent
    from otel_telemetry.testing import ReceivedEvent
    from otel_telemetry.types import AttributeValue

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary()
) | st.text()
values: st.SearchStrategy[AttributeValue] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
buckets = st.dictionaries(st.text(), values, max_size=4)
_uint32 = st.integers(0, 2**32 - 1)
_uint64 = st.integers(0, 2**64 - 1)


@st.composite
def _record(draw: st.DrawFn) -> LogRecord:
    return LogRecord(
        event_name=draw(st.text(max_size=5)),
        body=any_value(draw(values)),
        attributes=pairs(draw(buckets)),
        time_unix_nano=draw(_uint64),
        observed_time_unix_nano=draw(_uint64),
        severity_number=draw(st.integers(0, 24)),  # type: ignore[arg-type]  # an enum's int
        severity_text=draw(st.text(max_size=5)),
        trace_id=draw(st.binary(min_size=16, max_size=16) | st.just(b"")),
        span_id=draw(st.binary(min_size=8, max_size=8) | st.just(b"")),
        flags=draw(_uint32),
        dropped_attributes_count=draw(_uint32),
    )


@st.composite
def _scope(draw: st.DrawFn) -> ScopeLogs:
    return ScopeLogs(
        scope=InstrumentationScope(
            name=draw(st.text(max_size=5)),
            version=draw(st.text(max_size=5)),
            attributes=pairs(draw(buckets)),
            dropped_attributes_count=draw(_uint32),
        ),
        log_records=draw(st.lists(_record(), max_size=3)),
        schema_url=draw(st.text(max_size=5)),
    )


@st.composite
def _resource(draw: st.DrawFn) -> ResourceLogs:
    return ResourceLogs(
        resource=Resource(attributes=pairs(draw(buckets)), dropped_attributes_count=draw(_uint32)),
        scope_logs=draw(st.lists(_scope(), max_size=2)),
        schema_url=draw(st.text(max_size=5)),
    )


requests = st.builds(ExportLogsServiceRequest, resource_logs=st.lists(_resource(), max_size=2))

_OTHER_NAMES: Final = {
    "flags": "trace_flags",
    "dropped_count": "dropped_attributes_count",
    "resource_dropped_count": "resource_dropped_attributes_count",
    "scope_dropped_count": "scope_dropped_attributes_count",
}


def as_received(event: DecodedEvent) -> dict[str, object]:
    """Return the decoded event by the receiver's names of the fields."""
    received = {_OTHER_NAMES.get(name, name): value for name, value in asdict(event).items()}
    received["trace_flags"] = event.flags & 0xFF
    del received["resource_schema_url"], received["scope_schema_url"]
    return received


def of_receiver(event: ReceivedEvent) -> dict[str, object]:
    """Return the receiver's event."""
    return asdict(event)
