"""Events as log records."""

from __future__ import annotations

import datetime
import gc
import re
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger_provider
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from otel_telemetry import TelemetryConfig
from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.sdk import (
    EventRecord,
    EventResource,
    SdkMapper,
    create_provider,
)
from otel_telemetry.mapping.values import is_reserved
from otel_telemetry.otlp.encoder import UID
from tests.support.records import recorded

if TYPE_CHECKING:
    from otel_telemetry.mapping.sdk import SdkMapper
    from otel_telemetry.types import AttributeValue


BASE = EventResource({"service.name": "acme", "os.type": "linux"}, schema_url="https://r.example")


class Corrections(dict[str, int]):
    """The corrections so far, by kind."""

    def __call__(self, kind: str, count: int) -> None:
        """Add to them."""
        self[kind] = self.get(kind, 0) + count


@pytest.fixture
def corrections() -> Corrections:
    """The corrections of the test."""
    return Corrections()


def make_records(
    corrections: Corrections | None = None,
    *,
    validate: bool = False,
    limits: Limits | None = None,
    **settings: Any,
) -> SdkMapper:
    """Make a maker of records."""
    return SdkMapper(
        TelemetryConfig(name="acme", version="5.1.0", **settings),
        Cleaner(limits, is_reserved=is_reserved),
        base=BASE,
        validate=validate,
        on_correction=Corrections() if corrections is None else corrections,
    )


def attributes_of(record: EventRecord) -> dict[str, AttributeValue]:
    """Return the attributes of *record* but for its unique id."""
    return {key: value for key, value in (record.log_record.attributes or {}).items() if key != UID}


class TestRecord:
    """What each record says."""

    def test_each_bucket_has_its_place(self) -> None:
        """Event properties on the record, user's on the resource, group's on the scope."""
        event, user, group = {"model": "article"}, {"plan": "free"}, {"db": {"v": 15}}
        record = recorded(make_records(), "didCreateEntry", event, user, group)

        assert record.log_record.event_name == "didCreateEntry"
        assert attributes_of(record) == {"model": "article"}
        assert record.resource.attributes == {**BASE.attributes, "plan": "free"}
        assert record.resource.schema_url == BASE.schema_url
        scope = record.instrumentation_scope
        assert (scope.name, scope.version, scope.attributes) == ("acme", "5.1.0", {"db": {"v": 15}})
        assert record.receipt is None

    def test_no_bucket_is_needed(self) -> None:
        """The base resource and the bare scope are there."""
        record = recorded(make_records())

        assert attributes_of(record) == {}
        assert record.resource == BASE
        assert record.instrumentation_scope.attributes == {}

    def test_a_user_property_beats_the_base_resource(self) -> None:
        """But for reserved keys."""
        record = recorded(make_records(), user={"os.type": "plan9", "service.name": "evil"})

        assert record.resource.attributes == {"service.name": "acme", "os.type": "plan9"}

    @pytest.mark.parametrize(("in_body", "body"), [(True, "e"), (False, None)])
    def test_the_name_is_the_body_if_wanted(self, in_body: bool, body: str | None) -> None:  # noqa: FBT001
        """For the many backends that drop the field for it."""
        record = recorded(make_records(event_name_in_body=in_body))

        assert record.log_record.body == body

    def test_the_time_is_now_unless_it_is_given(self) -> None:
        """The time of observation is always now."""
        records = make_records()
        before = time.time_ns()
        now = recorded(records).log_record
        then = recorded(records, timestamp=5).log_record
        after = time.time_ns()

        assert now.timestamp == now.observed_timestamp
        assert then.timestamp == 5
        for log_record in (now, then):
            assert log_record.observed_timestamp is not None
            assert before <= log_record.observed_timestamp <= after

    def test_its_severity_is_info(self) -> None:
        """And has no text."""
        log_record = recorded(make_records()).log_record

        assert log_record.severity_number is SeverityNumber.INFO
        assert log_record.severity_text is None

    def test_records_share_nothing_that_can_be_changed(self) -> None:
        """A processor that adds to one adds to no other."""
        records = make_records()
        first, second = (recorded(records, event={"a": 1}) for _ in range(2))
        assert isinstance(first.log_record.attributes, dict)
        first.log_record.attributes["b"] = 2
        first.log_record.body = "changed"

        assert attributes_of(second) == {"a": 1}
        assert second.log_record.body == "e"

    def test_a_record_has_every_field_of_an_sdk_record(self) -> None:
        """Every field that the SDK's constructors set."""
        record = recorded(make_records(), event={"a": 1})

        assert isinstance(record, ReadWriteLogRecord)
        assert all(hasattr(record.log_record, name) for name in vars(LogRecord()))

    def test_to_sdk_record_returns_an_equal_sdk_record(self) -> None:
        """A change of it does not change this one."""
        record = recorded(
            make_records(limits=Limits(count=2)),
            event={"a": 1, "b": "x", "c": 1},
            user={"plan": "free"},
            timestamp=5,
        )
        sdk_record = record.to_sdk_record()
        ours, theirs = record.log_record, sdk_record.log_record

        assert (type(sdk_record), type(theirs)) == (ReadWriteLogRecord, LogRecord)
        for name in ("event_name", "body", "timestamp", "observed_timestamp", "severity_number"):
            assert getattr(theirs, name) == getattr(ours, name)
        assert dict(theirs.attributes or {}) == ours.attributes
        assert sdk_record.resource is record.resource
        assert sdk_record.instrumentation_scope is record.instrumentation_scope
        assert sdk_record.dropped_attributes == record.dropped_attributes == 1
        theirs.attributes["d"] = 1  # type: ignore[index]  # they are bounded attributes
        assert "d" not in ours.attributes


