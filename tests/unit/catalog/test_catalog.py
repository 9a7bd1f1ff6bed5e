"""A catalogue: its events, its validators, and invalid catalogues."""

from __future__ import annotations

from typing import Any

import pytest

from otel_telemetry import ConfigurationError
from otel_telemetry.catalog import Catalog, event, field
from tests.support.declared import CATALOG, Common, EntryCreated, EntryDeleted, Started


def test_a_catalogue_sorts_its_events_by_name() -> None:
    """The order of the arguments does not matter."""
    other = Catalog(Started, EntryCreated, EntryDeleted, version=3, common=Common)

    assert [item.name for item in CATALOG.events] == [
        *("app started", "didCreateEntry", "didDeleteEntry"),
    ]
    assert other.events == CATALOG.events
    assert [item.name for item in CATALOG.common] == [
        *("plan", "python.version", "database"),
    ]
    assert CATALOG.version == 3
    assert repr(CATALOG) == "<Catalog, version 3: 3 events>"


def test_only_declared_events_have_a_validator() -> None:
    """Names are compared exactly."""
    assert CATALOG.validator_of("app started") is not None
    assert CATALOG.validator_of("App started") is None


def test_events_share_the_validator_of_what_is_common() -> None:
    """Where they declare nothing of users or of groups themselves."""
    started, created, deleted = (CATALOG.validator_of(item.name) for item in CATALOG.events)
    assert started is not None
    assert created is not None
    assert deleted is not None

    assert (started.user, started.group) == (created.user, created.group)
    assert started.user is deleted.user
    assert started.group is not deleted.group


def test_an_event_needs_no_properties() -> None:
    """And a catalogue needs no common properties."""
    assert list(Catalog(Started, version=1).properties()) == []


class _Plain:
    """A class without the decorator."""


@event("didCreateEntry", since="1")
class _Namesake:
    """An event with the name of another."""


@event("e", since="1")
class _OtherType:
    """An event with a property that has another type elsewhere."""

    locales: int = field("Another.", data_class="feature", example=5)


@event("e", since="1")
class _RepeatsCommon:
    """An event that declares a common property."""

    database: bool = field("Another.", data_class="feature", bucket="group")


@pytest.mark.parametrize(
    ("events", "options", "fix"),
    [
        ((), {"version": 1}, "declare it with @event"),
        ((Started,), {"version": 0}, "an int of 1 or more"),
        ((Started,), {"version": True}, "an int of 1 or more"),
        ((Started,), {"version": "1"}, "an int of 1 or more"),
        ((_Plain,), {"version": 1}, "_Plain is not an event: decorate"),
        (("app started",), {"version": 1}, "str is not an event: decorate"),
        ((type("Sub", (Started,), {}),), {"version": 1}, "Sub is not an event"),
        ((EntryCreated, _Namesake), {"version": 1}, "two events have the name 'didCreateEntry'"),
        ((Started, Started), {"version": 1}, "two events have the name 'app started'"),
        (
            (EntryCreated, _OtherType),
            {"version": 1},
            "'locales', one of type str and one of type int",
        ),
        (
            (_RepeatsCommon,),
            {"version": 1, "common": Common},
            "'database', which is a common",
        ),
        ((Started,), {"version": 1, "common": EntryCreated}, "EntryCreated has a base class"),
    ],
)
def test_an_invalid_catalogue_raises_with_the_fix(
    events: Any, options: dict[str, Any], fix: str
) -> None:
    """At construction, not when an event is sent."""
    with pytest.raises(ConfigurationError, match=fix):
        Catalog(*events, **options)
