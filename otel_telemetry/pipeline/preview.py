"""What would leave: an event taken all its way, up to where the network begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.result import ExportResult
from otel_telemetry.hooks.sampling import preview_mode
from otel_telemetry.pipeline.pipeline import Pipeline
from otel_telemetry.stats import Counters, Disposition
from otel_telemetry.types import Properties

_LONGEST = 10.0  # seconds; it is milliseconds, and nobody waits for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would become of one event.

    Attributes:
        request: The ExportLogsServiceRequest, before compression; None if nothing would leave.
        reason: Why not, as in `Stats.dropped`; empty if it would.
        corrected: What would be corrected in it, as in `Stats.corrected`.
    """

    request: bytes | None
    reason: str
    corrected: Mapping[str, int]


class _Catch:
    """Stands where a transport would, and keeps what it is given."""

    def __init__(self) -> None:
        self.request: bytes | None = None

    def send(self, request: bytes) -> ExportResult:
        self.request = request
        return ExportResult(disposition=Disposition.DELIVERED)

    def abort(self) -> None:
        """Do nothing: nothing takes any time here."""

    def after_fork(self) -> None:
        """Do nothing: there is no connection."""


def preview(
    config: TelemetryConfig,
    installation_id: str | None,
    name: str,
    event_properties: Properties,
    user_properties: Properties,
    group_properties: Properties,
) -> Preview:
    """Return what would leave, were this event sent. Nothing leaves, and nothing is kept.

    The event passes hooks, mapping, encoder and courier, as it does when it is sent; only the
    transport is another. A hook that sends once a day does not take this for the day's event; what
    other hooks remember of it is theirs. What an application's own LoggerProvider would make of it
    is not known here: shown is what ours would send.

    Raises:
        InvalidEventError: It could not go as it is.
    """
    # What another process delivers needs a spool in its settings; here it is not used either.
    spool = config.spool if config.delivery == "detached" else False
    config = replace(config, spool=spool, logger_provider=None, meter_provider=None)
    counters, caught = Counters(), _Catch()
    pipeline = Pipeline(config, counters, ConsentGate(), installation_id, transport=caught)
    try:
        with preview_mode():
            receipt = pipeline.send(name, event_properties, user_properties, group_properties, None)
        pipeline.sink.flush(_LONGEST)
    finally:
        pipeline.sink.shutdown(0)
    reason = "" if caught.request is not None else receipt.reason
    return Preview(request=caught.request, reason=reason, corrected=counters.snapshot().corrected)
