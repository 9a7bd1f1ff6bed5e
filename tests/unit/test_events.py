"""An event as the caller gives it."""

from __future__ import annotations

import copy
import datetime
import enum
import json
import pickle
from collections import UserDict
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.errors import InvalidEventError
from otel_telemetry.events import (
    Buckets,
    Event,
    FrozenProperties,
    TelemetryPayload,
    buckets_of,
    legal_name,
    made_event,
    nanoseconds,
)

_UTC = datetime.timezone.utc
_NOTHING = Buckets(None, None, None)
_ZONES = st.integers(-1439, 1439).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)


class TestBuckets:
    """Every spelling of the three buckets."""

    def test_a_payload_has_three(self) -> None:
        """A TelemetryPayload says itself which bucket is which."""
        payload = TelemetryPayload(
            event_properties={"a": 1}, user_properties={"b": 2}, group_properties={"c": 3}
        )

        assert buckets_of(payload, _NOTHING) == Buckets({"a": 1}, {"b": 2}, {"c": 3}, 0)

    @pytest.mark.parametrize("kind", [dict, UserDict])
    @pytest.mark.parametrize(
        "names",
        [
            ("event_properties", "user_properties", "group_properties"),
            ("eventProperties", "userProperties", "groupProperties"),
        ],
    )
    def test_a_mapping_may_spell_them_in_two_ways(
        self, kind: type[dict[str, object]], names: tuple[str, str, str]
    ) -> None:
        """The names of Python and those of JavaScript are the same to us."""
        payload = kind({names[0]: {"a": 1}, names[1]: {"b": 2}, names[2]: {"c": 3}})

        assert buckets_of(payload, _NOTHING) == Buckets({"a": 1}, {"b": 2}, {"c": 3}, 0)

    def test_what_is_left_out_is_none(self) -> None:
        """No bucket has to be there."""
        assert buckets_of(TelemetryPayload(), _NOTHING) == buckets_of({}, _NOTHING) == _NOTHING

    def test_of_two_spellings_the_first_counts(self) -> None:
        """A bucket given twice is not joined in silence."""
        payload = {"event_properties": {"a": 1}, "eventProperties": {"a": 2}}

        assert buckets_of(payload, _NOTHING).event_properties == {"a": 1}

    def test_other_keys_are_counted(self) -> None:
        """Whoever misspells a bucket can find out, whatever the key is."""
        assert buckets_of({"properties": {"a": 1}, 5: {}, None: {}}, _NOTHING).unknown == 3

    @pytest.mark.parametrize("payload", ["text", 5, [("event_properties", {})], object()])
    def test_anything_else_is_no_payload(self, payload: object) -> None:
        """The message names the type, and nothing of the content."""
        with pytest.raises(InvalidEventError, match=f"mapping, not {type(payload).__name__}"):
            buckets_of(payload, _NOTHING)

    @pytest.mark.parametrize("is_mapping", [True, False])
    def test_what_is_given_beside_a_payload_stands_over_it(self, is_mapping: bool) -> None:  # noqa: FBT001 - a table
        """Buckets are joined key by key, and the argument wins."""
        buckets: dict[str, dict[str, object]] = {
            "event_properties": {"a": 1, "b": 1},
            "user_properties": {"c": 1},
        }
        payload = buckets if is_mapping else TelemetryPayload(**buckets)

        found = buckets_of(payload, Buckets({"b": 2}, None, {"d": 2}))

        assert found == Buckets({"a": 1, "b": 2}, {"c": 1}, {"d": 2}, 0)

    def test_joining_changes_neither(self) -> None:
        """The buckets are the caller's."""
        first, second = {"a": 1}, {"a": 2}

        buckets_of(TelemetryPayload(event_properties=first), Buckets(second, None, None))

        assert (first, second) == ({"a": 1}, {"a": 2})

    def test_payloads_and_events_cannot_be_changed(self) -> None:
        """A hook makes another event instead."""
        event = Event(
            name="a", timestamp=1, event_properties={}, user_properties={}, group_properties={}
        )

        with pytest.raises(FrozenInstanceError):
            event.name = "b"  # type: ignore[misc]  # what is tested
        with pytest.raises(FrozenInstanceError):
            TelemetryPayload().event_properties = {}  # type: ignore[misc]  # what is tested
        assert replace(event, name="b").name == "b"


class TestName:
    """1 to 256 characters of any script."""

    @pytest.mark.parametrize("name", ["a", "didCreateEntry", "x" * 256, "创建", "🎉" * 256])
    def test_a_legal_name_stays_as_it_is(self, name: str) -> None:
        """Characters are counted, not bytes."""
        assert legal_name(name) == name

    @pytest.mark.parametrize("name", ["", "x" * 257])
    def test_a_name_of_another_length_is_refused(self, name: str) -> None:
        """The message says how long it was."""
        with pytest.raises(InvalidEventError, match=f"1 to 256 characters, not {len(name)}"):
            legal_name(name)

    @pytest.mark.parametrize("name", [None, 5, b"name", ["name"]])
    def test_what_is_no_str_is_refused(self, name: object) -> None:
        """The message says what it was."""
        with pytest.raises(InvalidEventError, match=f"a str, not {type(name).__name__}"):
            legal_name(name)

    def test_an_enum_of_names_becomes_a_plain_str(self) -> None:
        """Whatever else a member is, its name leaves as text."""

        class Name(str, enum.Enum):
            CREATED = "didCreateEntry"

            def __str__(self) -> str:
                return "another text"

        name = legal_name(Name.CREATED)

        assert (name, type(name)) == ("didCreateEntry", str)

    @given(st.text(st.characters(), min_size=1, max_size=256))
    def test_every_name_can_be_encoded(self, name: str) -> None:
        """Lone surrogates become U+FFFD; whole characters stay."""
        legal = legal_name(name)

        assert legal.encode()
        assert legal == "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in name)


