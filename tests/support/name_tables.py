"""The tables of names with a meaning: what `Stats` counts, and the classes of data."""

from __future__ import annotations

from collections.abc import Iterable

from otel_telemetry.catalog.fields import DATA_CLASSES
from otel_telemetry.stats import Correction, Disposition, DropReason


def drop_reasons_table() -> str:
    """Return the keys of `Stats.dropped` as Markdown."""
    return _table("reason", ((item.value, item.meaning) for item in DropReason))


def corrections_table() -> str:
    """Return the keys of `Stats.corrected` as Markdown."""
    return _table("correction", ((item.value, item.meaning) for item in Correction))


def dispositions_table() -> str:
    """Return the keys of `Stats.requests` as Markdown."""
    return _table("response", ((item.value, item.meaning) for item in Disposition))


def data_classes_table() -> str:
    """Return the classes of data as Markdown."""
    return _table("data_class", DATA_CLASSES.items())


def _table(head: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| `{name}` | {meaning} |" for name, meaning in rows]
    return "\n".join([f"| {head} | meaning |", "|---|---|", *lines])
