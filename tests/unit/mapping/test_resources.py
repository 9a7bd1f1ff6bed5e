"""User properties as a Resource."""

from __future__ import annotations

import json
import math

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as OfficialResource
from opentelemetry.sdk.resources import Resource

from otel_telemetry.mapping.sdk import EventResource
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
    resource = EventResource(ATTRIBUTES, dropped=2, schema_url="https://r.example")

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
        EventResource({"k": 1}, dropped=1),
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
    resource = EventResource({"b": 2, "c": 3}, base=base, dropped=1)
    whole = EventResource({"a": 1, "b": 2, "c": 3}, dropped=1, schema_url="https://r.example")

    assert resource == whole
    assert list(resource.attributes.items()) == [("a", 1), ("b", 2), ("c", 3)]
    assert (resource.schema_url, resource.to_json()) == (base.schema_url, whole.to_json())
    assert base.attributes == {"a": 1, "b": 1}
