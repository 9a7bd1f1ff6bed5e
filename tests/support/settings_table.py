"""The table of settings for the documentation, made from the configuration classes."""

from __future__ import annotations

import dataclasses
import inspect
import re

from otel_telemetry import DeliveryConfig, TelemetryConfig
from otel_telemetry.config.validators import Setting, settings_of


def settings_table() -> str:
    """Return the table as Markdown: one row per setting, those of `TelemetryConfig` first."""
    meanings = {**meanings_of(TelemetryConfig), **meanings_of(DeliveryConfig)}
    settings = settings_of(TelemetryConfig)
    delivery = settings_of(DeliveryConfig)
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for field in sorted(
        dataclasses.fields(TelemetryConfig), key=lambda field: field.name in delivery
    ):
        meaning = f"{meanings[field.name]}{_source(settings[field.name])}"
        rows.append(f"| `{field.name}` | {_default(field)} | {meaning} |")
    return "\n".join(rows)


def meanings_of(config: type) -> dict[str, str]:
    """Return the meaning of each setting, from the section Attributes of the docstring."""
    _, _, section = (inspect.getdoc(config) or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", section, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()).replace("``", "`") for name, text in entries}


def _source(setting: Setting) -> str:
    if setting.in_environment:
        return ""
    if setting.variables:
        return f" In the environment: {setting.variables}."
    return " In code only."


def _default(field: dataclasses.Field[object]) -> str:
    if field.name == "inherit_otel_env":
        return ""  # it depends on the endpoint, as the meaning says
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    return ""
