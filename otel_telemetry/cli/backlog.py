"""What waits on disk, summed up and decoded."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.context import Context, Options, Result
from otel_telemetry.cli.formatting import table
from otel_telemetry.otlp.decoder import decode_record
from otel_telemetry.otlp.json import request_as_json
from otel_telemetry.spool import admin

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.otlp.decoder import DecodedEvent
    from otel_telemetry.otlp.requests import EncodedRecord


NOTHING = "Nothing waited on disk."


UNKNOWN_SPOOL = (
    "note: if the code of the application names a directory of its own for what waits, it is not "
    "known here. What lies there does not leave once telemetry is off, and is deleted when the "
    "application next runs."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits on disk, of all processes and destinations.

    Attributes:
        events: Events that can be read.
        files: Segment files.
        bytes: Their bytes.
        unreadable: Files among them of another version of the format.
        oldest_at: When the oldest file was last written to, in seconds since the epoch; None if
            there is none.
    """

    events: int = 0
    files: int = 0
    bytes: int = 0
    unreadable: int = 0
    oldest_at: float | None = None


def waiting(config: TelemetryConfig) -> Waiting:
    """Return what waits of the application with *config*; nothing is changed."""
    found = list(admin.read_segments(config, config.name))
    return Waiting(
        events=sum(len(item.content.records) for item in found if item.content is not None),
        files=len(found),
        bytes=sum(item.size for item in found),
        unreadable=sum(item.content is None for item in found),
        oldest_at=min((item.at for item in found), default=None),
    )


def events_waiting(config: TelemetryConfig, last: int | None = None) -> Iterator[DecodedEvent]:
    """Yield the events that wait, oldest first; only the newest *last* if given.

    An event that cannot be decoded is passed over: whoever delivers it will hear of it.
    """
    files = sorted(admin.read_segments(config, config.name), key=lambda item: item.at)
    records = [each for item in files if item.content is not None for each in item.content.records]
    for record in records if last is None else records[max(len(records) - last, 0) :]:
        yield from _decoded(record)


def _decoded(record: EncodedRecord) -> list[DecodedEvent]:
    try:
        return list(decode_record(*record))
    except ValueError:
        return []


def show(context: Context, options: Options) -> Result:
    """Read what waits. Nothing is locked, changed or sent."""
    config, decision = context.config, context.telemetry.decision
    notes: tuple[str, ...] = ()
    if not decision.enabled and admin.segments(config, config.name):
        notes = (f"note: nothing of this leaves now: {decision.reason}",)
    events = events_waiting(config, options.last)  # for one of the two
    return Result(
        report=lambda: request_as_json(events),
        text=lambda paint: _lines(events, paint),
        notes=notes,
    )


def _lines(events: Iterator[DecodedEvent], paint: Style) -> Iterator[str]:
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
    yield formatting.counted(count, "event")
