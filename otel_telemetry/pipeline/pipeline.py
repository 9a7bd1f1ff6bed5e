"""The way of an event while telemetry is on: hooks and catalogue, then a mapper, then a sink.

Pure standard library, but for the sinks. `sdk_sinks` imports OpenTelemetry; `spool_sink` does not,
and leaves events on disk for another process to deliver.
"""

from __future__ import annotations

from dataclasses import replace

from otel_telemetry._internal import fork
from otel_telemetry._internal.generics import Generic, TypeVar
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.events import merge_payload, to_nanoseconds, validate_name
from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.values import is_reserved
from otel_telemetry.pipeline.filters import EventDropped, EventFilter
from otel_telemetry.receipt import Receipt, dropped
from otel_telemetry.stats import Correction

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable
    from typing import TypeAlias

    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.export.consent_gate import ConsentGate
    from otel_telemetry.export.worker import Transport
    from otel_telemetry.mapping.mapper import Mapper
    from otel_telemetry.mapping.sdk import EventRecord, EventResource, EventScope
    from otel_telemetry.otlp.requests import EncodedRecord
    from otel_telemetry.pipeline.sdk_sinks import CaptureCallback
    from otel_telemetry.pipeline.sink import Sink
    from otel_telemetry.stats import Counters
    from otel_telemetry.types import Properties

    SdkPipeline: TypeAlias = "Pipeline[EventResource, EventScope, EventRecord]"
    SpoolPipeline: TypeAlias = "Pipeline[bytes, bytes, EncodedRecord]"
    AnyPipeline: TypeAlias = "SdkPipeline | SpoolPipeline"

_Resource = TypeVar("_Resource")
_Scope = TypeVar("_Scope")
_Record = TypeVar("_Record")

_MAX_KNOWN_NAMES = 1024


