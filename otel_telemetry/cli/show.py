"""``show``: the events that wait on disk, decoded from the very bytes that will leave."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry.cli import words
from otel_telemetry.cli.desk import Desk, Options, Result
from otel_telemetry.cli.events import table
from otel_telemetry.cli.waiting import events_waiting
from otel_telemetry.otlp.as_json import request_as_json

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Paint
    from otel_telemetry.otlp.decoder import DecodedEvent


def show(desk: Desk, options: Options) -> Result:
    """Read what waits. Nothing is locked, changed or sent."""
    events = list(events_waiting(desk.config, options.last))
    decision = desk.telemetry.decision
    notes: tuple[str, ...] = ()
    if events and not decision.enabled:
        notes = (f"note: nothing of this leaves now: {decision.reason}",)
    return Result(
        report=request_as_json(events), text=lambda paint: _lines(events, paint), notes=notes
    )


def _lines(events: list[DecodedEvent], paint: Paint) -> Iterator[str]:
    if not events:
        yield "Nothing waits on disk."
        return
    yield from table(events, paint)
    yield ""
    yield f"{words.counted(len(events), 'event')}"
