"""The validation of an event's properties in three buckets."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from otel_telemetry.catalog import event, field
from otel_telemetry.catalog.declarations import declaration_of
from otel_telemetry.catalog.validation import EventValidator
from tests.support.declared import CATALOG, EntryCreated, Kind


def _closed() -> EventValidator:
    validator = CATALOG.validator_of("didCreateEntry")
    assert validator is not None
    return validator


def _filtered(validator: EventValidator, *buckets: Any) -> tuple[Any, ...] | None:
    """Return the results of the three filters; None if one of them raises."""
    filters = (validator.event, validator.user, validator.group)
    try:
        return tuple(
            None if bucket is None else property_filter(bucket)
            for property_filter, bucket in zip(filters, buckets, strict=True)
        )
    except Exception:
        return None


@event("e", since="1")
class _Alone:
    """An event without a catalogue."""

    a: bool = field("So.", data_class="feature")
    entries: str = field(
        "Which.",
        data_class="pseudonym",
        max_length=9,
        example="a",
        bucket="group",
        name="entries.id",
    )


_OPEN = declaration_of(EntryCreated).validator


@pytest.mark.parametrize("validator", [_closed(), _OPEN], ids=["of a catalogue", "of an event"])
def test_valid_properties_are_copied_in_their_declared_types(validator: EventValidator) -> None:
    """The bucket of the caller does not change."""
    given = {"kind": Kind.SINGLE, "locales": 7, "draft": True, "score": 1}

    filtered = _filtered(validator, given, None, {})

    assert filtered == (
        {"kind": "singleType", "locales": "5 to 19", "draft": True, "score": 1.0},
        None,
        {},
    )
    assert given["kind"] is Kind.SINGLE


class _Falsy(dict[str, object]):
    """A mapping that is false and not empty."""

    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize(
    "bucket",
    [
        pytest.param({"kind": "other"}, id="value"),
        pytest.param({"seconds": None}, id="None"),
        pytest.param({"unknown": 1}, id="name"),
        pytest.param({b"kind": "singleType"}, id="name of another type"),
        pytest.param({"kind": []}, id="unhashable"),
        pytest.param(collections.OrderedDict(kind="singleType"), id="mapping"),
        pytest.param(_Falsy(unknown=1), id="mapping that looks empty"),
        pytest.param(5, id="not a mapping"),
    ],
)
@pytest.mark.parametrize("validator", [_closed(), _OPEN], ids=["of a catalogue", "of an event"])
def test_a_filter_raises_for_a_bucket_that_is_not_valid_as_it_is(
    validator: EventValidator, bucket: Any
) -> None:
    """`validate` then finds the invalid properties."""
    assert _filtered(validator, bucket, None, None) is None
    if validator is not _OPEN or type(bucket) is not dict:
        assert _filtered(validator, None, bucket, None) is None
        assert _filtered(validator, None, None, bucket) is None


def test_a_catalogue_removes_undeclared_and_invalid_properties_from_every_bucket() -> None:
    """The result has their names, and how many were event properties."""
    validated = _closed().validate(
        {"kind": "singleType", "locales": "7", "unknown": 1, "seconds": None, "draft": None},
        {"plan": "team", "python.version": "unknown", "email": "a@b.example"},
        {"database": "postgres", "kind": "singleType"},
    )

    assert validated.buckets == ({"kind": "singleType"}, {"plan": "team"}, {"database": "postgres"})
    assert validated.undeclared == ("unknown", "email", "kind")
    assert validated.invalid == ("locales", "draft", "python.version")
    assert validated.dropped_count == 3


def test_without_a_catalogue_undeclared_user_and_group_properties_stay() -> None:
    """Declared ones are validated."""
    validator = declaration_of(_Alone).validator

    assert _filtered(validator, {"a": True}, {"plan": "x"}, {"entries.id": "a", "size": 5}) == (
        {"a": True},
        {"plan": "x"},
        {"entries.id": "a", "size": 5},
    )
    validated = validator.validate({"b": True}, {"plan": "x"}, {"entries.id": 5, "size": 5})
    assert validated.buckets == ({}, {"plan": "x"}, {"size": 5})
    assert (validated.undeclared, validated.invalid, validated.dropped_count) == (
        ("b",),
        ("entries.id",),
        1,
    )


@pytest.mark.parametrize("name", [b"entries.id", "entri\u00e9s", 5])
def test_a_filter_raises_for_a_name_that_must_be_made_legal_first(name: Any) -> None:
    """The legal name may be a declared one."""
    validator = declaration_of(_Alone).validator

    assert _filtered(validator, {}, {}, {name: "x" * 100}) is None


class _Same:
    """A key that equals every other and has the hash of ``kind``."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("kind")


def test_a_property_leaves_under_its_declared_name() -> None:
    """Not under a key that only equals the name."""
    filtered = _filtered(_closed(), {_Same(): "singleType"}, None, None)

    assert filtered is not None
    assert filtered[0] is not None
    assert [type(name) for name in filtered[0]] == [str]
    assert dict(filtered[0]) == {"kind": "singleType"}
