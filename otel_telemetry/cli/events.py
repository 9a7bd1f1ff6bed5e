"""Events for people to read: each with its three buckets."""

from __future__ import annotations

from otel_telemetry.cli import words
from otel_telemetry.cli.console import printable

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_telemetry.cli.console import Paint
    from otel_telemetry.otlp.decoder import DecodedEvent, Value

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
    """Tell whether an attribute of a resource is one of those that every event has."""
    return key in _SOFTWARE or key.startswith(("service.", "telemetry."))


def table(events: Iterable[DecodedEvent], paint: Paint) -> Iterator[str]:
    """Yield the lines of *events*; what is said of the software itself, where it changes."""
    before: Mapping[str, Value] | None = None
    for event in events:
        software = {key: value for key, value in event.resource.items() if is_of_software(key)}
        if software != before:
            yield paint("dim", "every event from here on: attributes of the resource")
            yield from _rows(software, paint)
            before = software
        user = {key: value for key, value in event.resource.items() if key not in software}
        yield ""
        at = words.day(event.timestamp / 1e9) if event.timestamp else "at a time not known"
        yield f"{paint('bold', printable(event.name or '(no name)'))}  {paint('dim', at)}"
        buckets = event.attributes, user, event.scope_attributes
        for title, attributes in zip(_BUCKETS, buckets, strict=True):
            if attributes:
                yield from paint.prose(paint("dim", title), indent=2)
                yield from _rows(attributes, paint)
        if event.dropped:
            yield f"  {paint('yellow', words.counted(event.dropped, 'attribute'))} cut"


def _rows(attributes: Mapping[str, Value], paint: Paint) -> Iterator[str]:
    names = {key: printable(key) for key in attributes}
    width = min(max(map(len, names.values()), default=0), 40)
    for key, value in attributes.items():
        label = f"    {names[key]:<{width}}  "
        yield from paint.row(label, words.value(value), indent=len(label), colour="bold")
