"""Payloads, events, names and timestamps."""

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
    Event,
    FrozenProperties,
    TelemetryPayload,
    make_event,
    merge_payload,
    to_nanoseconds,
    validate_name,
)

_UTC = datetime.timezone.utc
_NOTHING = (None, None, None)
_ZONES = st.integers(-1439, 1439).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)


class TestBuckets:
    """`merge_payload` and `merge_properties`."""

    def test_a_payload_has_three_buckets(self) -> None:
        """A TelemetryPayload names each of them."""
        payload = TelemetryPayload(
            event_properties={"a": 1}, user_properties={"b": 2}, group_properties={"c": 3}
        )

        assert merge_payload(payload, _NOTHING) == (({"a": 1}, {"b": 2}, {"c": 3}), 0)

    @pytest.mark.parametrize("kind", [dict, UserDict])
    @pytest.mark.parametrize(
        "names",
        [
            ("event_properties", "user_properties", "group_properties"),
            ("eventProperties", "userProperties", "groupProperties"),
        ],
    )
    def test_a_mapping_names_its_buckets_in_snake_case_or_camel_case(
        self, kind: type[dict[str, object]], names: tuple[str, str, str]
    ) -> None:
        """Python and JavaScript write the same names differently."""
        payload = kind({names[0]: {"a": 1}, names[1]: {"b": 2}, names[2]: {"c": 3}})

        assert merge_payload(payload, _NOTHING) == (({"a": 1}, {"b": 2}, {"c": 3}), 0)

    def test_a_missing_bucket_is_none(self) -> None:
        """No bucket is required."""
        assert (
            merge_payload(TelemetryPayload(), _NOTHING)
            == merge_payload({}, _NOTHING)
            == (_NOTHING, 0)
        )

    def test_of_two_spellings_of_one_bucket_the_first_wins(self) -> None:
        """The two are not merged."""
        payload = {"event_properties": {"a": 1}, "eventProperties": {"a": 2}}

        assert merge_payload(payload, _NOTHING) == (({"a": 1}, None, None), 0)

    def test_unknown_keys_are_counted(self) -> None:
        """A misspelled bucket shows in the statistics."""
        assert merge_payload({"properties": {"a": 1}, 5: {}, None: {}}, _NOTHING)[1] == 3

    @pytest.mark.parametrize("payload", ["text", 5, [("event_properties", {})], object()])
    def test_a_payload_of_another_type_is_an_invalid_event_error(self, payload: object) -> None:
        """The message names the type but does not repeat the content."""
        with pytest.raises(InvalidEventError, match=f"mapping, not {type(payload).__name__}"):
            merge_payload(payload, _NOTHING)

    @pytest.mark.parametrize("is_mapping", [True, False])
    def test_an_argument_wins_over_the_payload(self, is_mapping: bool) -> None:  # noqa: FBT001 - a table
        """Buckets are merged key by key."""
        buckets: dict[str, dict[str, object]] = {
            "event_properties": {"a": 1, "b": 1},
            "user_properties": {"c": 1},
        }
        payload = buckets if is_mapping else TelemetryPayload(**buckets)

        merged = merge_payload(payload, ({"b": 2}, None, {"d": 2}))

        assert merged == (({"a": 1, "b": 2}, {"c": 1}, {"d": 2}), 0)

    def test_merging_changes_neither_bucket(self) -> None:
        """The buckets belong to the caller."""
        first, second = {"a": 1}, {"a": 2}

        merge_payload(TelemetryPayload(event_properties=first), (second, None, None))

        assert (first, second) == ({"a": 1}, {"a": 2})

    def test_payloads_and_events_cannot_be_changed(self) -> None:
        """A hook returns a changed copy instead."""
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
    def test_a_valid_name_does_not_change(self, name: str) -> None:
        """Its length is counted in characters, not bytes."""
        assert validate_name(name) == name

    @pytest.mark.parametrize("name", ["", "x" * 257])
    def test_an_empty_or_overlong_name_is_an_invalid_event_error(self, name: str) -> None:
        """The message contains its length."""
        with pytest.raises(InvalidEventError, match=f"1 to 256 characters, not {len(name)}"):
            validate_name(name)

    @pytest.mark.parametrize("name", [None, 5, b"name", ["name"]])
    def test_a_name_that_is_not_a_str_is_an_invalid_event_error(self, name: object) -> None:
        """The message contains its type."""
        with pytest.raises(InvalidEventError, match=f"a str, not {type(name).__name__}"):
            validate_name(name)

    def test_a_member_of_a_str_enum_becomes_a_plain_str(self) -> None:
        """Its value is the name, not the result of its `__str__`."""

        class Name(str, enum.Enum):
            CREATED = "didCreateEntry"

            def __str__(self) -> str:
                return "another text"

        name = validate_name(Name.CREATED)

        assert (name, type(name)) == ("didCreateEntry", str)

    @given(st.text(st.characters(), min_size=1, max_size=256))
    def test_every_name_can_be_encoded(self, name: str) -> None:
        """Lone surrogates become U+FFFD; other characters do not change."""
        valid = validate_name(name)

        assert valid.encode()
        assert valid == "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in name)


