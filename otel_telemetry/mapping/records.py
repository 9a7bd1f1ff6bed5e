"""Event → LogRecord, with its Resource and its InstrumentationScope."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.sdk._logs import LogRecordLimits, ReadWriteLogRecord
from opentelemetry.trace import get_current_span

from otel_telemetry.config import TelemetryConfig
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.mapper import Mapper
from otel_telemetry.mapping.resources import EventResource
from otel_telemetry.mapping.scopes import EventScope
from otel_telemetry.receipt import Receipt
from otel_telemetry.typing import AttributeValue

if TYPE_CHECKING:
    from typing import TypeAlias

    from opentelemetry.attributes import BoundedAttributes


def no_limits() -> LogRecordLimits:
    """Return limits that cut nothing: our records are cut already, by our own.

    Not by the constructor, which reads the host's environment and raises over what it says there.
    """
    limits = LogRecordLimits.__new__(LogRecordLimits)
    for name in ("max_attributes", "max_attribute_length"):
        setattr(limits, name, None)
        setattr(limits, name.replace("max_", "max_log_record_"), None)
    return limits


_NO_LIMITS = no_limits()


class EventRecord(ReadWriteLogRecord):
    """A record whose attributes are legal already: it and its LogRecord are one object.

    The SDK's constructors check and copy every attribute, which costs more than all the rest of
    `send`. What `Logger.emit` and our processor read of a record is here all the same; anybody
    else's processor gets `standard`. Fields that are alike in all events are the class's; `fields`
    are the attributes as the encoder has them, if it has. It is of the span that is active when it
    is made.
    """

    severity_number = SeverityNumber.INFO
    severity_text = None
    trace_id = 0
    span_id = 0
    trace_flags = 0

    def __init__(
        self,
        name: str,
        body: str | None,
        timestamp: int,
        observed_timestamp: int,
        attributes: dict[str, AttributeValue],
        dropped: int,
        resource: EventResource,
        scope: EventScope,
        fields: list[bytes] | None = None,
    ) -> None:
        self.event_name = name
        self.body = body
        self.timestamp = timestamp
        self.observed_timestamp = observed_timestamp
        self.attributes = attributes
        self.fields = fields
        self.dropped = dropped
        self.resource: EventResource = resource
        self.instrumentation_scope: EventScope = scope
        self.receipt: Receipt | None = None
        context = get_current()
        if context:  # else there is no span to ask for
            span = get_current_span(context).get_span_context()
            self.trace_id = span.trace_id
            self.span_id = span.span_id
            self.trace_flags = span.trace_flags

    @property
    def log_record(self) -> EventRecord:  # type: ignore[override]
        """The record itself: it has the fields of a LogRecord."""
        return self

    @property
    def dropped_attributes(self) -> int:
        """How many attributes were left out."""
        return self.dropped

    def standard(self) -> ReadWriteLogRecord:
        """Return the same as a record of the SDK's own classes, in the current context."""
        log_record = LogRecord(
            timestamp=self.timestamp,
            observed_timestamp=self.observed_timestamp,
            severity_number=self.severity_number,
            body=self.body,
            attributes=self.attributes,
            event_name=self.event_name,
        )
        record = ReadWriteLogRecord(
            log_record, self.resource, self.instrumentation_scope, _NO_LIMITS
        )
        cast("BoundedAttributes", record.log_record.attributes).dropped += self.dropped
        return record


# Whatever else the SDK's LogRecord has, in this version or the next, `Logger.emit` may read.
for _name, _value in vars(LogRecord(observed_timestamp=0)).items():
    if not hasattr(EventRecord, _name) and _name not in {"event_name", "body", "attributes"}:
        setattr(EventRecord, _name, _value)


if TYPE_CHECKING:
    EventMapper: TypeAlias = Mapper[EventResource, EventScope, EventRecord]


def event_records(
    config: TelemetryConfig,
    cleaner: Cleaner,
    *,
    base: EventResource,
    thorough: bool,
    on_flaw: Callable[[str, int], None],
) -> EventMapper:
    """Return what makes records of one application's events, of the active span.

    Args:
        config: Whose events, and where each of their parts goes.
        cleaner: Makes properties legal.
        base: What every resource has before its user properties.
        thorough: As in `Mapper`.
        on_flaw: As in `Mapper`.
    """
    return Mapper(
        cleaner=cleaner,
        make_resource=lambda attributes, dropped: EventResource(
            attributes, base=base, dropped=dropped
        ),
        make_scope=lambda attributes, dropped: EventScope(
            config.name, config.version, attributes, dropped=dropped
        ),
        make_record=EventRecord,
        on_record=config.properties_on == "record",
        name=config.name,
        name_in_body=config.event_name_in_body,
        thorough=thorough,
        on_flaw=on_flaw,
    )
