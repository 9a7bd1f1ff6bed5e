"""The table of settings, made from the docstrings and defaults of the config classes."""

from __future__ import annotations

import dataclasses
import inspect
import re

from otel_telemetry import DeliveryConfig, TelemetryConfig

_OBJECTS = frozenset({"before_send", "catalog", "logger_provider", "meter_provider"})


def settings_table() -> str:
    """Return the table as Markdown: a row a setting, in the order of the classes."""
    meanings = {**_meanings(TelemetryConfig), **_meanings(DeliveryConfig)}
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    own = dataclasses.fields(TelemetryConfig)
    common = {field.name for field in dataclasses.fields(DeliveryConfig)}
    for field in sorted(own, key=lambda field: field.name in common):
        meaning = meanings[field.name] + (" In code only." if field.name in _OBJECTS else "")
        rows.append(f"| `{field.name}` | {_default(field)} | {meaning} |")
    return "\n".join(rows)


def _meanings(config: type) -> dict[str, str]:
    """Return what the section Attributes of the docstring says of each field."""
    _, _, section = (inspect.getdoc(config) or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", section, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()).replace("``", "`") for name, text in entries}


def _default(field: dataclasses.Field[object]) -> str:
    if field.name == "inherit_otel_env":
        return ""  # it depends; the meaning says on what
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    return ""
