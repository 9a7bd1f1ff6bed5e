"""``show``, and the summary of the events that wait on disk."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.context import Context, Options, Result
from otel_telemetry.cli.formatting import table
from otel_telemetry.otlp.decoder import decode_record
from otel_telemetry.otlp.json import request_as_json
from otel_telemetry.spool import admin

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.otlp.decoder import DecodedEvent
    from otel_telemetry.otlp.requests import EncodedRecord


NOTHING_WAITED = "Nothing waited on disk."


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """A summary of the events that wait on disk, of all processes and destinations.

    Attributes:
        events: The number of events in readable files.
        files: The number of files.
        bytes: The size of these files.
        unreadable: The number of files that are damaged or have another version of the format.
        oldest_at: The time of the last write to the oldest file, in seconds since the epoch; None
            without files.
    """

    events: int = 0
    files: int = 0
    bytes: int = 0
    unreadable: int = 0
    oldest_at: float | None = None


def read_backlog(config: TelemetryConfig) -> Backlog:
    """Return a summary of the events that wait for the application with *config*."""
    segments = list(admin.read_segments(config, config.name))
    return Backlog(
        events=sum(len(item.content.records) for item in segments if item.content is not None),
        files=len(segments),
        bytes=sum(item.size for item in segments),
        unreadable=sum(item.content is None for item in segments),
        oldest_at=min((item.at for item in segments), default=None),
    )


def read_events(config: TelemetryConfig, last: int | None = None) -> Iterator[DecodedEvent]:
    """Yield the events that wait, oldest first; with *last*, only that many of the newest.

    An event that cannot be decoded is left out.
    """
    segments = sorted(admin.read_segments(config, config.name), key=lambda item: item.at)
    records = [
        record for item in segments if item.content is not None for record in item.content.records
    ]
    for record in records if last is None else records[max(len(records) - last, 0) :]:
        yield from _decode(record)


def _decode(record: EncodedRecord) -> list[DecodedEvent]:
    try:
        return list(decode_record(*record))
    except ValueError:
        return []


def show(context: Context, options: Options) -> Result:
    """Show the events that wait. Locks, changes and sends nothing."""
    config, decision = context.config, context.telemetry.decision
    notes: tuple[str, ...] = ()
    if not decision.enabled and admin.segments(config, config.name):
        notes = (f"note: these events are not sent now: {decision.reason}",)
    events = read_events(config, options.last)  # read once: by the report, or by the text
    return Result(
        report=lambda: request_as_json(events),
        text=lambda style: _lines(events, style),
        notes=notes,
    )


def _lines(events: Iterator[DecodedEvent], style: Style) -> Iterator[str]:
    count = 0

    def counted() -> Iterator[DecodedEvent]:
        nonlocal count
        for event in events:
            count += 1
            yield event

    yield from table(counted(), style)
    if not count:
        yield "Nothing waits on disk."
        return
    yield ""
    yield formatting.counted(count, "event")
