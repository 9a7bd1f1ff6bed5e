"""Events through the OpenTelemetry SDK: what makes records of them, and where those go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource

from otel_telemetry.config import TelemetryConfig
from otel_telemetry.counters import Counters
from otel_telemetry.delivery.courier import Transport
from otel_telemetry.delivery.delivery import connect
from otel_telemetry.delivery.permission import Permission
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.base import base_attributes, with_base
from otel_telemetry.mapping.records import EventRecord, event_records
from otel_telemetry.mapping.resources import EventResource
from otel_telemetry.sinks.app_provider import AppProviderSink
from otel_telemetry.sinks.backend import BackendSink
from otel_telemetry.sinks.diverted import DivertedSink, Take
from otel_telemetry.sinks.stderr import LogSink

if TYPE_CHECKING:
    from otel_telemetry.mapping.records import EventMapper
    from otel_telemetry.sinks.sink import Sink


def emitting(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_flaw: Callable[[str, int], None],
    *,
    permission: Permission | None = None,
    transport: Transport | None = None,
    take: Take | None = None,
) -> tuple[EventMapper, Sink[EventRecord]]:
    """Return what makes records of events, and what takes them: what the settings ask for.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: Who speaks; None for nobody.
        cleaner: Makes properties legal.
        on_flaw: Told of what was mended: its kind, and how often.
        permission: What may leave; None to print events instead of sending them.
        transport: Where requests go; None for the network.
        take: Called with the three buckets of each event, instead of all that; None for no one.
    """
    base = base_resource(config, installation_id)
    sink: Sink[EventRecord]
    if take is not None:
        sink = DivertedSink(take, base.attributes, counters)
    elif permission is None:
        sink = LogSink(config.name)
    elif config.logger_provider is not None:
        sink = AppProviderSink(config.logger_provider, config.name, config.version, counters)
    else:
        made = connect if transport is None else lambda _config: transport
        sink = BackendSink(config, counters, base, permission, made)
    records = event_records(
        config,
        cleaner,
        base=base if take is None else EventResource({}),  # else it would be taken for the user's
        thorough=not isinstance(sink, BackendSink),
        on_flaw=on_flaw,
    )
    return records, sink


def base_resource(config: TelemetryConfig, installation_id: str | None = None) -> EventResource:
    """Return the resource that every event has before its user properties."""
    detected = Resource.create() if config.inherit_otel_env else Resource({})
    given = {**(detected.attributes or {}), **config.resource_attributes}
    base = base_attributes(config.name, config.version, installation_id)
    return EventResource(with_base(given, base), schema_url=detected.schema_url)
