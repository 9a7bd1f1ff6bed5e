"""Every name and behaviour of OpenTelemetry that the library relies on.

The logs signal still lives behind an underscore, and moves between minor versions. What breaks here
would break there.
"""

from __future__ import annotations

import json
import logging
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context, attach, detach, get_value
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    ConsoleLogRecordExporter,
    InMemoryLogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN, TraceFlags, get_current_span

from otel_telemetry.export.worker import suppress_instrumentation
from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.mapping.sdk import EventRecord, EventResource, EventScope
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.testing.receiver.decoding import contents_of
from tests.support.official import pairs
from tests.support.pipelines import AppPipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_telemetry.types import AttributeValue

# What the stock encoder takes in both of the versions that are tested: before 1.45 it drops lists
# of several types, and None in resources and scopes.
VALUES: Mapping[str, AttributeValue] = {
    "str": "x",
    "true": True,
    "one": 1,
    "float": 1.0,
    "bytes": b"\xff",
    "list": ["a", "b"],
    "map": {"in": {"k": b"v"}, "list": [1, 2]},
}


class Kept(LogRecordProcessor):
    """A processor that keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[ReadWriteLogRecord] = []
        self.calls: list[object] = []

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Keep a record."""
        self.records.append(log_record)

    def shutdown(self) -> None:
        """Note it."""
        self.calls.append("shutdown")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Note it."""
        self.calls.append("flush")
        return timeout_millis > 0


@pytest.fixture
def kept() -> Kept:
    """What was emitted."""
    return Kept()


@pytest.fixture
def provider(kept: Kept) -> Iterator[LoggerProvider]:
    """A provider of the SDK."""
    provider = LoggerProvider(Resource({"of": "provider"}), shutdown_on_exit=False)
    provider.add_log_record_processor(kept)
    yield provider
    provider.shutdown()


def own_record() -> EventRecord:
    """Make a record as the library does: the SDK has not seen its attributes."""
    resource, scope = EventResource({"of": "record"}), EventScope("own", None, {})
    return EventRecord("e", None, 1, 2, {"a": (1, "x", None)}, 3, resource, scope)


class TestProvider:
    """`LoggerProvider` and its loggers."""

    def test_emit_keeps_a_record_with_its_resource_and_scope(
        self, provider: LoggerProvider, kept: Kept
    ) -> None:
        """The very object, of a subclass, and nothing of it is changed."""
        record = own_record()
        before = dict(vars(record))
        provider.get_logger("logger", "1").emit(record)  # type: ignore[call-overload]

        assert len(kept.records) == 1
        assert kept.records[0] is record
        assert vars(record) == before
        assert record.attributes == {"a": (1, "x", None)}

    def test_a_record_of_the_api_gets_those_of_provider_and_logger(
        self, provider: LoggerProvider, kept: Kept
    ) -> None:
        """Which is how others emit."""
        provider.get_logger("logger", "1").emit(LogRecord(event_name="e"))

        (record,) = kept.records
        assert record.resource is provider.resource
        assert record.instrumentation_scope is not None
        assert record.instrumentation_scope.name == "logger"

    def test_flushing_and_shutting_down_reach_the_processors(
        self, provider: LoggerProvider, kept: Kept
    ) -> None:
        """And a flush that fails says so."""
        assert provider.force_flush(1000) is True
        assert provider.force_flush(0) is False
        provider.shutdown()

        assert kept.calls[-1] == "shutdown"


class TestRecords:
    """`LogRecord` and `ReadWriteLogRecord`."""

    def test_a_log_record_is_made_from_these_fields(self) -> None:
        """And has them, in its own dict, beside those of the active span."""
        record = LogRecord(
            timestamp=1,
            observed_timestamp=2,
            severity_number=SeverityNumber.INFO,
            body="b",
            attributes={"a": 1},
            event_name="e",
        )

        assert (record.timestamp, record.observed_timestamp, record.body) == (1, 2, "b")
        assert (record.event_name, record.attributes) == ("e", {"a": 1})
        assert record.severity_number is SeverityNumber.INFO
        assert SeverityNumber.INFO.value == 9
        assert record.severity_text is None
        assert record.trace_flags == TraceFlags.get_default() == 0
        assert vars(record).keys() >= {"context", "trace_id", "span_id", "trace_flags"}

    def test_our_records_have_whatever_the_sdks_have(self) -> None:
        """In this version too: `Logger.emit` may read any of it."""
        assert all(hasattr(own_record(), name) for name in vars(LogRecord()))

    def test_a_record_is_made_of_a_log_record_a_resource_and_a_scope(self) -> None:
        """In this order, and keeps them."""
        log_record, resource, scope = LogRecord(), Resource({}), InstrumentationScope("n")
        record = ReadWriteLogRecord(log_record, resource, scope)

        assert record.log_record is log_record
        assert record.resource is resource
        assert record.instrumentation_scope is scope

    def test_attributes_are_bounded_and_count_what_was_dropped(self) -> None:
        """The count can be added to, and is the record's."""
        record = ReadWriteLogRecord(LogRecord(attributes={"a": 1}))
        attributes = record.log_record.attributes
        assert isinstance(attributes, BoundedAttributes)
        attributes.dropped += 2
        attributes["b"] = 2

        assert record.dropped_attributes == 2
        assert dict(attributes) == {"a": 1, "b": 2}

    def test_without_a_span_there_are_zeros(self) -> None:
        """Which mean none, here and in OTLP."""
        span = get_current_span(Context())

        assert span is INVALID_SPAN
        assert (span.get_span_context().trace_id, span.get_span_context().span_id) == (0, 0)


