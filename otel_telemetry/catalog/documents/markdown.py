"""The page for those whose data it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from otel_telemetry.catalog.fields import BUCKETS, DATA_CLASSES
from otel_telemetry.catalog.value_types import ValueType

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog
    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.catalog.fields import Property

_HEAD = (
    "| property | meaning | values | class of data | about | example | since |",
    "|---|---|---|---|---|---|---|",
)
_PROMISE = (
    "Only the events on this page are sent, and with each only the properties in its table and in "
    "those that hold for all. A property that is not known, or does not apply, is left out."
)
# What the library itself says: `mapping.base`, `mapping.records` and `trust.identity`.
_ALWAYS = (
    ("service.name", "The name of the software."),
    ("service.version", "Its version."),
    ("app.installation.id", "A random number for this installation, replaced from time to time."),
    ("session.id", "A random number for this run, where there is one."),
    ("log.record.uid", "A random number for this event, so that it is not counted twice."),
    ("os.type", "The operating system."),
    ("os.version", "Its version."),
    ("host.arch", "The kind of processor."),
    ("process.runtime.name", "The kind of Python."),
    ("process.runtime.version", "Its version."),
    ("telemetry.sdk.name", "The library that makes the messages."),
    ("telemetry.sdk.language", "Its language."),
    ("telemetry.sdk.version", "Its version."),
    ("telemetry.distro.name", "The library that sends them."),
    ("telemetry.distro.version", "Its version."),
)
_ABOUT = {"event": "the event", "user": "the user", "group": "the group"}
_BAR = r"\|"
_TYPES = {bool: "true or false", int: "a whole number", float: "a number"}


def markdown(catalog: Catalog) -> str:
    """Return the catalogue as a page of Markdown: a table for each event, events by name."""
    lines = [
        "# What this software reports",
        "",
        f"Version {catalog.version} of the catalogue. {_PROMISE}",
        "",
    ]
    for item in catalog.events:
        lines += [f"- [{_code(item.name)}](#{_anchor(item)}): {item.meaning}"]
    lines += ["", "## With every event", "", "The time, and what sent it.", ""]
    lines += ["| property | meaning |", "|---|---|"]
    lines += [f"| {_code(name)} | {meaning} |" for name, meaning in _ALWAYS]
    if catalog.common:
        lines += ["", "## With any event that has it", "", *_table(catalog.common)]
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
    return [*lines, "", "It has no properties of its own."]


def _table(properties: Iterable[Property]) -> list[str]:
    """Write a table, those of the event first, then the user's, then the group's."""
    rows = sorted(properties, key=lambda item: BUCKETS.index(item.bucket))
    return [*_HEAD, *map(_row, rows)]


def _row(item: Property) -> str:
    cells = (
        _code(item.name),
        item.meaning,
        _values(item.kind),
        item.data_class,
        _ABOUT[item.bucket],
        _code(_said(item.example)),
        item.since,
    )
    # A bar ends a cell, in a code span, too (GitHub Flavored Markdown, "Tables").
    return f"| {' | '.join(cell.replace('|', _BAR) for cell in cells)} |"


def _values(kind: ValueType) -> str:
    if kind.values:
        words = ", ".join(_code(_said(value)) for value in kind.values)
        return f"a number, as its range: {words}" if kind.is_range else words
    if kind.pattern is not None:
        return "a version"
    if kind.max_length is not None:
        return f"a text of up to {kind.max_length} characters"
    return _TYPES[kind.type]


def _anchor(declaration: EventDeclaration) -> str:
    return quote(declaration.name, safe="")


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(text: str) -> str:
    """Write *text* as a code span, whatever backticks it holds."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{padding}{text}{padding}{fence}"