class Pipeline(Generic[_Resource, _Scope, _Record]):
    """Takes events from `Telemetry.send` to a sink. Thread-safe.

    Args:
        config: The settings.
        counters: The counts to keep.
        cleaner: Makes properties legal.
        mapper: Maps events to records.
        sink: Takes the records.
        corrections: Counts or refuses corrections.

    Attributes:
        sink: The sink.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        counters: Counters,
        cleaner: Cleaner,
        mapper: Mapper[_Resource, _Scope, _Record],
        sink: Sink[_Record],
        corrections: Corrections,
    ) -> None:
        self._counters = counters
        self._mapper = mapper
        self._filter = EventFilter(config, cleaner, mapper, corrections.report)
        self._has_filter = bool(config.before_send) or config.catalog is not None
        self._corrections = corrections
        self._known_names: set[str] = set()
        self.sink = sink

    def unpack(
        self,
        payload: object,
        event_properties: Properties | None,
        user_properties: Properties | None,
        group_properties: Properties | None,
    ) -> tuple[Properties | None, Properties | None, Properties | None]:
        """Return the three buckets of *payload*, joined with the arguments, which win.

        Raises:
            InvalidEventError: *payload* is neither a TelemetryPayload nor a mapping.
        """
        arguments = event_properties, user_properties, group_properties
        buckets, unknown = merge_payload(payload, arguments)
        if unknown:
            self._corrections.report(Correction.UNKNOWN_BUCKET, unknown)
        return buckets

    def send(
        self,
        name: object,
        event_properties: Properties | None,
        user_properties: Properties | None,
        group_properties: Properties | None,
        moment: datetime.datetime | int | None,
    ) -> Receipt:
        """Send an event to the sink; return its receipt.

        Args:
            name: The name, or an instance of a class decorated with `catalog.event`.
            event_properties: The event properties.
            user_properties: The user properties.
            group_properties: The group properties.
            moment: When it happened; None for now.

        Raises:
            InvalidEventError: An argument is wrong, or is corrected while `strict` is on.
        """
        validator = None
        # Names recur; each is checked once.
        if type(name) is not str or name not in self._known_names:
            declaration: EventDeclaration | None = getattr(type(name), "__telemetry_event__", None)
            if declaration is None:
                name = validate_name(name)
                if len(self._known_names) < _MAX_KNOWN_NAMES:
                    self._known_names.add(name)
            else:
                event_properties, user_properties, group_properties = declaration.merge(
                    name, (event_properties, user_properties, group_properties)
                )
                name, validator = declaration.name, declaration.validator
        timestamp = None if moment is None else to_nanoseconds(moment)
        if validator is None and not self._has_filter:
            mapper = self._mapper
            record = mapper.map(
                name,
                timestamp,
                event_properties,
                mapper.resources.get(user_properties),
                mapper.scopes.get(group_properties),
            )
        else:
            try:
                record = self._filter.map(
                    name, timestamp, event_properties, user_properties, group_properties, validator
                )
            except EventDropped as drop:
                self._counters.drop(drop.reason)
                return dropped(drop.reason)
        return self.sink.emit(record)

    def after_fork(self) -> None:
        """Start empty in a forked child."""
        self._counters.after_fork()
        self._mapper.after_fork()
        self.sink.after_fork()


class Corrections:
    """Counts the corrections of events; with the setting `strict`, refuses these events.

    Args:
        config: The settings.
        counters: The counts to keep.
    """

    def __init__(self, config: TelemetryConfig, counters: Counters) -> None:
        self._strict = config.strict
        self._counters = counters

    def report(self, kind: Correction, count: int, names: Iterable[str] = ()) -> None:
        """Count *count* corrections of a *kind*, of the properties *names* if they are known.

        Raises:
            InvalidEventError: The setting `strict` is on.
        """
        if self._strict:
            which = ", ".join(map(repr, names)) or count
            raise InvalidEventError(f"the event is not legal as it is: {kind.value} ({which})")
        self._counters.correct(kind, count)
        quiet_log.warning("an event was corrected: %s", kind.value)


def create_pipeline(
    config: TelemetryConfig,
    counters: Counters,
    consent_gate: ConsentGate | None = None,
    installation_id: str | None = None,
    *,
    transport: Transport | None = None,
) -> AnyPipeline:
    """Return the pipeline for the settings.

    Args:
        config: The settings.
        counters: The counts to keep.
        consent_gate: The consent to send; None to print events instead of sending them.
        installation_id: The id of the installation; None for none.
        transport: Sends the requests, and the spool is not used; None for the network.
    """
    if consent_gate is None or config.delivery != "detached":
        return _sdk_pipeline(config, counters, consent_gate, installation_id, transport=transport)
    with fork.import_lock:
        from otel_telemetry.pipeline.spool_sink import (  # noqa: PLC0415 - only if used
            spool_mapper_and_sink,
        )

    cleaner, corrections = _create_cleaner(config), Corrections(config, counters)
    mapper, sink = spool_mapper_and_sink(
        config,
        counters,
        installation_id,
        cleaner,
        corrections.report,
        consent_gate=consent_gate,
        transport=transport,
    )
    return Pipeline(config, counters, cleaner, mapper, sink, corrections)


def capture_pipeline(
    config: TelemetryConfig, counters: Counters, callback: CaptureCallback
) -> SdkPipeline:
    """Return a pipeline whose sink calls *callback* with each event, in its three buckets.

    It ignores the OpenTelemetry settings of the machine: a test has the same result everywhere.
    """
    config = replace(config, properties_on="resource_and_scope", inherit_otel_env=False)
    return _sdk_pipeline(config, counters, None, None, callback=callback)


def _sdk_pipeline(
    config: TelemetryConfig,
    counters: Counters,
    consent_gate: ConsentGate | None,
    installation_id: str | None,
    *,
    transport: Transport | None = None,
    callback: CaptureCallback | None = None,
) -> SdkPipeline:
    with fork.import_lock:
        from otel_telemetry.pipeline.sdk_sinks import (  # noqa: PLC0415 - OpenTelemetry
            sdk_mapper_and_sink,
        )

    cleaner, corrections = _create_cleaner(config), Corrections(config, counters)
    mapper, sink = sdk_mapper_and_sink(
        config,
        counters,
        installation_id,
        cleaner,
        corrections.report,
        consent_gate=consent_gate,
        transport=transport,
        callback=callback,
    )
    return Pipeline(config, counters, cleaner, mapper, sink, corrections)


def _create_cleaner(config: TelemetryConfig) -> Cleaner:
    limits = Limits(count=config.attribute_count_limit, length=config.attribute_length_limit)
    return Cleaner(limits, is_reserved=is_reserved)
