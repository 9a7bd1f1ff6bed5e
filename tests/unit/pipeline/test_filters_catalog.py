"""The catalogue filters each event after the hooks and before the mapper."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry import Event, InvalidEventError
from otel_telemetry.catalog.documents import json_schema
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.receipt import Outcome
from tests.support.declared import CATALOG, EntryCreated, EntryDeleted, Kind, Plan, Started, Status
from tests.support.pipelines import AppPipeline


def _same(event: Event) -> Event:
    return event


@pytest.fixture(params=[(), (_same,)], ids=["no hook", "a hook"])
def setup(request: pytest.FixtureRequest) -> AppPipeline:
    """A pipeline with the catalogue, with and without a hook: both send the same."""
    return AppPipeline(catalog=CATALOG, before_send=request.param)


def _corrected(setup: AppPipeline) -> dict[str, int]:
    return dict(setup.counters.snapshot().corrected)


def test_a_declared_event_is_sent_as_declared(setup: AppPipeline) -> None:
    """Members as their values, numbers as their ranges, versions without their local part."""
    setup.send(
        "didCreateEntry",
        {
            "kind": Kind.COLLECTION,
            "slug": "article",
            "locales": 7,
            "seconds": 0.25,
            "draft": False,
            "status": Status.FAILED,
            "fields": 12,
            "score": 1,
        },
        {"plan": Plan.TEAM, "python.version": "3.13.0a1+local"},
        {"database": "mysql"},
    )

    assert setup.buckets == (
        {
            "kind": "collectionType",
            "slug": "article",
            "locales": "5 to 19",
            "seconds": "0.1 to <1",
            "draft": False,
            "status": 3,
            "fields": 12,
            "score": 1.0,
        },
        {"plan": "team", "python.version": "3.13.0a1"},
        {"database": "mysql"},
    )
    assert _corrected(setup) == {}


def test_an_undeclared_event_is_dropped(setup: AppPipeline) -> None:
    """The reason is counted."""
    receipt = setup.send("didUpdateEntry", {"kind": Kind.SINGLE})

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "undeclared")
    assert setup.counters.snapshot().dropped == {"undeclared": 1}
    assert setup.records == ()


def test_undeclared_and_invalid_properties_are_dropped(setup: AppPipeline) -> None:
    """The other properties are sent. Each is counted, and the record has its dropped count."""
    setup.send(
        "didCreateEntry",
        {"kind": "other", "slug": "x" * 13, "draft": True, "email": "a@b.example"},
        {"plan": None, "name": "Ann"},
        {"database": "mysql", "kind": "singleType"},
    )

    assert setup.buckets == ({"draft": True}, {}, {"database": "mysql"})
    assert _corrected(setup) == {"undeclared_property": 3, "invalid_property": 3}
    assert setup.record.dropped_attributes == 3


def test_none_means_that_an_optional_property_is_absent(setup: AppPipeline) -> None:
    """No correction is counted."""
    setup.send("didCreateEntry", {"kind": "singleType", "seconds": None, "status": None})

    assert setup.buckets == ({"kind": "singleType"}, {}, {})
    assert _corrected(setup) == {}


def test_values_are_made_legal_before_they_are_validated(setup: AppPipeline) -> None:
    """The catalogue validates what would be sent."""
    setup.send(
        "didCreateEntry",
        collections.OrderedDict({b"kind": bytearray(b"x"), "slug": datetime.date(2024, 1, 1)}),  # type: ignore[dict-item]
        {"service.name": "other", "plan": Plan.FREE},
    )

    assert setup.buckets == ({"slug": "2024-01-01"}, {"plan": "free"}, {})
    assert _corrected(setup) == {"invalid_property": 1, "reserved_key": 1}


def test_the_librarys_own_attributes_need_no_declaration(setup: AppPipeline) -> None:
    """The base resource and the record's unique id are in no application's catalogue."""
    setup.send("app started")

    assert setup.record.log_record.attributes is not None
    assert set(setup.record.log_record.attributes) == {"log.record.uid"}
    assert setup.record.resource.attributes["service.name"] == "acme"


def test_the_catalogue_validates_what_the_hooks_return() -> None:
    """A hook cannot add an undeclared property, or an undeclared event."""
    seen: list[Event] = []

    def change(event: Event) -> Event:
        seen.append(event)
        name = "secret" if "locales" not in event.event_properties else event.name
        return dataclasses.replace(
            event, name=name, event_properties={**event.event_properties, "more": 1}
        )

    setup = AppPipeline(catalog=CATALOG, before_send=change)
    setup.send("didCreateEntry", {"locales": 7})
    receipt = setup.send("didCreateEntry", {"kind": "singleType"})

    assert seen[0].event_properties == {"locales": 7}
    assert setup.buckets == ({"locales": "5 to 19"}, {}, {})
    assert receipt.reason == "undeclared"


class TestTyped:
    """Events that are instances of their declarations."""

    def test_a_typed_event_is_sent_as_it_is(self, setup: AppPipeline) -> None:
        """Its attributes are in their buckets; None is absent."""
        setup.send(EntryCreated(kind=Kind.SINGLE, slug="a", locales=3))
        setup.send(EntryDeleted(kind="other", entries="a1", slug="b"))

        created, deleted = (dict(record.log_record.attributes or {}) for record in setup.records)
        assert created.pop("log.record.uid")
        assert created == {"kind": "singleType", "slug": "a", "locales": "2 to 4", "draft": False}
        assert setup.record.log_record.event_name == "didDeleteEntry"
        assert setup.buckets == ({"kind": "other", "slug": "b"}, {}, {"entries.id": "a1"})
        assert deleted["slug"] == "b"
        assert _corrected(setup) == {}

    def test_properties_of_a_typed_event_win_over_arguments(self, setup: AppPipeline) -> None:
        """Other declared properties are added."""
        setup.send(
            EntryDeleted(kind="other", entries="a1", slug="b"),
            {"kind": "collectionType", "more": 1},
            {"plan": "team", "name": "Ann"},
            {"entries.id": "z9", "database": "mysql"},
        )

        assert setup.buckets == (
            {"kind": "other", "slug": "b"},
            {"plan": "team"},
            {"entries.id": "a1", "database": "mysql"},
        )
        assert _corrected(setup) == {"undeclared_property": 2}

    @pytest.mark.parametrize("hooks", [(), (_same,)], ids=["no hook", "a hook"])
    def test_without_a_catalogue_a_typed_event_is_validated_by_its_declaration(
        self, hooks: Any
    ) -> None:
        """User and group properties are free."""
        setup = AppPipeline(before_send=hooks)
        setup.send(
            EntryDeleted(kind="wrong", entries="a1", slug="b"),  # type: ignore[arg-type]
            {"more": 1},
            {"plan": 7},
            {"database": ["any"]},
        )

        assert setup.buckets == (
            {"slug": "b"},
            {"plan": 7},
            {"entries.id": "a1", "database": ["any"]},
        )
        assert _corrected(setup) == {"undeclared_property": 1, "invalid_property": 1}

    def test_a_typed_event_that_the_catalogue_lacks_is_dropped(self) -> None:
        """The catalogue decides, not the class of the event."""

        @dataclasses.dataclass
        class Other:
            """An event that the catalogue does not have."""

        setup = AppPipeline(catalog=type(CATALOG)(Started, version=1))

        assert setup.send(EntryDeleted(kind="other", entries="", slug="")).reason == "undeclared"
        with pytest.raises(InvalidEventError, match="must be a str, not Other"):
            setup.send(Other())
        with pytest.raises(InvalidEventError, match="must be a str, not type"):
            setup.send(Started)

    def test_a_bucket_that_is_no_mapping_raises(self, setup: AppPipeline) -> None:
        """As in any payload."""
        with pytest.raises(InvalidEventError, match="mapping"):
            setup.send(EntryDeleted(kind="other", entries="", slug=""), [5])  # type: ignore[arg-type]


@pytest.mark.parametrize("hooks", [(), (_same,)], ids=["no hook", "a hook"])
@pytest.mark.parametrize(
    ("name", "event", "message"),
    [
        ("didUpdateEntry", {}, "'didUpdateEntry' is not declared in the catalogue"),
        ("didCreateEntry", {"email": "s3cr3t"}, "undeclared_property ('email')"),
        ("didCreateEntry", {"slug": "s3cr3t" * 9, "kind": 5}, "invalid_property ('slug', 'kind')"),
    ],
)
def test_strict_raises_and_names_the_wrong_property(
    hooks: Any, name: str, event: dict[str, object], message: str
) -> None:
    """The message has no value."""
    setup = AppPipeline(catalog=CATALOG, strict=True, before_send=hooks)

    with pytest.raises(InvalidEventError) as caught:
        setup.send(name, event)

    assert message in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert setup.records == ()


@pytest.mark.parametrize("hooks", [(), (_same,)], ids=["no hook", "a hook"])
def test_properties_on_the_record_are_validated_too(hooks: Any) -> None:
    """Each time, with and without hooks."""
    setup = AppPipeline(catalog=CATALOG, before_send=hooks, properties_on="record")
    for _ in range(2):
        setup.send("app started", None, {"plan": "team"}, None)
        setup.send("app started", None, {"plan": "none"}, {"database": "mysql", "name": "Ann"})

    assert [
        {name: value for name, value in (record.log_record.attributes or {}).items() if name != UID}
        for record in setup.records
    ] == [{"user.plan": "team"}, {"group.database": "mysql"}] * 2
    assert _corrected(setup) == {"undeclared_property": 2, "invalid_property": 2}


def test_a_correction_is_counted_each_time(setup: AppPipeline) -> None:
    """Also for user properties that are cached."""
    for _ in range(3):
        setup.send("app started", None, {"plan": "free", "name": "Ann"}, {"database": "mysql"})
        setup.send("app started", None, {"plan": "free"}, {"database": "mysql"})

        assert setup.buckets == ({}, {"plan": "free"}, {"database": "mysql"})
    assert _corrected(setup) == {"undeclared_property": 3}


def test_two_events_may_declare_different_group_properties(setup: AppPipeline) -> None:
    """Equal group properties are filtered by each event's own declaration."""
    for _ in range(2):
        setup.send("didDeleteEntry", None, None, {"database": "mysql", "entries.id": "a1"})
        assert setup.buckets[2] == {"database": "mysql", "entries.id": "a1"}
        setup.send("app started", None, None, {"database": "mysql", "entries.id": "a1"})
        assert setup.buckets[2] == {"database": "mysql"}