class TestUniqueId:
    """A store can drop duplicates."""

    def test_each_record_has_its_own(self) -> None:
        """32 hexadecimal digits, among all makers."""
        several = [make_records() for _ in range(3)]
        ids = [
            (recorded(records).log_record.attributes or {})[UID]
            for records in several
            for _ in range(100)
        ]

        assert len(set(ids)) == 300
        assert all(re.fullmatch("[0-9a-f]{32}", str(uid)) for uid in ids)

    def test_a_new_process_has_others(self) -> None:
        """A forked child goes on from the same state."""
        records = make_records()
        first = (recorded(records).log_record.attributes or {})[UID]
        records.after_fork()
        second = (recorded(records).log_record.attributes or {})[UID]

        assert str(first)[:16] != str(second)[:16]

    def test_the_caller_cannot_give_it(self, corrections: Corrections) -> None:
        """The attempt is counted."""
        record = recorded(make_records(corrections), event={UID: "mine"})

        assert (record.log_record.attributes or {})[UID] != "mine"
        assert (record.dropped_attributes, corrections) == (1, {"reserved_key": 1})


class TestTrace:
    """The active span is on the record."""

    @pytest.mark.parametrize("flags", [TraceFlags.SAMPLED, TraceFlags.DEFAULT])
    def test_the_active_span_is_on_the_record(self, flags: int) -> None:
        """Its ids, and whether it is sampled."""
        span = NonRecordingSpan(
            SpanContext(2**127, 5, is_remote=False, trace_flags=TraceFlags(flags))
        )
        token = attach(set_span_in_context(span, Context({"baggage": "b"})))
        try:
            record = recorded(make_records())
            sdk_record = record.to_sdk_record()
        finally:
            detach(token)

        for log_record in (record.log_record, sdk_record.log_record):
            assert (log_record.trace_id, log_record.span_id) == (2**127, 5)
            assert log_record.trace_flags == flags

    def test_a_span_of_the_sdk_is_on_the_record(self) -> None:
        """Where there is none, there is none."""
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
        records = make_records()
        with tracer.start_as_current_span("s"):
            within = recorded(records).log_record
            span = get_current_span().get_span_context()
        without = recorded(records).log_record

        assert (within.trace_id, within.span_id) == (span.trace_id, span.span_id)
        assert (without.trace_id, without.span_id, without.trace_flags) == (0, 0, 0)


class TestCorrections:
    """Corrections are counted, and the event is sent."""

    @pytest.mark.parametrize("validate", [False, True])
    def test_dropped_values_are_counted_in_every_bucket(
        self, corrections: Corrections, *, validate: bool
    ) -> None:
        """Each time; record, resource and scope have their dropped count."""
        records = make_records(corrections, validate=validate, limits=Limits(count=2))
        bad: Mapping[str, object] = {"": 1, "service.name": "x", "a": 1, "b": 2, "c": 3}
        for times in (1, 2):
            record = recorded(records, event=bad, user=bad, group=bad)

            assert corrections == {"cut": 6 * times, "reserved_key": 3 * times}
            assert attributes_of(record) == {"a": 1, "b": 2}
            assert record.dropped_attributes == 3
            assert record.resource == EventResource(
                {**BASE.attributes, "a": 1, "b": 2}, dropped_count=3, schema_url=BASE.schema_url
            )
            assert record.instrumentation_scope.attributes == {"a": 1, "b": 2}

    @pytest.mark.parametrize("kind", ["cut", "reserved_key"])
    def test_each_kind_of_correction_is_counted_alone(
        self, corrections: Corrections, kind: str
    ) -> None:
        """The other kind is not reported."""
        bad: dict[str, object] = {"" if kind == "cut" else UID: 1}
        recorded(make_records(corrections), group=bad)

        assert corrections == {kind: 1}

    def test_validated_values_are_legal_for_any_encoder(self) -> None:
        """Without `validate`, our own encoder corrects them later."""
        properties = {"big": 2**64, "text": "\ud800", "when": datetime.date(2024, 1, 1)}
        records = make_records(validate=True)
        for _ in range(2):
            record = recorded(records, event=properties)

            assert attributes_of(record) == {
                "big": str(2**64),
                "text": "\ufffd",
                "when": "2024-01-01",
            }


