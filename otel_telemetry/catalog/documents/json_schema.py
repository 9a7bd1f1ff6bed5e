"""The catalogue as a JSON Schema, to validate received events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

from otel_telemetry._internal.scalars import INT_MAX, INT_MIN
from otel_telemetry.catalog.fields import BUCKETS
from otel_telemetry.catalog.value_types import ValueType

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog
    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.catalog.fields import Property

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def json_schema(catalog: Catalog) -> str:
    """Return the catalogue as a JSON Schema (draft 2020-12) of a received event.

    An event is an object with its name as ``event`` and the buckets ``event_properties``,
    ``user_properties`` and ``group_properties``. No property is required: an invalid one is removed
    before the event is sent.
    """
    schema = {
        "$schema": _DIALECT,
        "title": "Telemetry events",
        "description": f"Every event that the application sends. Version {catalog.version}.",
        "oneOf": [{"$ref": f"#/$defs/{_pointer(item.name)}"} for item in catalog.events],
        "$defs": {item.name: _event(item, catalog.common) for item in catalog.events},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _event(declaration: EventDeclaration, common: Iterable[Property]) -> dict[str, object]:
    properties = (*declaration.properties, *common)
    buckets = {
        f"{bucket}_properties": [item for item in properties if item.bucket == bucket]
        for bucket in BUCKETS
    }
    example = {name: {item.name: item.example for item in items} for name, items in buckets.items()}
    return {
        "description": declaration.meaning,
        "type": "object",
        "properties": {
            "event": {"const": declaration.name},
            **{name: _bucket(items) for name, items in buckets.items()},
        },
        "required": ["event"],
        "additionalProperties": False,
        "deprecated": declaration.deprecated is not None,
        "examples": [{"event": declaration.name, **example}],
        "x-since": declaration.since,
    }


def _bucket(items: Iterable[Property]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {item.name: _property(item) for item in items},
        "additionalProperties": False,
    }


def _property(item: Property) -> dict[str, object]:
    return {
        "description": item.meaning,
        **_value_type(item.value_type),
        "examples": [item.example],
        "x-data-class": item.data_class,
        "x-since": item.since,
    }


def _value_type(value_type: ValueType) -> dict[str, object]:
    schema: dict[str, object] = {"type": _TYPES[value_type.type]}
    if value_type.values:
        schema["enum"] = list(value_type.values)
    elif value_type.type is int:
        schema.update(minimum=INT_MIN, maximum=INT_MAX)
    if value_type.max_length is not None:
        schema["maxLength"] = value_type.max_length
    if value_type.pattern is not None:
        schema["pattern"] = value_type.pattern
    return schema


def _pointer(name: str) -> str:
    """Return *name* as a part of a JSON pointer in a URI (RFC 6901, sections 3 and 6)."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")
