"""The catalogue as OpenTelemetry semantic conventions, for those who keep a registry of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain

from otel_telemetry.catalog.fields import BUCKETS
from otel_telemetry.catalog.value_types import ValueType

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog
    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.catalog.fields import Property

_TYPES = {str: "string", bool: "boolean", int: "int", float: "double"}
# An application promises less than the conventions' own "stable" does.
_STABILITY = "development"
_PLACES = {
    "event": "Attributes of the log record",
    "user": "Attributes of the resource",
    "group": "Attributes of the instrumentation scope",
}


def semconv_yaml(catalog: Catalog) -> str:
    """Return the catalogue in the YAML syntax of OpenTelemetry's semantic conventions.

    Each name is an attribute of the registry, once. An event's own properties are its attributes;
    those of users and groups, which are attributes of the resource and of the scope, have groups
    beside it. A property that several events declare is referred to, with what each says of it.
    """
    return "\n".join(_lines(conventions(catalog), 0)) + "\n"


def conventions(catalog: Catalog) -> dict[str, object]:
    """Return what `semconv_yaml` writes, as plain values."""
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
                "brief": "What the properties of the telemetry events say.",
                "attributes": list(registry.values()),
            }
        )
    groups += _beside("common_attributes", "any event", catalog.common, registry, BUCKETS)
    for declaration in catalog.events:
        groups.append(_event(declaration, catalog.common, registry))
        name = declaration.name
        groups += _beside(
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


def _beside(
    where: str,
    carrier: str,
    properties: Iterable[Property],
    registry: dict[str, dict[str, object]],
    buckets: Iterable[str],
) -> Iterator[object]:
    """Go through the groups of attributes that are not the event's own."""
    properties = list(properties)
    for bucket in buckets:
        items = [item for item in properties if item.bucket == bucket]
        if items:
            yield {
                "id": f"{where}.{bucket}",
                "type": "attribute_group",
                "brief": f"{_PLACES[bucket]} with {carrier}.",
                "attributes": [_reference(item, registry) for item in items],
            }


def _add(registry: dict[str, dict[str, object]], item: Property) -> None:
    """Define the attribute, or widen it until this property fits it, too."""
    known = registry.get(item.name)
    if known is None:
        registry[item.name] = {
            "id": item.name,
            "type": _type(item.kind),
            "stability": _STABILITY,
            "brief": item.meaning,
            "examples": [item.example],
        }
        return
    type_, other = known["type"], _type(item.kind)
    if isinstance(type_, dict) and isinstance(other, dict):
        members = {member["id"]: member for member in (*type_["members"], *other["members"])}
        known["type"] = {"members": list(members.values())}
    elif type_ != other:
        known["type"] = _TYPES[item.kind.type]


def _reference(item: Property, registry: dict[str, dict[str, object]]) -> dict[str, object]:
    known = registry[item.name]
    own = {"brief": item.meaning, "examples": [item.example]}
    return {
        "ref": item.name,
        "requirement_level": "recommended",
        **{key: value for key, value in own.items() if known[key] != value},
        "annotations": {"data_class": item.data_class, "since": item.since},
    }


def _type(kind: ValueType) -> str | dict[str, list[dict[str, object]]]:
    if not kind.values:
        return _TYPES[kind.type]
    return {
        "members": [
            {"id": str(value), "value": value, "stability": _STABILITY} for value in kind.values
        ]
    }


def _lines(value: dict[str, object] | list[object], depth: int) -> Iterator[str]:
    """Write a mapping or a sequence in YAML's block style, its scalars as JSON has them.

    That is YAML as well, of texts that can be printed and numbers that are finite, as all here are.
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
    # YAML 1.1 wants a point in a number with an exponent.
    if isinstance(value, float) and "." not in text:
        return text.replace("e", ".0e")
    return text