def test_limits_hold_for_declared_properties_too() -> None:
    """A dropped value is counted once; with strict, the event is refused."""
    properties = {"kind": "singleType", "draft": True}
    setup = AppPipeline(catalog=CATALOG, attribute_count_limit=1)
    setup.send("didCreateEntry", properties)

    assert setup.buckets[0] == {"kind": "singleType"}
    assert _corrected(setup) == {"cut": 1}
    with pytest.raises(InvalidEventError, match="cut"):
        AppPipeline(catalog=CATALOG, attribute_count_limit=1, strict=True).send(
            "didCreateEntry", properties
        )


_SCHEMA = jsonschema.Draft202012Validator(json.loads(json_schema(CATALOG)))
_BUCKETS = ("event_properties", "user_properties", "group_properties")


class _Other(enum.Enum):
    SINGLE = "singleType"
    ONE = 1


class _Raising:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 25)
    | st.floats()
    | st.text()
    | st.text(st.characters(codec=None), max_size=14)
    | st.binary(max_size=4)
    | st.from_regex(r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|rc|-beta\.)[0-9])?(\+[a-z]*)?\n?")
    | st.sampled_from([*Kind, *Plan, *Status, *_Other, "singleType", "free", "mysql", "other"])
    | st.sampled_from([2**70, math.nan, -0.0, datetime.date(2024, 1, 1)])
    | st.builds(object)
    | st.builds(_Raising)
)
_VALUES = (
    _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.text(), _SCALARS, max_size=2)
)
_NAMES = st.sampled_from([item.name for item in CATALOG.properties()])
_PROPERTIES = st.none() | st.dictionaries(
    _NAMES | st.text(max_size=3) | st.sampled_from(["service.name", b"kind", Kind.SINGLE, 5]),
    _VALUES,
    max_size=6,
)


@given(
    st.sampled_from([item.name for item in CATALOG.events]), _PROPERTIES, _PROPERTIES, _PROPERTIES
)
def test_what_is_sent_is_valid_by_the_json_schema(
    name: str, event: Any, user: Any, group: Any
) -> None:
    """For any properties, with and without hooks; nothing raises."""
    left = []
    for hooks in ((), (_same,)):
        setup = AppPipeline(catalog=CATALOG, before_send=hooks)
        setup.send(name, event, user, group)
        corrected = setup.counters.snapshot().corrected
        left.append((setup.buckets, corrected, setup.record.dropped_attributes))
        _SCHEMA.validate(
            {
                "event": setup.record.log_record.event_name,
                **{key: dict(bucket) for key, bucket in zip(_BUCKETS, setup.buckets, strict=True)},  # type: ignore[call-overload]
            }
        )

    assert repr(left[0]) == repr(left[1])  # where True, 1 and 1.0 are three values
    strict = AppPipeline(catalog=CATALOG, strict=True)
    if left[0][1]:
        with pytest.raises(InvalidEventError):
            strict.send(name, event, user, group)
    else:
        strict.send(name, event, user, group)
        assert repr(strict.buckets) == repr(left[0][0])
