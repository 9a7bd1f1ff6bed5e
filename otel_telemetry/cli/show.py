"""``show``: the events that wait on disk, decoded from the very bytes that will leave."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry.cli import words
from otel_telemetry.cli.desk import Desk, Options, Result
from otel_telemetry.cli.events import table
from otel_telemetry.cli.waiting import events_waiting
from otel_telemetry.delivery.disk import leftovers
from otel_telemetry.otlp.as_json import request_as_json

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Paint
    from otel_telemetry.otlp.decoder import DecodedEvent


def show(desk: Desk, options: Options) -> Result:
    """Read what waits. Nothing is locked, changed or sent."""
    config, decision = desk.config, desk.telemetry.decision
    notes: tuple[str, ...] = ()
    if not decision.enabled and leftovers.segments(config, config.name):
        notes = (f"note: nothing of this leaves now: {decision.reason}",)
    events = events_waiting(config, options.last)  # for one of the two
    return Result(
        report=lambda: request_as_json(events),
        text=lambda paint: _lines(events, paint),
        notes=notes,
    )


def _lines(events: Iterator[DecodedEvent], paint: Paint) -> Iterator[str]:
    count = 0

    def counted() -> Iterator[DecodedEvent]:
        nonlocal count
        for event in events:
            count += 1
            yield event

    yield from table(counted(), paint)
    if not count:
        yield "Nothing waits on disk."
        return
    yield ""
    yield words.counted(count, "event")
