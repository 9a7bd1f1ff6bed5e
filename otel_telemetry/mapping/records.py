"""Event → LogRecord, with its Resource and its InstrumentationScope."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.sdk._logs import LogRecordLimits, ReadWriteLogRecord
from opentelemetry.trace import get_current_span

from otel_telemetry.mapping.attributes import Cleaned, Cleaner
from otel_telemetry.mapping.interning import Interner
from otel_telemetry.mapping.resources import EventResource
from otel_telemetry.mapping.scopes import EventScope
from otel_telemetry.otlp import encoder
from otel_telemetry.receipt import Receipt
from otel_telemetry.session import sessions
from otel_telemetry.typing import AttributeValue, Properties

if TYPE_CHECKING:
    from opentelemetry.attributes import BoundedAttributes

UID, _UID_HEAD = encoder.UID, encoder.UID_HEAD
SESSION = "session.id"


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
    are the attributes as the encoder has them, if it has.
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


class Records:
    """Makes records of one application's events. Thread-safe.

    Args:
        cleaner: Makes properties legal.
        base: What every resource has before its user properties.
        name: The scope's name.
        version: The scope's version.
        on_record: Whether user and group properties go on the record.
        name_in_body: Whether the event's name is also the body.
        thorough: Whether attributes are to be legal in every respect, for encoders other than ours.
        on_flaw: Told of what was mended: its kind, and how often.
    """

    def __init__(
        self,
        *,
        cleaner: Cleaner,
        base: EventResource,
        name: str,
        version: str | None,
        on_record: bool,
        name_in_body: bool,
        thorough: bool,
        on_flaw: Callable[[str, int], None],
    ) -> None:
        self._cleaner = cleaner
        self._thorough = thorough
        self._name = name
        self._name_in_body = name_in_body
        self._on_record = on_record
        self._on_flaw = on_flaw
        self._resources = Interner(
            lambda attributes, dropped: EventResource(attributes, base=base, dropped=dropped),
            cleaner,
        )
        self._scopes = Interner(
            lambda attributes, dropped: EventScope(name, version, attributes, dropped=dropped),
            cleaner,
        )
        self.new_process()

    def new_process(self) -> None:
        """Begin unique ids anew: after a fork, parent and child must not share them."""
        form = os.urandom(8).hex() + "%016x"
        # No frame of Python's own: it is one call for each event.
        self._uid: Callable[[], str] = map(form.__mod__, itertools.count()).__next__

    def record(
        self,
        name: str,
        timestamp: int | None,
        event_properties: Properties | None,
        user_properties: Properties | None,
        group_properties: Properties | None,
        left_out: int = 0,
    ) -> EventRecord:
        """Return the record of an event.

        Args:
            name: A legal event name.
            timestamp: Nanoseconds since the epoch; None for now.
            event_properties: Attributes of the record.
            user_properties: Attributes of the resource.
            group_properties: Attributes of the scope.
            left_out: Attributes that were left out of *event_properties* before.
        """
        plain = None if self._thorough else self._cleaner.plain(event_properties)
        cut = reserved = 0
        fields: list[bytes] | None = None
        if plain is not None:
            attributes, fields = plain
        else:
            attributes, cut, reserved = self._cleaner.clean(event_properties)
        if self._on_record:
            for prefix, bucket in (("user.", user_properties), ("group.", group_properties)):
                more = self._prefixed(prefix, bucket)
                attributes.update(more.attributes)
                cut, reserved = cut + more.cut, reserved + more.reserved
            user_properties = group_properties = fields = None
        resource = self._resources(user_properties)
        scope = self._scopes(group_properties)
        dropped = cut + reserved
        if dropped or resource.is_flawed or scope.is_flawed:
            self._report(
                cut + resource.cut + scope.cut, reserved + resource.reserved + scope.reserved
            )
        known = sessions.get()
        if self._name in known:
            attributes.setdefault(SESSION, known[self._name])
            fields = None
        attributes[UID] = uid = self._uid()
        if fields is not None:
            fields.append(_UID_HEAD + uid.encode())
        now = time.time_ns()
        record = EventRecord(
            name,
            name if self._name_in_body else None,
            now if timestamp is None else timestamp,
            now,
            attributes,
            dropped + left_out,
            resource.value,
            scope.value,
            fields,
        )
        context = get_current()
        if context:  # else there is no span to ask for
            span = get_current_span(context).get_span_context()
            record.trace_id = span.trace_id
            record.span_id = span.span_id
            record.trace_flags = span.trace_flags
        return record

    def _prefixed(self, prefix: str, properties: Properties | None) -> Cleaned:
        attributes, cut, reserved = self._cleaner.clean(properties)
        return Cleaned({prefix + key: value for key, value in attributes.items()}, cut, reserved)

    def _report(self, cut: int, reserved: int) -> None:
        if cut:
            self._on_flaw("cut", cut)
        if reserved:
            self._on_flaw("reserved_key", reserved)
