"""The encoder's bytes are those of the official classes."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_telemetry.otlp import encoder
from otel_telemetry.otlp.encoder import (
    AttributeEncoder,
    attribute_encoder,
    encode_scalar_attributes,
    log_record_field,
    resource_field,
    scope_field,
)
from tests.support.official import assert_record, assert_same, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_telemetry.types import AttributeValue


# Where the length of a length, or of an int, grows by a byte.
SIZES: Final = (0, 1, *range(120, 131), 16_380, 16_383, 16_384, 2**21 - 1, 2**21)
INTS: Final = (0, 1, 127, 128, 255, 16_383, 16_384, 2**31, 2**32, 2**63 - 1, -1, -128, -(2**63))
FLOATS: Final = (
    *(0.0, -0.0, 1.0, 0.1, float("inf"), float("-inf"), float("nan")),
    *(sys.float_info.max, sys.float_info.min, 5e-324),
)
TEXTS: Final = (
    "",
    "\0",
    "a",
    "é",
    "ß" * 64,
    "日本語",
    "👩‍👩‍👧",
    "\U0010ffff",
    "\ufeff",
    "\u202e",
    "\r\n",
)

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary()
) | st.text()
values: st.SearchStrategy[AttributeValue] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)
buckets = st.dictionaries(st.text(), values, max_size=5)
small = st.dictionaries(st.text(), scalars, max_size=3)
uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)


def encode(body: AttributeValue, attributes: Mapping[str, AttributeValue]) -> bytes:
    """Encode a record of which nothing else matters."""
    return log_record_field(
        timestamp=1, observed_timestamp=2, severity_number=9, body=body, attributes=attributes
    )


class TestValues:
    """A value keeps its kind and its content, wherever it stands."""

    @given(buckets)
    @example({"": None, "nothing": [], "empty": {}, "deep": [[], {}, [None], {"": {}}]})
    def test_attributes_of_every_kind_are_those_of_the_official_classes(
        self, attributes: dict[str, AttributeValue]
    ) -> None:
        """On a resource, on a scope and on a record, at every level."""
        assert_same(
            resource_field(attributes),
            ResourceLogs(resource=Resource(attributes=pairs(attributes))),
        )
        assert_same(
            scope_field("s", "1", attributes),
            ScopeLogs(
                scope=InstrumentationScope(name="s", version="1", attributes=pairs(attributes))
            ),
        )
        assert_record(attributes=attributes)

    @pytest.mark.parametrize("value", [*INTS, *FLOATS, *TEXTS, True, False, None, b"", b"\xff\0"])
    def test_a_boundary_is_encoded_alike_the_first_time_and_again(
        self, value: AttributeValue
    ) -> None:
        """What the encoder remembers of earlier records changes nothing."""
        for attributes in ({"boundary": value}, {"boundary": value}, {"in": [value, {"k": value}]}):
            assert_record(attributes=attributes, body=value)
            assert_same(
                resource_field(attributes),
                ResourceLogs(resource=Resource(attributes=pairs(attributes))),
            )

    @pytest.mark.parametrize("size", SIZES)
    def test_a_length_may_cross_every_boundary(self, size: int) -> None:
        """Of texts, bytes, keys, names, lists and maps, and of all that encloses them."""
        text, data = "x" * size, b"x" * size
        assert_record(attributes={"text": text, "bytes": data, text: 1})
        assert_record(attributes={"list": [text], "map": {text: data}}, body=[text])
        assert_record(body=text, event_name=text, severity_text=text)
        assert_same(
            scope_field(text, text, {text: text}, schema_url=text),
            ScopeLogs(
                scope=InstrumentationScope(name=text, version=text, attributes=pairs({text: text})),
                schema_url=text,
            ),
        )

    def test_as_many_keys_and_texts_as_you_like_are_encoded_right(self) -> None:
        """Past what the encoder remembers, it encodes as before, and remembers no more."""
        for number in range(1100):
            assert_record(attributes={f"key {number}": f"text {number}", "one": f"text {number}"})
        assert_record(attributes={"k" * 100_000: "t" * 100_000, "one": "t" * 100_000})

        assert len(encoder._encoders) <= 1024
        assert all(len(key) <= 64 for key in encoder._encoders)
        assert len(encoder._encoders["one"].encoded[str]) <= 64

    def test_only_names_are_remembered_of_bodies(self) -> None:
        """Log messages may be long and many; holding on to them would be a leak."""
        misses = encoder._event_name.cache_info().misses
        for number in range(100):
            assert_record(event_name="a name of its own", body=f"message {number}")

        assert encoder._event_name.cache_info().misses <= misses + 1

    def test_many_values_are_one_list(self) -> None:
        """A list of 20,000 elements is encoded whole."""
        assert_record(attributes={"list": list(range(20_000))})


class TestFields:
    """Each field is at its place, and absent where it has nothing to say."""

    @given(
        timestamp=uint64,
        observed_timestamp=uint64,
        severity_number=st.integers(0, 24),
        severity_text=st.text(),
        body=scalars,
        event_name=st.text(),
        dropped_count=uint32,
        trace_id=st.integers(0, 2**128 - 1),
        span_id=uint64,
        trace_flags=st.integers(0, 255),
    )
    def test_a_record_is_that_of_the_official_class(
        self,
        timestamp: int,
        observed_timestamp: int,
        severity_number: int,
        severity_text: str,
        body: AttributeValue,
        event_name: str,
        dropped_count: int,
        trace_id: int,
        span_id: int,
        trace_flags: int,
    ) -> None:
        """For any values of its fields."""
        assert_record(
            timestamp=timestamp,
            observed_timestamp=observed_timestamp,
            severity_number=severity_number,
            severity_text=severity_text,
            body=body,
            attributes={"a": body},
            event_name=event_name,
            dropped_count=dropped_count,
            trace_id=trace_id,
            span_id=span_id,
            trace_flags=trace_flags,
        )

    def test_ids_keep_their_zeros(self) -> None:
        """Small ids have all their bytes; without a trace there is neither span nor flags."""
        assert_record(trace_id=1, span_id=2, trace_flags=1)
        assert_record(trace_id=0, span_id=2, trace_flags=1)

    @pytest.mark.parametrize("name", ["didCreateEntry", ""])
    def test_the_name_may_be_the_body(self, name: str) -> None:
        """The very same str twice, as events have it."""
        assert_record(event_name=name, body=name)

    @given(small, uint32, st.text())
    def test_a_resource_is_that_of_the_official_class(
        self, attributes: dict[str, AttributeValue], dropped_count: int, schema_url: str
    ) -> None:
        """With its dropped count, and its schema URL beside it."""
        assert_same(
            resource_field(attributes, dropped_count=dropped_count, schema_url=schema_url),
            ResourceLogs(
                resource=Resource(
                    attributes=pairs(attributes), dropped_attributes_count=dropped_count
                ),
                schema_url=schema_url,
            ),
        )

    @given(st.text(), st.none() | st.text(), st.none() | small, uint32)
    def test_a_scope_is_that_of_the_official_class(
        self,
        name: str,
        version: str | None,
        attributes: dict[str, AttributeValue] | None,
        dropped_count: int,
    ) -> None:
        """With or without version and attributes."""
        expected = InstrumentationScope(
            name=name,
            version=version or "",
            attributes=pairs(attributes or {}),
            dropped_attributes_count=dropped_count,
        )
        assert_same(
            scope_field(name, version, attributes, dropped_count=dropped_count),
            ScopeLogs(scope=expected),
        )


class TestRefusals:
    """What cannot be encoded raises, and the caller drops or corrects that record."""

    @pytest.mark.parametrize(
        ("value", "error"),
        [
            ("\ud83d", UnicodeEncodeError),
            ({"\udc00": 1}, UnicodeEncodeError),
            (2**63, OverflowError),
            (-(2**63) - 1, OverflowError),
            (object(), TypeError),
            ([{1, 2}], TypeError),
            (1j, TypeError),
        ],
    )
    def test_an_illegal_value_raises(self, value: AttributeValue, error: type[Exception]) -> None:
        """Wherever it stands; never is it half encoded."""
        with pytest.raises(error):
            encode(None, {"a": value})
        with pytest.raises(error):
            encode(value, {})
        with pytest.raises(error):
            resource_field({"a": value})
        with pytest.raises(error):
            scope_field("s", None, {"a": [value]})

    @pytest.mark.parametrize("number", [-1, 2**64])
    def test_a_time_that_does_not_fit_raises(self, number: int) -> None:
        """Times are unsigned, and of 64 bits."""
        with pytest.raises(struct.error):
            log_record_field(
                timestamp=number, observed_timestamp=0, severity_number=0, body=None, attributes={}
            )


KEYS = ("a", "bé", "long " * 12)
plain: st.SearchStrategy[AttributeValue] = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()
)


@pytest.fixture
def keys() -> dict[str, AttributeEncoder]:
    """Keys that are known."""
    return {key: AttributeEncoder(key) for key in KEYS}


def assert_fields(fields: list[bytes], attributes: dict[str, AttributeValue]) -> None:
    """Compare a record made with encoded attributes with the official one."""
    data = log_record_field(1, 2, 9, None, {}, encoded_attributes=fields)
    record = LogRecord(
        time_unix_nano=1,
        observed_time_unix_nano=2,
        severity_number=9,  # type: ignore[arg-type]  # an enum's int
        attributes=pairs(attributes),
    )
    assert_same(data, ScopeLogs(log_records=[record]))


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), plain), max_size=5))
def test_scalars_are_those_of_the_official_classes(
    several: list[dict[str, AttributeValue]],
) -> None:
    """Also after other values under the same key."""
    keys = {key: AttributeEncoder(key) for key in KEYS}
    for attributes in [*several, *several]:
        assert_fields(encode_scalar_attributes(keys, attributes), attributes)


def test_what_is_equal_across_types_stays_apart(keys: dict[str, AttributeEncoder]) -> None:
    """In either order."""
    values: tuple[AttributeValue, ...] = (True, 1, 1.0, False, 0, 0.0, -0.0, None, "", "1")
    for value in (*values, *reversed(values)):
        assert_fields(encode_scalar_attributes(keys, {"a": value}), {"a": value})


@pytest.mark.parametrize("value", [b"", [], {}, (), [1], object(), type("Text", (str,), {})()])
def test_a_value_that_is_no_scalar_raises(
    keys: dict[str, AttributeEncoder], value: AttributeValue
) -> None:
    """The caller cleans it first."""
    with pytest.raises(KeyError):
        encode_scalar_attributes(keys, {"a": value})


def test_a_key_without_an_encoder_raises(keys: dict[str, AttributeEncoder]) -> None:
    """It may be a reserved key."""
    with pytest.raises(KeyError):
        encode_scalar_attributes(keys, {"a": 1, "other": 1})


def test_illegal_scalars_raise(keys: dict[str, AttributeEncoder]) -> None:
    """Each time."""
    for _ in range(2):
        with pytest.raises(UnicodeEncodeError):
            encode_scalar_attributes(keys, {"a": "\ud800"})
        with pytest.raises(OverflowError):
            encode_scalar_attributes(keys, {"a": 2**63})


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    """Of keys, of the texts and the numbers under each, and of the floats nothing."""
    known = [attribute_encoder(f"key {number}") for number in range(1100)]
    assert [key is not None for key in known] == [True] * 1024 + [False] * 76
    key = attribute_encoder("key 0")
    assert key is not None
    assert key is known[0]
    assert attribute_encoder("k" * 65) is None

    for number in range(-1000, 1000):
        attributes: dict[str, AttributeValue] = {"key 0": number}
        assert_fields(encode_scalar_attributes({"key 0": key}, attributes), attributes)
        encode_scalar_attributes({"key 0": key}, {"key 0": f"text {number}"})
        encode_scalar_attributes({"key 0": key}, {"key 0": number / 3})
    assert {kind.__name__: len(values) for kind, values in key.encoded.items()} == {
        "str": 64,
        "int": 128,
        "float": 0,
        "bool": 2,
        "NoneType": 1,
    }


def test_a_unique_id_is_an_attribute() -> None:
    """Of 32 digits."""
    uid = "0123456789abcdef" * 2

    assert_fields([encoder.UID_HEAD + uid.encode()], {encoder.UID: uid})