class TestOnRecord:
    """For backends that cannot take many resources."""

    def test_user_and_group_properties_are_on_the_record(self, corrections: Corrections) -> None:
        """Under prefixes; resource and scope are always the same."""
        records = make_records(corrections, properties_on="record")
        one = recorded(
            records, event={"a": 1}, user={"plan": "free", UID: 1}, group={"db": [1], "": 2}
        )
        two = recorded(records, event={"a": 1}, user={"plan": "paid"})
        bare = recorded(records)

        assert attributes_of(one) == {"a": 1, "user.plan": "free", "group.db": [1]}
        assert attributes_of(two) == {"a": 1, "user.plan": "paid"}
        assert attributes_of(bare) == {}
        assert one.resource is two.resource is bare.resource
        assert one.instrumentation_scope is two.instrumentation_scope
        assert (one.dropped_attributes, corrections) == (2, {"cut": 1, "reserved_key": 1})


class RecordingProcessor(LogRecordProcessor):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        self.records: list[ReadWriteLogRecord] = []
        self.is_shut_down = False

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Keep a record."""
        self.records.append(log_record)

    def shutdown(self) -> None:
        """Note it."""
        self.is_shut_down = True

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Do nothing."""
        return timeout_millis > 0


@pytest.fixture
def records() -> SdkMapper:
    """A mapper whose records are valid for any encoder."""
    return SdkMapper(
        TelemetryConfig(name="acme", version="1"),
        Cleaner(),
        base=EventResource({"service.name": "acme"}),
        validate=True,
        on_correction=lambda _kind, _count: None,
    )


def make(records: SdkMapper, **event_properties: object) -> EventRecord:
    """Make a record with something in each of its buckets."""
    return recorded(
        records, event=event_properties, user={"plan": "free"}, group={"group": {"id": 5}}
    )


def emit(provider: LoggerProvider, record: ReadWriteLogRecord) -> None:
    """Emit a record that has its own resource and scope."""
    provider.get_logger("acme", "1").emit(record)  # type: ignore[call-overload]  # the SDK takes it


def test_the_processor_gets_the_same_record_object(records: SdkMapper) -> None:
    """The record keeps its own resource and scope, not those of the provider and its logger."""
    processor = RecordingProcessor()
    provider = create_provider(Resource({"of": "provider"}), processor)
    record = make(records, a=1)

    emit(provider, record)

    assert processor.records == [record]
    assert processor.records[0] is record
    assert record.resource.attributes == {"service.name": "acme", "plan": "free"}
    assert record.instrumentation_scope.attributes == {"group": {"id": 5}}
    provider.shutdown()
    assert processor.is_shut_down


def test_our_provider_does_not_become_the_global_one(records: SdkMapper) -> None:
    """The application's other records keep their provider."""
    before = get_logger_provider()

    provider = create_provider(Resource({}), RecordingProcessor())
    emit(provider, make(records))

    assert get_logger_provider() is before
    assert get_logger_provider() is not provider


def test_our_provider_registers_no_exit_hook() -> None:
    """Without references it is collected, and not shut down."""
    processor = RecordingProcessor()
    provider = create_provider(Resource({}), processor)
    reference = weakref.ref(provider)

    del provider
    gc.collect()

    assert reference() is None
    assert not processor.is_shut_down


@pytest.fixture
def processor() -> RecordingProcessor:
    """A processor of the application."""
    return RecordingProcessor()


@pytest.fixture
def app_provider(processor: RecordingProcessor) -> LoggerProvider:
    """The application's provider, with that processor."""
    provider = LoggerProvider(Resource({"of": "app"}), shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    return provider


def test_the_applications_processors_get_an_sdk_record(
    records: SdkMapper, app_provider: LoggerProvider, processor: RecordingProcessor
) -> None:
    """It has all that was sent, and attributes that a processor can add to."""
    emit(app_provider, make(records, a=1, b="x").to_sdk_record())

    (record,) = processor.records
    assert type(record) is ReadWriteLogRecord
    assert record.log_record.event_name == "e"
    assert record.log_record.attributes is not None
    assert dict(record.log_record.attributes).items() >= {"a": 1, "b": "x"}.items()
    assert record.resource is not None
    assert record.instrumentation_scope is not None
    assert record.resource.attributes == {"service.name": "acme", "plan": "free"}
    assert record.instrumentation_scope.attributes == {"group": {"id": 5}}
    record.log_record.attributes["added"] = True  # type: ignore[index]  # a BoundedAttributes
    assert record.log_record.attributes["added"] is True
    assert record.dropped_attributes == 0


def test_an_sdk_record_counts_the_attributes_that_were_dropped(
    records: SdkMapper, app_provider: LoggerProvider, processor: RecordingProcessor
) -> None:
    """In addition to those that its own limits drop."""
    cycle: list[object] = []
    cycle.append(cycle)

    emit(app_provider, make(records, a=cycle, b=cycle, c=1).to_sdk_record())

    assert processor.records[0].dropped_attributes == 2
