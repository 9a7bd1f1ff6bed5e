"""User properties → an interned Resource."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.sdk._logs import (
    LoggerProvider,
    LogRecordLimits,
    LogRecordProcessor,
    ReadWriteLogRecord,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import get_current_span

from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.mapper import Mapper
from otel_telemetry.otlp.encoder import resource_field, scope_field
from otel_telemetry.receipt import Receipt
from otel_telemetry.stats import Correction
from otel_telemetry.types import AttributeValue

if TYPE_CHECKING:
    from typing import TypeAlias

    from opentelemetry.attributes import BoundedAttributes

    EventMapper: TypeAlias = "Mapper[EventResource, EventScope, EventRecord]"


class EventResource(Resource):
    """A Resource with its hash and its OTLP bytes computed once.

    Equality is that of the bytes: the SDK's takes ``True``, ``1`` and ``1.0`` for equal. Attributes
    are ours, not the SDK's: before 1.45 that drops maps and None. So is all that the public surface
    shows, and the SDK's constructor has nothing to do: there may be thousands of these.

    Args:
        attributes: What it has.
        base: What it has beside them, its schema URL included; None for nothing.
        dropped: How many attributes were left out.
        schema_url: The schema URL, where there is no base.
    """

    def __init__(
        self,
        attributes: Mapping[str, AttributeValue],
        *,
        base: EventResource | None = None,
        dropped: int = 0,
        schema_url: str | None = None,
    ) -> None:
        self._own = dict(attributes)
        self._base = base
        self._url = schema_url or "" if base is None else base.schema_url
        self.otlp = resource_field(self.attributes, dropped=dropped, schema_url=self._url)
        self._hash = hash(self.otlp)

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """The attributes, read-only; those of the base first."""
        base = {} if self._base is None else self._base.attributes
        return MappingProxyType({**base, **self._own})

    @property
    def schema_url(self) -> str:
        """The schema URL; empty for none."""
        return self._url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventResource) and self.otlp == other.otlp

    def __hash__(self) -> int:
        return self._hash

    def to_json(self, indent: int | None = 4) -> str:
        """Return the resource as JSON, as the SDK's own does."""
        return json.dumps(
            {"attributes": dict(self.attributes), "schema_url": self.schema_url},
            indent=indent,
            default=lambda value: value.hex(),  # bytes: nothing else is left
        )


class EventScope(InstrumentationScope):
    """An InstrumentationScope with its hash and its OTLP bytes computed once.

    The SDK's hash leaves the attributes out, so scopes that differ in nothing else collide, and a
    batch with many of them costs the stock encoder quadratic time. This one's is of its bytes.
    """

    __slots__ = ("_hash", "_own_attributes", "otlp")

    def __init__(
        self,
        name: str,
        version: str | None,
        attributes: Mapping[str, AttributeValue],
        *,
        dropped: int = 0,
    ) -> None:
        super().__init__(name, version)
        self._own_attributes = MappingProxyType(dict(attributes))
        self.otlp = scope_field(name, version, attributes, dropped=dropped)
        self._hash = hash(self.otlp)

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """The attributes, read-only."""
        return self._own_attributes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventScope) and self.otlp == other.otlp

    def __hash__(self) -> int:
        return self._hash

    def __lt__(self, other: object) -> bool:
        return self.otlp < other.otlp if isinstance(other, EventScope) else NotImplemented

    def to_json(self, indent: int | None = 4) -> str:
        """Return the scope as JSON, as the SDK's own does."""
        return json.dumps(
            {
                "name": self.name,
                "version": self.version,
                "schema_url": self.schema_url,
                "attributes": dict(self.attributes) or None,
            },
            indent=indent,
            default=lambda value: value.hex(),  # bytes: nothing else is left
        )


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


def event_records(
    config: TelemetryConfig,
    cleaner: Cleaner,
    *,
    base: EventResource,
    validate: bool,
    on_correction: Callable[[Correction, int], None],
) -> EventMapper:
    """Return what makes records of one application's events, of the active span.

    Args:
        config: Whose events, and where each of their parts goes.
        cleaner: Makes properties legal.
        base: What every resource has before its user properties.
        validate: As in `Mapper`.
        on_correction: As in `Mapper`.
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
        validate=validate,
        on_correction=on_correction,
    )


Emit = Callable[[EventRecord], None]


def own_provider(
    resource: Resource, processor: LogRecordProcessor, name: str, version: str | None
) -> tuple[LoggerProvider, Emit]:
    """Return a provider of our own, and what emits a record through it.

    It is nobody's global, and does not shut down by itself at exit: `Telemetry.destroy` does it.
    """
    # Else the newer versions read limits from the host's environment, and raise over a wrong one.
    takes_limits = "log_record_limits" in inspect.signature(LoggerProvider).parameters
    limits = {"log_record_limits": no_limits()} if takes_limits else {}
    make = cast("Callable[..., LoggerProvider]", LoggerProvider)
    provider = make(resource, shutdown_on_exit=False, **limits)
    provider.add_log_record_processor(processor)
    logger = provider.get_logger(name, version)
    # The SDK's emit takes a record with its own resource and scope, and keeps them; its type does
    # not say so. A contract test does.
    return provider, cast("Emit", logger.emit)


def app_emit(provider: LoggerProvider, name: str, version: str | None) -> Emit:
    """Return what emits a record through the application's own *provider*.

    Its processors may be anybody's: they get a record of the SDK's own class, with attributes that
    they can add to.
    """
    emit = cast("Callable[[ReadWriteLogRecord], None]", provider.get_logger(name, version).emit)
    return lambda record: emit(record.standard())
