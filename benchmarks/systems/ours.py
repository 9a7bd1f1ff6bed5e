"""otel_telemetry itself, with memory only and with the spool."""

# Packages are imported when a connection is made: the registry must not load what it describes.
# ruff: noqa: PLC0415

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.systems.base import Connection, System

if TYPE_CHECKING:
    from benchmarks.workload import Event


def _has_spool() -> bool:
    from otel_telemetry import TelemetryConfig

    return any(field.name == "spool" for field in dataclasses.fields(TelemetryConfig))


def _connect(endpoint: str, state: str, *, spool: bool) -> Connection:
    from otel_telemetry import Telemetry

    settings: dict[str, Any] = {"version": "1", "enabled": True, "endpoint": endpoint}
    if _has_spool():
        settings["spool"] = Path(state, "spool") if spool else False
    telemetry = Telemetry("bench", **settings)
    telemetry.register()
    telemetry.bootstrap()
    send_event = telemetry.send

    def send(event: Event) -> None:
        send_event(
            event.name,
            event_properties=event.event_properties,
            user_properties=event.user_properties,
            group_properties=event.group_properties,
        )

    return Connection(
        send=send, flush=functools.partial(telemetry.flush, 10), close=telemetry.destroy
    )


def _spool_missing() -> str | None:
    return None if _has_spool() else "no spool yet"


_memory = System(
    name="ours",
    title="otel_telemetry",
    distribution="otel-telemetry",
    module="otel_telemetry.telemetry",
    import_line="from otel_telemetry import Telemetry",
    connect=functools.partial(_connect, spool=False),
)

SYSTEMS = (
    _memory,
    dataclasses.replace(
        _memory,
        name="ours-spool",
        title="otel_telemetry, spool on",
        connect=functools.partial(_connect, spool=True),
        missing=_spool_missing,
    ),
)