class TestTimestamp:
    """`to_nanoseconds`."""

    def test_an_int_of_nanoseconds_does_not_change(self) -> None:
        """Its last digit is kept."""
        assert to_nanoseconds(1_700_000_000_123_456_789) == 1_700_000_000_123_456_789

    def test_a_datetime_is_exact_to_the_microsecond(self) -> None:
        """It is not converted to a float on the way."""
        moment = datetime.datetime(2023, 11, 14, 22, 13, 20, 123457, tzinfo=_UTC)

        assert to_nanoseconds(moment) == 1_700_000_000_123_457_000

    @given(
        st.datetimes(
            min_value=datetime.datetime(1970, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
            max_value=datetime.datetime(2262, 4, 9),  # noqa: DTZ001
            timezones=_ZONES,
        )
    )
    def test_a_datetime_of_any_zone_is_converted_exactly(self, moment: datetime.datetime) -> None:
        """For every offset and microsecond."""
        back = datetime.datetime(1970, 1, 1, tzinfo=_UTC) + datetime.timedelta(
            microseconds=to_nanoseconds(moment) // 1000
        )

        assert back == moment.astimezone(_UTC)
        assert to_nanoseconds(moment) % 1000 == 0

    def test_a_naive_datetime_is_an_invalid_event_error(self) -> None:
        """It is ambiguous; the message asks for a tzinfo."""
        with pytest.raises(InvalidEventError, match="aware datetime: give it a tzinfo"):
            to_nanoseconds(datetime.datetime(2024, 1, 1))  # noqa: DTZ001 - what is tested

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
    def test_a_timestamp_outside_64_bits_is_an_invalid_event_error(
        self, moment: datetime.datetime | int
    ) -> None:
        """On the wire, zero means "unknown", and 64 bits end in 2262."""
        with pytest.raises(InvalidEventError, match="between 1970 and 2262"):
            to_nanoseconds(moment)

    def test_the_first_and_the_last_nanosecond_are_valid(self) -> None:
        """The range includes both bounds."""
        assert to_nanoseconds(1) == 1
        assert to_nanoseconds(2**63 - 1) == 2**63 - 1

    @pytest.mark.parametrize(
        "moment", ["2024-01-01T00:00:00Z", 1.5, True, datetime.date(2024, 1, 1), datetime.time()]
    )
    def test_a_timestamp_of_another_type_is_an_invalid_event_error(self, moment: object) -> None:
        """A float might be seconds or not; the message names the accepted types."""
        with pytest.raises(
            InvalidEventError, match=f"since the epoch, not {type(moment).__name__}"
        ):
            to_nanoseconds(moment)  # type: ignore[arg-type]  # what is tested


def test_merging_a_bucket_that_is_not_a_mapping_is_an_invalid_event_error() -> None:
    """In a payload, with the same bucket as an argument."""
    arguments = ({"a": 1}, None, None)

    with pytest.raises(InvalidEventError, match="must be a mapping"):
        merge_payload({"event_properties": 5}, arguments)


class TestFrozenProperties:
    """A dict that cannot be changed."""

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
    def test_every_change_raises(self, change: Callable[[FrozenProperties], object]) -> None:
        """The message asks for a changed copy."""
        bucket = FrozenProperties({"a": 1})

        with pytest.raises(FrozenInstanceError, match="return a changed copy"):
            change(bucket)

        assert bucket == {"a": 1}

    def test_it_reads_like_a_dict_and_its_copies_are_dicts(self) -> None:
        """Each way to copy it makes a dict that can be changed."""
        bucket = FrozenProperties({"a": 1})

        assert json.dumps(bucket) == '{"a": 1}'
        for copied in (bucket | {"b": 2}, {**bucket, "b": 2}, dict(bucket, b=2)):
            assert type(copied) is dict
            assert copied == {"a": 1, "b": 2}
        assert type(bucket.copy()) is dict

    @pytest.mark.parametrize(
        "duplicate",
        [copy.copy, copy.deepcopy, lambda bucket: pickle.loads(pickle.dumps(bucket))],
    )
    def test_copying_and_pickling_keep_it_frozen(
        self, duplicate: Callable[[FrozenProperties], FrozenProperties]
    ) -> None:
        """An event can be copied and sent to another process."""
        bucket = FrozenProperties({"a": [1]})
        twin = duplicate(bucket)

        assert type(twin) is FrozenProperties
        assert twin == bucket


def test_make_event_returns_what_the_constructor_returns() -> None:
    """Also when it is compared, copied, pickled or shown."""
    fast = make_event("x", 1, {"a": 1}, {"b": 2}, {"c": 3})
    event = Event(
        name="x",
        timestamp=1,
        event_properties={"a": 1},
        user_properties={"b": 2},
        group_properties={"c": 3},
    )

    assert type(fast) is Event
    assert fast == event == replace(fast)
    assert repr(fast) == repr(event)
    assert pickle.loads(pickle.dumps(fast)) == copy.deepcopy(fast) == event
    with pytest.raises(FrozenInstanceError):
        fast.name = "y"  # type: ignore[misc]  # on purpose
