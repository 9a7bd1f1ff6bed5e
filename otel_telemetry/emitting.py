"""Events through the OpenTelemetry SDK: what makes records of them, and where those go."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.sdk.resources import Resource

from otel_telemetry.config import TelemetryConfig
from otel_telemetry.counters import Counters
from otel_telemetry.delivery.courier import Transport
from otel_telemetry.delivery.delivery import connect
from otel_telemetry.delivery.permission import Permission
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.base import base_attributes, with_base
from otel_telemetry.mapping.records import EventRecord, Records
from otel_telemetry.mapping.resources import EventResource
from otel_telemetry.sinks import (
    AppProviderSink,
    BackendSink,
    DivertedSink,
    LogSink,
    Sink,
    Take,
)


def emitting(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_flaw: Callable[[str, int], None],
    *,
    permission: Permission | None,
    transport: Transport | None = None,
) -> tuple[Records, Sink[EventRecord]]:
    """Return what makes records of events, and what takes them: what the settings ask for.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: Who speaks; None for nobody.
        cleaner: Makes properties legal.
        on_flaw: Told of what was mended: its kind, and how often.
        permission: What may leave; None to print events instead of sending them.
        transport: Where requests go; None for the network.
    """
    base = base_resource(config, installation_id)
    sink = _sink(config, counters, base, permission, transport)
    return _records(config, base, cleaner, on_flaw, isinstance(sink, BackendSink)), sink


def diverting(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_flaw: Callable[[str, int], None],
    *,
    take: Take,
) -> tuple[Records, Sink[EventRecord]]:
    """Return what makes records of events, and what gives their three buckets to *take*.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: As in `emitting`.
        cleaner: As in `emitting`.
        on_flaw: As in `emitting`.
        take: Called with each event.
    """
    base = base_resource(config, installation_id)
    sink = DivertedSink(take, base.attributes, counters)
    return _records(config, EventResource({}), cleaner, on_flaw, False), sink


def _records(
    config: TelemetryConfig,
    base: EventResource,
    cleaner: Cleaner,
    on_flaw: Callable[[str, int], None],
    for_backend: bool,  # noqa: FBT001 - within this file
) -> Records:
    return Records(
        cleaner=cleaner,
        base=base,
        name=config.name,
        version=config.version,
        on_record=config.properties_on == "record",
        name_in_body=config.event_name_in_body,
        thorough=not for_backend,
        on_flaw=on_flaw,
    )


def base_resource(config: TelemetryConfig, installation_id: str | None = None) -> EventResource:
    """Return the resource that every event has before its user properties."""
    detected = Resource.create() if config.inherit_otel_env else Resource({})
    given = {**(detected.attributes or {}), **config.resource_attributes}
    base = base_attributes(config.name, config.version, installation_id)
    return EventResource(with_base(given, base), schema_url=detected.schema_url)


def _sink(
    config: TelemetryConfig,
    counters: Counters,
    base: EventResource,
    permission: Permission | None,
    transport: Transport | None,
) -> Sink[EventRecord]:
    if permission is None:
        return LogSink(config.name)
    if config.logger_provider is not None:
        return AppProviderSink(config.logger_provider, config.name, config.version, counters)
    return BackendSink(
        config, counters, base, permission, connect if transport is None else lambda _: transport
    )