class TestTimestamp:
    """When it happened, exactly."""

    def test_nanoseconds_stay_as_they_are(self) -> None:
        """An int is in nanoseconds already."""
        assert nanoseconds(1_700_000_000_123_456_789) == 1_700_000_000_123_456_789

    def test_a_datetime_is_exact_to_the_microsecond(self) -> None:
        """No float comes in between."""
        moment = datetime.datetime(2023, 11, 14, 22, 13, 20, 123457, tzinfo=_UTC)

        assert nanoseconds(moment) == 1_700_000_000_123_457_000

    @given(
        st.datetimes(
            min_value=datetime.datetime(1970, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
            max_value=datetime.datetime(2262, 4, 9),  # noqa: DTZ001
            timezones=_ZONES,
        )
    )
    def test_every_zone_and_microsecond_comes_out_exactly(self, moment: datetime.datetime) -> None:
        """Whole numbers agree with the calendar, whatever the offset."""
        back = datetime.datetime(1970, 1, 1, tzinfo=_UTC) + datetime.timedelta(
            microseconds=nanoseconds(moment) // 1000
        )

        assert back == moment.astimezone(_UTC)
        assert nanoseconds(moment) % 1000 == 0

    def test_a_naive_datetime_is_refused(self) -> None:
        """Nobody knows which moment it means; the message says what to add."""
        with pytest.raises(InvalidEventError, match="aware datetime: give it a tzinfo"):
            nanoseconds(datetime.datetime(2024, 1, 1))  # noqa: DTZ001 - what is tested

    @pytest.mark.parametrize(
        "moment",
        [
            0,
            -1,
            2**63,
            datetime.datetime(1969, 12, 31, tzinfo=_UTC),
            datetime.datetime(1970, 1, 1, tzinfo=_UTC),
            datetime.datetime.max.replace(tzinfo=_UTC),
            datetime.datetime.min.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=14))),
        ],
        ids=str,
    )
    def test_a_moment_that_the_wire_cannot_hold_is_refused(
        self, moment: datetime.datetime | int
    ) -> None:
        """Zero means "unknown" there, and 64 bits end in 2262."""
        with pytest.raises(InvalidEventError, match="between 1970 and 2262"):
            nanoseconds(moment)

    def test_the_bounds_are_taken(self) -> None:
        """The first and the last nanosecond there are."""
        assert nanoseconds(1) == 1
        assert nanoseconds(2**63 - 1) == 2**63 - 1

    @pytest.mark.parametrize(
        "moment", ["2024-01-01T00:00:00Z", 1.5, True, datetime.date(2024, 1, 1), datetime.time()]
    )
    def test_anything_else_is_no_timestamp(self, moment: object) -> None:
        """Seconds in a float would be a guess; the message says what it takes."""
        with pytest.raises(
            InvalidEventError, match=f"since the epoch, not {type(moment).__name__}"
        ):
            nanoseconds(moment)  # type: ignore[arg-type]  # what is tested


def test_buckets_that_cannot_be_joined_are_refused() -> None:
    """One that is no mapping, in a payload beside the same bucket given by itself."""
    given = Buckets({"a": 1}, None, None)

    with pytest.raises(InvalidEventError, match="must be a mapping"):
        buckets_of({"event_properties": 5}, given)


class TestFrozenProperties:
    """A dict for all that only reads."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda bucket: bucket.update(a=2),
            lambda bucket: bucket.setdefault("b", 2),
            lambda bucket: bucket.pop("a"),
            lambda bucket: bucket.popitem(),
            lambda bucket: bucket.clear(),
            lambda bucket: bucket.__setitem__("a", 2),
            lambda bucket: bucket.__delitem__("a"),
            lambda bucket: bucket.__ior__({"a": 2}),
        ],
    )
    def test_it_refuses_every_change(self, change: Callable[[FrozenProperties], object]) -> None:
        """And says what to do instead."""
        bucket = FrozenProperties({"a": 1})

        with pytest.raises(FrozenInstanceError, match="return a changed copy"):
            change(bucket)

        assert bucket == {"a": 1}

    def test_it_is_read_as_a_dict_is(self) -> None:
        """What is made of it is a dict that can be changed."""
        bucket = FrozenProperties({"a": 1})

        assert json.dumps(bucket) == '{"a": 1}'
        for made in (bucket | {"b": 2}, {**bucket, "b": 2}, dict(bucket, b=2)):
            assert type(made) is dict
            assert made == {"a": 1, "b": 2}
        assert type(bucket.copy()) is dict

    @pytest.mark.parametrize(
        "duplicate",
        [copy.copy, copy.deepcopy, lambda bucket: pickle.loads(pickle.dumps(bucket))],
    )
    def test_its_copies_are_as_frozen(
        self, duplicate: Callable[[FrozenProperties], FrozenProperties]
    ) -> None:
        """An event can be copied, and sent to another process."""
        bucket = FrozenProperties({"a": [1]})
        made = duplicate(bucket)

        assert type(made) is FrozenProperties
        assert made == bucket


def test_an_event_made_fast_is_an_event() -> None:
    """In nothing another than one made by its class."""
    made = made_event("x", 1, {"a": 1}, {"b": 2}, {"c": 3})
    event = Event(
        name="x",
        timestamp=1,
        event_properties={"a": 1},
        user_properties={"b": 2},
        group_properties={"c": 3},
    )

    assert type(made) is Event
    assert made == event == replace(made)
    assert repr(made) == repr(event)
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == event
    with pytest.raises(FrozenInstanceError):
        made.name = "y"  # type: ignore[misc]  # on purpose
