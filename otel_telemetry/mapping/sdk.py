"""Records of the OpenTelemetry SDK: their resources, scopes and attributes, and the providers.

Its classes check and copy all that they get. These subclasses do not, for their content is legal
already, and keep their OTLP bytes.
"""

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
    from opentelemetry.attributes import BoundedAttributes


class EventResource(Resource):
    """A Resource with its hash and its OTLP bytes computed once.

    Resources are equal if their bytes are: for the SDK's, ``True``, ``1`` and ``1.0`` are equal.
    The SDK's constructor does not run: before 1.45 it drops maps and None, and there may be
    thousands of resources. The whole public interface is overridden.

    Args:
        attributes: The attributes.
        base: A resource whose attributes and schema URL this one has as well; None for none.
        dropped_count: How many attributes were dropped.
        schema_url: The schema URL, if there is no base.

    Attributes:
        otlp: The encoded resource, as `otlp.encoder.resource_field` returns it.
    """

    def __init__(
        self,
        attributes: Mapping[str, AttributeValue],
        *,
        base: EventResource | None = None,
        dropped_count: int = 0,
        schema_url: str | None = None,
    ) -> None:
        self._own_attributes = dict(attributes)
        self._base = base
        self._url = schema_url or "" if base is None else base.schema_url
        self.otlp = resource_field(
            self.attributes, dropped_count=dropped_count, schema_url=self._url
        )
        self._hash = hash(self.otlp)

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """The attributes, read-only, with those of the base."""
        base = {} if self._base is None else self._base.attributes
        return MappingProxyType({**base, **self._own_attributes})

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
            default=lambda value: value.hex(),  # of bytes, the only other type
        )


class EventScope(InstrumentationScope):
    """An InstrumentationScope with its hash and its OTLP bytes computed once.

    The SDK's hash ignores the attributes, so scopes that differ in these alone collide, and a batch
    with many of them costs the SDK's encoder quadratic time. This hash is of the bytes.

    Args:
        name: The name.
        version: The version; None for none.
        attributes: The attributes.
        dropped_count: How many attributes were dropped.

    Attributes:
        otlp: The encoded scope, as `otlp.encoder.scope_field` returns it.
    """

    __slots__ = ("_hash", "_own_attributes", "otlp")

    def __init__(
        self,
        name: str,
        version: str | None,
        attributes: Mapping[str, AttributeValue],
        *,
        dropped_count: int = 0,
    ) -> None:
        super().__init__(name, version)
        self._own_attributes = MappingProxyType(dict(attributes))
        self.otlp = scope_field(name, version, attributes, dropped_count=dropped_count)
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
            default=lambda value: value.hex(),  # of bytes, the only other type
        )


class EventRecord(ReadWriteLogRecord):
    """A record of an event with legal attributes, which is its own LogRecord.

    The SDK's constructors check and copy every attribute, which costs more than all the rest of
    `send`. `Logger.emit` and `EncodingProcessor` need nothing else of a record. Processors of the
    application get `to_sdk_record`. The class has the fields that are alike in all events. The
    trace context is that of the span that is active now.

    Args:
        name: The event's name.
        body: The body; None for none.
        timestamp: Nanoseconds since the epoch.
        observed_timestamp: Nanoseconds since the epoch.
        attributes: Legal attributes; they become the record's own.
        dropped_count: How many attributes were dropped.
        resource: The resource.
        scope: The instrumentation scope.
        encoded_attributes: The attributes as the encoder returns them; None to encode them later.

    Attributes:
        receipt: The receipt, once `EncodingProcessor` has taken the record.
    """

    severity_number = SeverityNumber.INFO
    severity_text = None
    trace_id = 0
    span_id = 0
    trace_flags = 0
    # `Logger.emit` reads these too; a contract test names every field of the SDK's LogRecord.
    exception: BaseException | None = None
    context = None

    def __init__(
        self,
        name: str,
        body: str | None,
        timestamp: int,
        observed_timestamp: int,
        attributes: dict[str, AttributeValue],
        dropped_count: int,
        resource: EventResource,
        scope: EventScope,
        encoded_attributes: list[bytes] | None = None,
    ) -> None:
        self.event_name = name
        self.body = body
        self.timestamp = timestamp
        self.observed_timestamp = observed_timestamp
        self.attributes = attributes
        self.encoded_attributes = encoded_attributes
        self.dropped_count = dropped_count
        self.resource: EventResource = resource
        self.instrumentation_scope: EventScope = scope
        self.receipt: Receipt | None = None
        context = get_current()
        if context:  # an empty context has no span
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
        """How many attributes were dropped, by the SDK's name."""
        return self.dropped_count

    def to_sdk_record(self) -> ReadWriteLogRecord:
        """Return an equal record of the SDK's own classes, in the current context."""
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
        cast("BoundedAttributes", record.log_record.attributes).dropped += self.dropped_count
        return record


def no_limits() -> LogRecordLimits:
    """Return limits that cut nothing: ours have been applied to the records already.

    The constructor does not run: it reads the program's environment, and raises over bad values.
    """
    limits = LogRecordLimits.__new__(LogRecordLimits)
    for name in ("max_attributes", "max_attribute_length"):
        setattr(limits, name, None)
        setattr(limits, name.replace("max_", "max_log_record_"), None)
    return limits


_NO_LIMITS = no_limits()


class SdkMapper(Mapper[EventResource, EventScope, EventRecord]):
    """Maps the events of one application to records of the SDK. Thread-safe.

    Args:
        config: The settings.
        cleaner: Makes properties legal.
        base: The resource whose attributes every resource has.
        validate: As in `Mapper`.
        on_correction: As in `Mapper`.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        cleaner: Cleaner,
        *,
        base: EventResource,
        validate: bool,
        on_correction: Callable[[Correction, int], None],
    ) -> None:
        self._base = base
        self._scope = config.name, config.version
        super().__init__(config, cleaner, validate=validate, on_correction=on_correction)

    def _create_resource(
        self, attributes: dict[str, AttributeValue], dropped_count: int
    ) -> EventResource:
        return EventResource(attributes, base=self._base, dropped_count=dropped_count)

    def _create_scope(
        self, attributes: dict[str, AttributeValue], dropped_count: int
    ) -> EventScope:
        return EventScope(*self._scope, attributes, dropped_count=dropped_count)

    def _create_record(
        self,
        name: str,
        body: str | None,
        timestamp: int,
        observed_timestamp: int,
        attributes: dict[str, AttributeValue],
        dropped_count: int,
        resource: EventResource,
        scope: EventScope,
        encoded_attributes: list[bytes] | None,
    ) -> EventRecord:
        return EventRecord(
            name,
            body,
            timestamp,
            observed_timestamp,
            attributes,
            dropped_count,
            resource,
            scope,
            encoded_attributes,
        )


def create_provider(resource: Resource, processor: LogRecordProcessor) -> LoggerProvider:
    """Return a provider of our own with one *processor*.

    It is not the global provider, and does not shut down by itself at exit: `Telemetry.destroy`
    shuts it down.
    """
    # Newer versions otherwise read limits from the program's environment, and raise over bad ones.
    takes_limits = "log_record_limits" in inspect.signature(LoggerProvider).parameters
    limits = {"log_record_limits": no_limits()} if takes_limits else {}
    create = cast("Callable[..., LoggerProvider]", LoggerProvider)
    provider = create(resource, shutdown_on_exit=False, **limits)
    provider.add_log_record_processor(processor)
    return provider
