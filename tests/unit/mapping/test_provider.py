"""The LoggerProvider: one of ours, or the application's own."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource

from otel_telemetry import TelemetryConfig
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.sdk import (
    EventRecord,
    EventResource,
    app_emit,
    event_records,
    own_provider,
)
from tests.support.records import recorded

if TYPE_CHECKING:
    from otel_telemetry.mapping.sdk import EventMapper


class Kept(LogRecordProcessor):
    """A processor that keeps what it gets, and changes it."""

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
def records() -> EventMapper:
    """A maker of records."""
    return event_records(
        TelemetryConfig(name="acme", version="1"),
        Cleaner(),
        base=EventResource({"service.name": "acme"}),
        thorough=True,
        on_flaw=lambda _kind, _count: None,
    )


def make(records: EventMapper, **event_properties: object) -> EventRecord:
    """Make a record with something in each of its buckets."""
    return recorded(
        records, event=event_properties, user={"plan": "free"}, group={"group": {"id": 5}}
    )


def test_our_own_provider_hands_the_very_record_to_the_processor(records: EventMapper) -> None:
    """With its own resource and scope, not those of the provider and its logger."""
    kept = Kept()
    provider, emit = own_provider(Resource({"of": "provider"}), kept, "acme", "1")
    record = make(records, a=1)

    emit(record)

    assert kept.records == [record]
    assert kept.records[0] is record
    assert record.resource.attributes == {"service.name": "acme", "plan": "free"}
    assert record.instrumentation_scope.attributes == {"group": {"id": 5}}
    provider.shutdown()
    assert kept.is_shut_down


def test_our_own_provider_is_nobodys_global(records: EventMapper) -> None:
    """The application's other records go where they always went."""
    before = get_logger_provider()

    provider, emit = own_provider(Resource({}), Kept(), "acme", None)
    emit(make(records))

    assert get_logger_provider() is before
    assert get_logger_provider() is not provider


def test_our_own_provider_is_kept_alive_by_nobody() -> None:
    """No hook at exit holds it: whoever made it shuts it down."""
    kept = Kept()
    provider, _emit = own_provider(Resource({}), kept, "acme", None)
    gone = weakref.ref(provider)

    del provider, _emit
    gc.collect()

    assert gone() is None
    assert not kept.is_shut_down


def test_the_applications_processors_get_a_record_of_the_sdks_own_class(
    records: EventMapper,
) -> None:
    """With all that was sent, to which they can add."""
    kept = Kept()
    provider = LoggerProvider(Resource({"of": "app"}), shutdown_on_exit=False)
    provider.add_log_record_processor(kept)

    app_emit(provider, "acme", "1")(make(records, a=1, b="x"))

    (record,) = kept.records
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


def test_what_was_cut_is_told_to_the_application(records: EventMapper) -> None:
    """Beside what its own limits cut."""
    kept = Kept()
    provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
    provider.add_log_record_processor(kept)
    itself: list[object] = []
    itself.append(itself)

    app_emit(provider, "acme", "1")(make(records, a=itself, b=itself, c=1))

    assert kept.records[0].dropped_attributes == 2
