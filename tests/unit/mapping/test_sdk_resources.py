"""User properties as a Resource."""

from __future__ import annotations

import json
import math

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope as OfficialScope
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as OfficialResource
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_telemetry.mapping.sdk import EventResource, EventScope
from otel_telemetry.types import AttributeValue
from tests.support.official import assert_same, pairs

ATTRIBUTES: dict[str, AttributeValue] = {
    "plan": "free",
    "seats": 3,
    "trial": True,
    "ratio": 0.5,
    "key": b"\xff",
    "nothing": None,
    "list": [1, "a", None],
    "map": {"in": [b"\0"]},
}


def test_it_is_a_resource_with_its_attributes() -> None:
    """Of every kind, maps and None too; what is not given is empty."""
    resource = EventResource(ATTRIBUTES)

    assert isinstance(resource, Resource)
    assert resource.attributes == ATTRIBUTES
    assert resource.schema_url == ""
    assert EventResource({}, schema_url="https://r.example").schema_url == "https://r.example"


def test_it_carries_its_otlp_bytes() -> None:
    """Those of the official class."""
    resource = EventResource(ATTRIBUTES, dropped_count=2, schema_url="https://r.example")

    assert_same(
        resource.otlp,
        ResourceLogs(
            resource=OfficialResource(attributes=pairs(ATTRIBUTES), dropped_attributes_count=2),
            schema_url="https://r.example",
        ),
    )


def test_it_cannot_be_changed() -> None:
    """Neither by way of itself, nor of what it was made from."""
    attributes: dict[str, AttributeValue] = {"plan": "free"}
    resource = EventResource(attributes)
    attributes["plan"] = "paid"

    assert resource.attributes == {"plan": "free"}
    with pytest.raises(TypeError):
        resource.attributes["plan"] = "paid"  # type: ignore[index]  # which is what is tested


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", b"1", [1], 0.0, -0.0, math.nan])
def test_equality_is_of_values_with_their_types(value: AttributeValue) -> None:
    """Equal ones are one key of a dict, and others are not."""
    others: list[AttributeValue] = [True, 1, 1.0, "1", b"1", [1], [True], 0.0, -0.0, math.nan]
    known = {EventResource({"k": other}): other for other in others}

    assert len(known) == len(others)
    assert repr(known[EventResource({"k": value})]) == repr(value)


@pytest.mark.parametrize(
    "other",
    [
        EventResource({"k": 2}),
        EventResource({"k": 1}, dropped_count=1),
        EventResource({"k": 1}, schema_url="https://r.example"),
        Resource({"k": 1}),
        "resource",
    ],
)
def test_whatever_differs_in_anything_is_not_equal(other: object) -> None:
    """Nor is a resource of the SDK's, on either side."""
    resource = EventResource({"k": 1})

    assert resource != other
    assert other != resource


def test_merging_works_as_with_any_resource() -> None:
    """The SDK merges resources in a forked child, and distributions at any time."""
    merged = EventResource({"a": 1, "b": 1}, schema_url="https://r.example").merge(
        Resource({"b": 2})
    )

    assert merged.attributes == {"a": 1, "b": 2}
    assert merged.schema_url == "https://r.example"
    assert Resource({"b": 2}).merge(EventResource({"a": 1})).attributes == {"a": 1, "b": 2}


def test_its_json_is_that_of_the_sdk() -> None:
    """Bytes, which JSON has not, are hexadecimal."""
    plain: dict[str, AttributeValue] = {"a": 1, "b": "x"}
    ours, theirs = (kind(plain, schema_url="u") for kind in (EventResource, Resource))

    assert ours.to_json() == theirs.to_json()
    assert ours.to_json(indent=None) == theirs.to_json(indent=None)
    assert json.loads(EventResource(ATTRIBUTES).to_json())["attributes"] == {
        **ATTRIBUTES,
        "key": "ff",
        "map": {"in": ["00"]},
    }


def test_it_may_stand_on_a_base() -> None:
    """Whose attributes come first, and give way; whose schema URL it has."""
    base = EventResource({"a": 1, "b": 1}, schema_url="https://r.example")
    resource = EventResource({"b": 2, "c": 3}, base=base, dropped_count=1)
    whole = EventResource({"a": 1, "b": 2, "c": 3}, dropped_count=1, schema_url="https://r.example")

    assert resource == whole
    assert list(resource.attributes.items()) == [("a", 1), ("b", 2), ("c", 3)]
    assert (resource.schema_url, resource.to_json()) == (base.schema_url, whole.to_json())
    assert base.attributes == {"a": 1, "b": 1}


