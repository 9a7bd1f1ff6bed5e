"""A catalogue: which events are one, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from otel_telemetry import ConfigurationError
from otel_telemetry.catalog import Catalog, event, field
from tests.support.declared import CATALOG, Common, EntryCreated, EntryDeleted, Started


def test_a_catalogue_holds_the_events_by_name() -> None:
    """However they were listed."""
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


def test_only_declared_events_have_checks() -> None:
    """By their exact names."""
    assert CATALOG.checks_of("app started") is not None
    assert CATALOG.checks_of("App started") is None


def test_events_share_the_checks_of_what_is_common() -> None:
    """Where they declare nothing of users or of groups themselves."""
    started, created, deleted = (CATALOG.checks_of(item.name) for item in CATALOG.events)
    assert started is not None
    assert created is not None
    assert deleted is not None

    assert started.of_others == created.of_others
    assert started.of_others[0] is deleted.of_others[0]
    assert started.of_others[1] is not deleted.of_others[1]


def test_an_event_needs_no_properties() -> None:
    """Nor does a catalogue need common ones."""
    assert list(Catalog(Started, version=1).properties()) == []


class _Plain:
    """Nobody's event."""


@event("didCreateEntry", since="1")
class _Namesake:
    """The same name."""


@event("e", since="1")
class _OtherType:
    """A property that is a number elsewhere."""

    locales: int = field("Another.", data_class="feature", example=5)


@event("e", since="1")
class _OfTheGroup:
    """What is common."""

    database: bool = field("Another.", data_class="feature", bucket="group")


@pytest.mark.parametrize(
    ("events", "options", "fix"),
    [
        ((), {"version": 1}, "declare one with @event"),
        ((Started,), {"version": 0}, "whole number, 1 or more"),
        ((Started,), {"version": True}, "whole number, 1 or more"),
        ((Started,), {"version": "1"}, "whole number, 1 or more"),
        ((_Plain,), {"version": 1}, "_Plain is no declared event: decorate"),
        (("app started",), {"version": 1}, "str is no declared event: decorate"),
        ((type("Sub", (Started,), {}),), {"version": 1}, "Sub is no declared event"),
        ((EntryCreated, _Namesake), {"version": 1}, "two events are called 'didCreateEntry'"),
        ((Started, Started), {"version": 1}, "two events are called 'app started'"),
        ((EntryCreated, _OtherType), {"version": 1}, "'locales' leaves as int here and as str"),
        ((_OfTheGroup,), {"version": 1, "common": Common}, "declares 'database', which is common"),
        ((Started,), {"version": 1, "common": EntryCreated}, "EntryCreated inherits"),
    ],
)
def test_what_is_no_catalogue_is_told_the_fix(
    events: Any, options: dict[str, Any], fix: str
) -> None:
    """Where it is made, not where an event would leave."""
    with pytest.raises(ConfigurationError, match=fix):
        Catalog(*events, **options)
