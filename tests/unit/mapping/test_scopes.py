"""Group properties as an InstrumentationScope."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope as OfficialScope
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_telemetry.mapping.sdk import EventScope
from otel_telemetry.types import AttributeValue
from tests.support.official import assert_same, pairs

ATTRIBUTES: dict[str, AttributeValue] = {
    "database": "postgres",
    "locales": 3,
    "key": b"\xff",
    "nothing": None,
    "list": [1, "a"],
    "map": {"in": True},
}


def test_it_is_a_scope_with_its_attributes() -> None:
    """Of every kind, maps and None too."""
    scope = EventScope("acme", "1.0", ATTRIBUTES)

    assert isinstance(scope, InstrumentationScope)
    assert (scope.name, scope.version, scope.schema_url) == ("acme", "1.0", "")
    assert scope.attributes == ATTRIBUTES
    assert EventScope("acme", None, {}).version is None


@pytest.mark.parametrize("version", [None, "1.0"])
def test_it_carries_its_otlp_bytes(version: str | None) -> None:
    """Those of the official class."""
    assert_same(
        EventScope("acme", version, ATTRIBUTES, dropped=2).otlp,
        ScopeLogs(
            scope=OfficialScope(
                name="acme",
                version=version or "",
                attributes=pairs(ATTRIBUTES),
                dropped_attributes_count=2,
            )
        ),
    )


def test_it_cannot_be_changed() -> None:
    """Neither by way of itself, nor of what it was made from."""
    attributes: dict[str, AttributeValue] = {"database": "postgres"}
    scope = EventScope("acme", None, attributes)
    attributes["database"] = "mysql"

    assert scope.attributes == {"database": "postgres"}
    with pytest.raises(TypeError):
        scope.attributes["database"] = "mysql"  # type: ignore[index]  # which is what is tested


def test_equality_is_of_values_with_their_types() -> None:
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
        EventScope("acme", "1", {"k": 1}, dropped=1),
        InstrumentationScope("acme", "1", None, {"k": 1}),
        "scope",
    ],
)
def test_whatever_differs_in_anything_is_not_equal(other: object) -> None:
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


def test_its_json_is_that_of_the_sdk() -> None:
    """Bytes, which JSON has not, are hexadecimal."""
    some: list[dict[str, AttributeValue]] = [{"a": 1, "b": "x"}, {}]
    for attributes in some:
        ours = EventScope("acme", "1", attributes)
        theirs = InstrumentationScope("acme", "1", None, attributes)

        assert ours.to_json() == theirs.to_json()
        assert ours.to_json(indent=None) == theirs.to_json(indent=None)
    assert json.loads(EventScope("acme", "1", ATTRIBUTES).to_json())["attributes"] == {
        **ATTRIBUTES,
        "key": "ff",
    }