class TestResourceAndScope:
    """`Resource` and `InstrumentationScope`, by their public properties."""

    def test_a_resource_has_attributes_and_a_schema_url(self) -> None:
        """The URL is empty where there is none."""
        resource = Resource({"a": 1}, "https://r.example")

        assert dict(resource.attributes or {}) == {"a": 1}
        assert (resource.schema_url, Resource({}).schema_url) == ("https://r.example", "")

    def test_a_scope_has_a_name_a_version_attributes_and_a_schema_url(self) -> None:
        """The version is None where there is none."""
        scope = InstrumentationScope("n", "1", "https://s.example", {"a": 1})

        assert (scope.name, scope.version, scope.schema_url) == ("n", "1", "https://s.example")
        assert dict(scope.attributes or {}) == {"a": 1}
        assert InstrumentationScope("n").version is None

    def test_detection_reads_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`Resource.create` adds what the host says of itself."""
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment=prod")

        assert (Resource.create().attributes or {})["deployment"] == "prod"


class TestSuppression:
    """Our own requests stay out of the host's traces."""

    def test_instrumentation_is_off_in_our_context(self) -> None:
        """By the plain key, which every instrumentation looks at."""
        token = attach(Context())
        try:
            assert is_instrumentation_enabled()
            suppress_instrumentation()

            assert get_value("suppress_instrumentation") is True
            assert not is_instrumentation_enabled()
        finally:
            detach(token)


class TestStockExport:
    """Through an application's own provider, the stock processors and encoders do the rest."""

    def test_the_stock_encoder_understands_resources_and_scopes(self) -> None:
        """With every value, its type, and the counts; and complains of nothing."""
        app = AppPipeline()
        app.send("e", {**VALUES, "none": None}, VALUES, VALUES, moment=5)

        (event,) = contents_of(encode_logs(app.records)).events
        assert event.name == event.body == "e"
        assert event.timestamp == 5
        assert event.severity_number == 9
        base = base_attributes("acme", "5.1.0")
        in_order = dict(sorted(VALUES.items()))
        assert pairs(event.resource) == pairs({**base, **in_order})
        assert pairs(event.scope_attributes) == pairs(in_order)
        assert (event.scope_name, event.scope_version) == ("acme", "5.1.0")
        attributes = {key: value for key, value in event.attributes.items() if key != UID}
        assert pairs(attributes) == pairs({**VALUES, "none": None})

    @pytest.fixture(autouse=True)
    def _nothing_is_logged(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """Fail if OpenTelemetry logs a failure."""
        with caplog.at_level(logging.WARNING, "opentelemetry"):
            yield
        assert caplog.records == []

    def test_the_stock_encoder_groups_by_resource_and_scope(self) -> None:
        """True, 1 and 1.0 are three resources with three scopes; equal ones are one."""
        app = AppPipeline()
        for value in (True, 1, 1.0, True, 1, 1.0):
            app.send("e", None, {"k": value}, {"k": value})

        request = encode_logs(app.records)

        assert len(request.resource_logs) == 3
        assert [len(resource.scope_logs) for resource in request.resource_logs] == [1] * 3
        assert [len(item.scope_logs[0].log_records) for item in request.resource_logs] == [2] * 3

    def test_the_stock_batch_processor_takes_records(self) -> None:
        """It hands them to any exporter."""
        exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        try:
            AppPipeline(logger_provider=provider).send("e", {"a": 1}, {"u": 1})
            assert provider.force_flush()
        finally:
            provider.shutdown()

        (record,) = exporter.get_finished_logs()
        assert record.log_record.event_name == "e"
        assert (record.resource.attributes or {})["u"] == 1

    def test_the_console_exporter_shows_records(self) -> None:
        """As JSON, for which resource and scope have methods."""
        out = StringIO()
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(ConsoleLogRecordExporter(out)))

        AppPipeline(logger_provider=provider).send("e", {"a": b"\xff"}, {"u": b"\xff"}, {"g": 1})

        shown = json.loads(out.getvalue())
        assert shown["event_name"] == "e"
        assert shown["attributes"]["a"]
        assert shown["resource"]["attributes"]["u"] == "ff"
