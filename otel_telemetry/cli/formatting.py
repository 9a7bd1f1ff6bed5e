"""Formats numbers, times, values, decisions and events for people."""

from __future__ import annotations

import json
import time

from otel_telemetry.cli.console import printable

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_telemetry.cli.console import Style
    from otel_telemetry.consent.decision import Decision
    from otel_telemetry.otlp.decoder import DecodedEvent, DecodedValue


_UNITS = ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def state(decision: Decision) -> str:
    """Return ``on``, ``off``, or ``log``: events are printed instead of being sent."""
    return "on" if decision.enabled else "log" if decision.log else "off"


def state_phrase(state: str) -> str:
    """Return what follows "telemetry is"."""
    return "in log mode" if state == "log" else state


def counted(number: int, noun: str) -> str:
    """Return ``1 event``, ``2 events``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Return a number of bytes: ``512 bytes``, ``1.2 kB``."""
    if number < 1000:
        return counted(number, "byte")
    return f"{number / 1000:.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"


def span(seconds: float) -> str:
    """Return a duration in its largest unit: ``3 days``."""
    for length, noun in _UNITS:
        if seconds >= length:
            return counted(int(seconds // length), noun)
    return "less than a second"


def ago(at: float, now: float) -> str:
    """Return the time from *at* to *now*, both in seconds since the epoch: ``3 days ago``."""
    return "in the future" if at - now > 1 else f"{span(max(now - at, 0.0))} ago"


def day(at: float) -> str:
    """Return a time, in seconds since the epoch, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def value(attribute: object) -> str:
    """Return an attribute value in one printable line that shows its type."""
    if isinstance(attribute, bytes):
        return f"bytes:{attribute.hex()}"
    return printable(json.dumps(attribute, ensure_ascii=False, default=value))


_SOFTWARE = frozenset(
    {
        "os.type",
        "os.version",
        "host.arch",
        "process.runtime.name",
        "process.runtime.version",
        "app.installation.id",
    }
)
_BUCKETS = (
    "event properties, attributes of the log record",
    "user properties, attributes of the resource",
    "group properties, attributes of the scope",
)


def is_of_software(key: str) -> bool:
    """Return whether every event of an application has this attribute in its resource."""
    return key in _SOFTWARE or key.startswith(("service.", "telemetry."))


def table(events: Iterable[DecodedEvent], style: Style) -> Iterator[str]:
    """Yield the lines of *events*; the attributes of the software itself where they change."""
    previous: Mapping[str, DecodedValue] | None = None
    for event in events:
        software = {key: value for key, value in event.resource.items() if is_of_software(key)}
        if software != previous:
            yield from style.prose(style("dim", "all events below: attributes of the resource"))
            yield from _rows(software, style)
            previous = software
        user = {key: value for key, value in event.resource.items() if key not in software}
        yield ""
        at = day(event.timestamp / 1e9) if event.timestamp else "at an unknown time"
        yield f"{style('bold', printable(event.name or '(no name)'))}  {style('dim', at)}"
        buckets = event.attributes, user, event.scope_attributes
        for title, attributes in zip(_BUCKETS, buckets, strict=True):
            if attributes:
                yield from style.prose(style("dim", title), indent=2)
                yield from _rows(attributes, style)
        if event.dropped_count:
            yield f"  {style('yellow', counted(event.dropped_count, 'attribute'))} dropped"


def _rows(attributes: Mapping[str, DecodedValue], style: Style) -> Iterator[str]:
    names = {key: printable(key) for key in attributes}
    width = min(max(map(len, names.values()), default=0), 40)
    for key, attribute in attributes.items():
        label = f"    {names[key]:<{width}}  "
        yield from style.row(label, value(attribute), indent=len(label), colour="bold")