SCOPE_ATTRIBUTES: dict[str, AttributeValue] = {
    "database": "postgres",
    "locales": 3,
    "key": b"\xff",
    "nothing": None,
    "list": [1, "a"],
    "map": {"in": True},
}


def test_it_is_a_scope_with_its_attributes() -> None:
    """Of every kind, maps and None too."""
    scope = EventScope("acme", "1.0", SCOPE_ATTRIBUTES)

    assert isinstance(scope, InstrumentationScope)
    assert (scope.name, scope.version, scope.schema_url) == ("acme", "1.0", "")
    assert scope.attributes == SCOPE_ATTRIBUTES
    assert EventScope("acme", None, {}).version is None


@pytest.mark.parametrize("version", [None, "1.0"])
def test_a_scope_carries_its_otlp_bytes(version: str | None) -> None:
    """Those of the official class."""
    assert_same(
        EventScope("acme", version, SCOPE_ATTRIBUTES, dropped_count=2).otlp,
        ScopeLogs(
            scope=OfficialScope(
                name="acme",
                version=version or "",
                attributes=pairs(SCOPE_ATTRIBUTES),
                dropped_attributes_count=2,
            )
        ),
    )


def test_a_scope_cannot_be_changed() -> None:
    """Neither by way of itself, nor of what it was made from."""
    attributes: dict[str, AttributeValue] = {"database": "postgres"}
    scope = EventScope("acme", None, attributes)
    attributes["database"] = "mysql"

    assert scope.attributes == {"database": "postgres"}
    with pytest.raises(TypeError):
        scope.attributes["database"] = "mysql"  # type: ignore[index]  # which is what is tested


def test_equality_of_scopes_is_of_values_with_their_types() -> None:
    """Equal ones are one key of a dict, and others are not."""
    values: list[AttributeValue] = [True, 1, 1.0, "1", b"1", [1], [True], 0.0, -0.0]
    known = {EventScope("acme", None, {"k": value}): value for value in values}

    assert len(known) == len(values)
    for value in values:
        assert repr(known[EventScope("acme", None, {"k": value})]) == repr(value)


@pytest.mark.parametrize(
    "other",
    [
        EventScope("acme", "1", {"k": 2}),
        EventScope("acme", "2", {"k": 1}),
        EventScope("other", "1", {"k": 1}),
        EventScope("acme", "1", {"k": 1}, dropped_count=1),
        InstrumentationScope("acme", "1", None, {"k": 1}),
        "scope",
    ],
)
def test_scopes_that_differ_in_anything_are_not_equal(other: object) -> None:
    """Nor is a scope of the SDK's, on either side."""
    scope = EventScope("acme", "1", {"k": 1})

    assert scope != other
    assert other != scope


def test_the_hash_is_of_the_attributes_too() -> None:
    """The SDK's is not: scopes of many groups would then all collide."""
    scopes = {EventScope("acme", "1", {"group": number}) for number in range(512)}

    assert len(set(map(hash, scopes))) == 512


def test_scopes_can_be_sorted() -> None:
    """In an order of their own, the same every time; not with what is no such scope."""
    scopes = [EventScope("acme", "1", {"group": number}) for number in range(5)]

    ordered = sorted(scopes)
    scopes.reverse()

    assert sorted(scopes) == ordered
    with pytest.raises(TypeError):
        assert scopes[0] < "scope"


def test_the_json_of_a_scope_is_that_of_the_sdk() -> None:
    """Bytes, which JSON has not, are hexadecimal."""
    some: list[dict[str, AttributeValue]] = [{"a": 1, "b": "x"}, {}]
    for attributes in some:
        ours = EventScope("acme", "1", attributes)
        theirs = InstrumentationScope("acme", "1", None, attributes)

        assert ours.to_json() == theirs.to_json()
        assert ours.to_json(indent=None) == theirs.to_json(indent=None)
    assert json.loads(EventScope("acme", "1", SCOPE_ATTRIBUTES).to_json())["attributes"] == {
        **SCOPE_ATTRIBUTES,
        "key": "ff",
    }
