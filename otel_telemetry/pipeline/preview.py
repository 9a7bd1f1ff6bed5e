"""The request that one event would become, without sending it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.result import ExportResult
from otel_telemetry.hooks.sampling import preview_mode
from otel_telemetry.pipeline.pipeline import create_pipeline
from otel_telemetry.stats import Counters, Disposition
from otel_telemetry.types import Properties

_TIMEOUT = 10.0  # seconds; a preview takes milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be sent for one event.

    Attributes:
        request: The ExportLogsServiceRequest, before compression; None if none would be sent.
        reason: Why none would be sent, as in `Stats.dropped`; empty if one would.
        corrected: The corrections of the event by kind, as in `Stats.corrected`.
    """

    request: bytes | None
    reason: str
    corrected: Mapping[str, int]


def preview(
    config: TelemetryConfig,
    installation_id: str | None,
    name: str,
    event_properties: Properties,
    user_properties: Properties,
    group_properties: Properties,
) -> Preview:
    """Return what would be sent for this event. Nothing is sent or written to disk.

    The event passes hooks, mapper, encoder and worker, as any event does; only the transport is
    another one. The event does not count as the day's event for a hook that sends one a day. Other
    hooks may remember it. An application's own LoggerProvider is ignored: the preview shows what
    the library's own provider would send.

    Raises:
        InvalidEventError: The event is wrong.
    """
    # Detached delivery needs a spool in its settings; the preview does not use it either.
    spool = config.spool if config.delivery == "detached" else False
    config = replace(config, spool=spool, logger_provider=None, meter_provider=None)
    counters, transport = Counters(), _CaptureTransport()
    pipeline = create_pipeline(
        config, counters, ConsentGate(), installation_id, transport=transport
    )
    try:
        with preview_mode():
            receipt = pipeline.send(name, event_properties, user_properties, group_properties, None)
        pipeline.sink.flush(_TIMEOUT)
    finally:
        pipeline.sink.shutdown(0)
    reason = "" if transport.request is not None else receipt.reason
    return Preview(
        request=transport.request, reason=reason, corrected=counters.snapshot().corrected
    )


class _CaptureTransport:
    """A transport that keeps the request instead of sending it."""

    def __init__(self) -> None:
        self.request: bytes | None = None

    def send(self, request: bytes) -> ExportResult:
        self.request = request
        return ExportResult(disposition=Disposition.DELIVERED)

    def abort(self) -> None:
        """Do nothing: `send` returns at once."""

    def after_fork(self) -> None:
        """Do nothing: there is no connection."""
