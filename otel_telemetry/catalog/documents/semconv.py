"""The catalogue as OpenTelemetry semantic conventions, for a registry of conventions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain

from otel_telemetry.catalog.fields import BUCKETS
from otel_telemetry.catalog.value_types import ValueType

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog
    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.catalog.fields import Property

_TYPES = {str: "string", bool: "boolean", int: "int", float: "double"}
# "stable" of the conventions promises more than an application can.
_STABILITY = "development"
_LOCATIONS = {
    "event": "Attributes of the log record",
    "user": "Attributes of the resource",
    "group": "Attributes of the instrumentation scope",
}


def semconv_yaml(catalog: Catalog) -> str:
    """Return the catalogue in the YAML syntax of OpenTelemetry's semantic conventions.

    Each property name is one attribute of the registry. Event properties are attributes of the
    event; user and group properties, which are attributes of the resource and of the scope, have
    attribute groups of their own. Where several events declare a property, each refers to the
    attribute with its own description.
    """
    return "\n".join(_lines(conventions(catalog), 0)) + "\n"


def conventions(catalog: Catalog) -> dict[str, object]:
    """Return the content of `semconv_yaml` as plain values."""
    registry: dict[str, dict[str, object]] = {}
    for item in catalog.properties():
        _add(registry, item)
    groups: list[object] = []
    if registry:
        groups.append(
            {
                "id": "registry.telemetry_events",
                "type": "attribute_group",
                "display_name": "Telemetry events",
                "brief": "The properties of the telemetry events.",
                "attributes": list(registry.values()),
            }
        )
    groups += _attribute_groups("common_attributes", "any event", catalog.common, registry, BUCKETS)
    for declaration in catalog.events:
        groups.append(_event(declaration, catalog.common, registry))
        name = declaration.name
        groups += _attribute_groups(
            f"attributes.{name}", f"event {name}", declaration.properties, registry, BUCKETS[1:]
        )
    return {"groups": groups}


def _event(
    declaration: EventDeclaration,
    common: Iterable[Property],
    registry: dict[str, dict[str, object]],
) -> dict[str, object]:
    group: dict[str, object] = {
        "id": f"event.{declaration.name}",
        "type": "event",
        "name": declaration.name,
        "stability": _STABILITY,
        "brief": declaration.meaning,
    }
    if declaration.deprecated is not None:
        group["deprecated"] = {"reason": "uncategorized", "note": declaration.deprecated}
    group["annotations"] = {"since": declaration.since}
    references = [
        _reference(item, registry)
        for item in chain(common, declaration.properties)
        if item.bucket == "event"
    ]
    if references:
        group["attributes"] = references
    return group


def _attribute_groups(
    prefix: str,
    events: str,
    properties: Iterable[Property],
    registry: dict[str, dict[str, object]],
    buckets: Iterable[str],
) -> Iterator[object]:
    """Yield the attribute groups of the properties in *buckets*."""
    properties = list(properties)
    for bucket in buckets:
        items = [item for item in properties if item.bucket == bucket]
        if items:
            yield {
                "id": f"{prefix}.{bucket}",
                "type": "attribute_group",
                "brief": f"{_LOCATIONS[bucket]} of {events}.",
                "attributes": [_reference(item, registry) for item in items],
            }


def _add(registry: dict[str, dict[str, object]], item: Property) -> None:
    """Add the attribute to the registry, or widen its type to include this property."""
    attribute = registry.get(item.name)
    if attribute is None:
        registry[item.name] = {
            "id": item.name,
            "type": _type(item.value_type),
            "stability": _STABILITY,
            "brief": item.meaning,
            "examples": [item.example],
        }
        return
    type_, other = attribute["type"], _type(item.value_type)
    if isinstance(type_, dict) and isinstance(other, dict):
        members = {member["id"]: member for member in (*type_["members"], *other["members"])}
        attribute["type"] = {"members": list(members.values())}
    elif type_ != other:
        attribute["type"] = _TYPES[item.value_type.type]


def _reference(item: Property, registry: dict[str, dict[str, object]]) -> dict[str, object]:
    attribute = registry[item.name]
    own = {"brief": item.meaning, "examples": [item.example]}
    return {
        "ref": item.name,
        "requirement_level": "recommended",
        **{key: value for key, value in own.items() if attribute[key] != value},
        "annotations": {"data_class": item.data_class, "since": item.since},
    }


def _type(value_type: ValueType) -> str | dict[str, list[dict[str, object]]]:
    if not value_type.values:
        return _TYPES[value_type.type]
    return {
        "members": [
            {"id": str(value), "value": value, "stability": _STABILITY}
            for value in value_type.values
        ]
    }


def _lines(value: dict[str, object] | list[object], depth: int) -> Iterator[str]:
    """Yield the lines of a mapping or a sequence in YAML's block style, with scalars in JSON.

    JSON scalars are YAML as long as text is printable and numbers are finite, as they are here.
    """
    indent = "  " * depth
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)):
                yield f"{indent}{key}:"
                yield from _lines(inner, depth + 1)
            else:
                yield f"{indent}{key}: {_scalar(inner)}"
    else:
        for inner in value:
            if isinstance(inner, dict):
                first, *rest = _lines(inner, depth + 1)
                yield f"{indent}- {first.lstrip()}"
                yield from rest
            else:
                yield f"{indent}- {_scalar(inner)}"


def _scalar(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # YAML 1.1 needs a point in a number with an exponent.
    if isinstance(value, float) and "." not in text:
        return text.replace("e", ".0e")
    return text
