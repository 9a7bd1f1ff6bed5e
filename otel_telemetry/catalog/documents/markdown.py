"""The catalogue as a page of Markdown, for the users of the application."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from otel_telemetry.catalog.fields import BUCKETS, DATA_CLASSES
from otel_telemetry.catalog.value_types import ValueType

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog
    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.catalog.fields import Property

_HEAD = (
    "| property | meaning | values | class of data | about | example | since |",
    "|---|---|---|---|---|---|---|",
)
_PROMISE = (
    "The application sends only the events on this page, with the properties in their tables and "
    "in the tables for all events. A property that is unknown or does not apply is not sent."
)
# Set by the library: `mapping.base_resource`, `mapping.mapper` and `consent.identity`.
_BUILT_IN = (
    ("service.name", "The name of the application."),
    ("service.version", "The version of the application."),
    ("app.installation.id", "A random number for this installation, replaced regularly."),
    ("session.id", "A random number for a session, on the events within it."),
    ("log.record.uid", "A number for this event, so that it is counted once."),
    ("os.type", "The operating system."),
    ("os.version", "The version of the operating system."),
    ("host.arch", "The type of processor."),
    ("process.runtime.name", "The implementation of Python."),
    ("process.runtime.version", "The version of Python."),
    ("telemetry.sdk.name", "The library that writes the messages."),
    ("telemetry.sdk.language", "The programming language of that library."),
    ("telemetry.sdk.version", "The version of that library."),
    ("telemetry.distro.name", "The library that sends them."),
    ("telemetry.distro.version", "The version of that library."),
)
_ABOUT = {"event": "the event", "user": "the user", "group": "the group"}
_BAR = r"\|"
_TYPES = {bool: "true or false", int: "a whole number", float: "a number"}


def markdown(catalog: Catalog) -> str:
    """Return the catalogue as a page of Markdown: a table for each event, sorted by name."""
    lines = [
        "# Telemetry",
        "",
        f"{_PROMISE} This is version {catalog.version} of the page.",
        "",
    ]
    for item in catalog.events:
        lines += [f"- [{_code(item.name)}](#{_anchor(item)}): {item.meaning}"]
    lines += ["", "## Properties of every event", "", "Every event has its time and:", ""]
    lines += ["| property | meaning |", "|---|---|"]
    lines += [f"| {_code(name)} | {meaning} |" for name, meaning in _BUILT_IN]
    if catalog.common:
        lines += [
            *("", "## Properties of any event", "", "Every event may have these.", ""),
            *_table(catalog.common),
        ]
    for item in catalog.events:
        lines += ["", *_section(item)]
    used = {item.data_class for item in catalog.properties()}
    if used:
        lines += ["", "## Classes of data", ""]
        lines += [f"- **{name}**: {DATA_CLASSES[name]}" for name in DATA_CLASSES if name in used]
    return "\n".join(lines) + "\n"


def _section(declaration: EventDeclaration) -> list[str]:
    lines = [
        f'<a id="{_anchor(declaration)}"></a>',
        "",
        f"## {_code(declaration.name)}",
        "",
        declaration.meaning,
        "",
        f"Since {declaration.since}.",
    ]
    if declaration.deprecated is not None:
        lines += ["", f"**Deprecated:** {declaration.deprecated}"]
    if declaration.properties:
        return [*lines, "", *_table(declaration.properties)]
    return [*lines, "", "This event has no properties of its own."]


def _table(properties: Iterable[Property]) -> list[str]:
    """Return a table: event properties first, then those of the user, then of the group."""
    rows = sorted(properties, key=lambda item: BUCKETS.index(item.bucket))
    return [*_HEAD, *map(_row, rows)]


def _row(item: Property) -> str:
    cells = (
        _code(item.name),
        item.meaning,
        _values(item.value_type),
        item.data_class,
        _ABOUT[item.bucket],
        _code(_format(item.example)),
        item.since,
    )
    # A bar ends a cell even in a code span (GitHub Flavored Markdown, "Tables").
    return f"| {' | '.join(cell.replace('|', _BAR) for cell in cells)} |"


def _values(value_type: ValueType) -> str:
    if value_type.values:
        words = ", ".join(_code(_format(value)) for value in value_type.values)
        return f"a range of numbers: {words}" if value_type.is_range else words
    if value_type.pattern is not None:
        return "a version"
    if value_type.max_length is not None:
        return f"a text of up to {value_type.max_length} characters"
    return _TYPES[value_type.type]


def _anchor(declaration: EventDeclaration) -> str:
    return quote(declaration.name, safe="")


def _format(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(text: str) -> str:
    """Return *text* as a code span; it may contain backticks."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{padding}{text}{padding}{fence}"
