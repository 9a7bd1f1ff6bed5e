"""The catalogue as a JSON Schema, for those who check what arrives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

from otel_telemetry._internal.scalars import INT_MAX, INT_MIN
from otel_telemetry.catalog.fields import BUCKETS
from otel_telemetry.catalog.value_types import ValueType

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog
    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.catalog.fields import Property

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def json_schema(catalog: Catalog) -> str:
    """Return the catalogue as a JSON Schema (draft 2020-12) of an event as it leaves.

    An event is an object with its name as ``event`` and the three buckets as ``event_properties``,
    ``user_properties`` and ``group_properties``. No property is required: what does not fit is left
    out.
    """
    schema = {
        "$schema": _DIALECT,
        "title": "Telemetry events",
        "description": f"Every event that may leave. Version {catalog.version} of the catalogue.",
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
        **_kind(item.kind),
        "examples": [item.example],
        "x-data-class": item.data_class,
        "x-since": item.since,
    }


def _kind(kind: ValueType) -> dict[str, object]:
    schema: dict[str, object] = {"type": _TYPES[kind.type]}
    if kind.values:
        schema["enum"] = list(kind.values)
    elif kind.type is int:
        schema.update(minimum=INT_MIN, maximum=INT_MAX)
    if kind.max_length is not None:
        schema["maxLength"] = kind.max_length
    if kind.pattern is not None:
        schema["pattern"] = kind.pattern
    return schema


def _pointer(name: str) -> str:
    """Write *name* as a part of a JSON pointer in a URI (RFC 6901, sections 3 and 6)."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")
