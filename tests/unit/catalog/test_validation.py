"""The checks of one event: what leaves of three buckets."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from otel_telemetry.catalog import event, field
from otel_telemetry.catalog.declarations import declaration_of
from otel_telemetry.catalog.validation import EventValidator
from tests.support.declared import CATALOG, EntryCreated, Kind


def _closed() -> EventValidator:
    checks = CATALOG.checks_of("didCreateEntry")
    assert checks is not None
    return checks


def _fitting(checks: EventValidator, *buckets: Any) -> tuple[Any, ...] | None:
    """Return what fits of three buckets; None if anything does not as it is."""
    fits = (checks.event, *checks.of_others)
    try:
        return tuple(
            None if bucket is None else fit(bucket)
            for fit, bucket in zip(fits, buckets, strict=True)
        )
    except Exception:
        return None


@event("e", since="1")
class _Alone:
    """An event that no catalogue has."""

    a: bool = field("So.", data_class="feature")
    entries: str = field(
        "Which.",
        data_class="pseudonym",
        max_length=9,
        example="a",
        bucket="group",
        name="entries.id",
    )


_OPEN = declaration_of(EntryCreated).checks


@pytest.mark.parametrize("checks", [_closed(), _OPEN], ids=["of a catalogue", "of an event"])
def test_what_fits_leaves_at_once(checks: EventValidator) -> None:
    """A copy, in the declared types."""
    given = {"kind": Kind.SINGLE, "locales": 7, "draft": True, "score": 1}

    fitting = _fitting(checks, given, None, {})

    assert fitting == (
        {"kind": "singleType", "locales": "5 to 19", "draft": True, "score": 1.0},
        None,
        {},
    )
    assert given["kind"] is Kind.SINGLE


class _Falsy(dict[str, object]):
    """Says that it is empty."""

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
        pytest.param(5, id="no mapping"),
    ],
)
@pytest.mark.parametrize("checks", [_closed(), _OPEN], ids=["of a catalogue", "of an event"])
def test_whatever_does_not_fit_as_it_is_is_looked_at_again(
    checks: EventValidator, bucket: Any
) -> None:
    """It is not passed by any short cut."""
    assert _fitting(checks, bucket, None, None) is None
    if checks is not _OPEN or type(bucket) is not dict:
        assert _fitting(checks, None, bucket, None) is None
        assert _fitting(checks, None, None, bucket) is None


def test_a_catalogue_keeps_all_that_is_not_declared() -> None:
    """In every bucket; the names are told, and how many were of the event."""
    kept = _closed().kept(
        {"kind": "singleType", "locales": "7", "unknown": 1, "seconds": None, "draft": None},
        {"plan": "team", "python.version": "unknown", "email": "a@b.example"},
        {"database": "postgres", "kind": "singleType"},
    )

    assert kept.fitting == ({"kind": "singleType"}, {"plan": "team"}, {"database": "postgres"})
    assert kept.undeclared == ("unknown", "email", "kind")
    assert kept.invalid == ("locales", "draft", "python.version")
    assert kept.dropped_count == 3


def test_without_a_catalogue_only_the_event_itself_is_held_to_what_it_declares() -> None:
    """Nobody declared what users and groups may be said to be; what is declared holds."""
    checks = declaration_of(_Alone).checks

    assert _fitting(checks, {"a": True}, {"plan": "x"}, {"entries.id": "a", "size": 5}) == (
        {"a": True},
        {"plan": "x"},
        {"entries.id": "a", "size": 5},
    )
    kept = checks.kept({"b": True}, {"plan": "x"}, {"entries.id": 5, "size": 5})
    assert kept.fitting == ({}, {"plan": "x"}, {"size": 5})
    assert (kept.undeclared, kept.invalid, kept.dropped_count) == (("b",), ("entries.id",), 1)


@pytest.mark.parametrize("name", [b"entries.id", "entri\u00e9s", 5])
def test_a_name_that_may_yet_become_a_declared_one_is_no_other(name: Any) -> None:
    """Made legal, it may be the name of a property with a check."""
    checks = declaration_of(_Alone).checks

    assert _fitting(checks, {}, {}, {name: "x" * 100}) is None


class _Same:
    """Is found where ``kind`` is."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("kind")


def test_a_name_leaves_as_it_was_declared() -> None:
    """Whatever else finds the property."""
    fitting = _fitting(_closed(), {_Same(): "singleType"}, None, None)

    assert fitting is not None
    assert fitting[0] is not None
    assert [type(name) for name in fitting[0]] == [str]
    assert dict(fitting[0]) == {"kind": "singleType"}
