"""Attributes of log records on the way that nearly every event takes: looked up, not encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from otel_telemetry.otlp import encoder
from otel_telemetry.otlp.encoder import (
    RecordKey,
    log_record_field,
    plain_fields,
    record_key,
)
from tests.support.official import assert_same, pairs

if TYPE_CHECKING:
    from otel_telemetry.types import AttributeValue

KEYS = ("a", "bé", "long " * 12)
plain: st.SearchStrategy[AttributeValue] = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()
)


@pytest.fixture
def keys() -> dict[str, RecordKey]:
    """Keys that are known."""
    return {key: RecordKey(key) for key in KEYS}


def assert_fields(fields: list[bytes], attributes: dict[str, AttributeValue]) -> None:
    """Compare a record made with encoded attributes with the official one."""
    data = log_record_field(1, 2, 9, None, {}, fields=fields)
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
    """Whatever came under the same key before."""
    keys = {key: RecordKey(key) for key in KEYS}
    for attributes in [*several, *several]:
        assert_fields(plain_fields(keys, attributes), attributes)


def test_what_is_equal_across_types_stays_apart(keys: dict[str, RecordKey]) -> None:
    """Whoever came first."""
    values: tuple[AttributeValue, ...] = (True, 1, 1.0, False, 0, 0.0, -0.0, None, "", "1")
    for value in (*values, *reversed(values)):
        assert_fields(plain_fields(keys, {"a": value}), {"a": value})


@pytest.mark.parametrize("value", [b"", [], {}, (), [1], object(), type("Text", (str,), {})()])
def test_all_else_is_not_plain(keys: dict[str, RecordKey], value: AttributeValue) -> None:
    """It has to be looked at first."""
    with pytest.raises(KeyError):
        plain_fields(keys, {"a": value})


def test_a_key_that_is_not_known_is_not_plain(keys: dict[str, RecordKey]) -> None:
    """It may be reserved."""
    with pytest.raises(KeyError):
        plain_fields(keys, {"a": 1, "other": 1})


def test_illegal_scalars_raise(keys: dict[str, RecordKey]) -> None:
    """Each time."""
    for _ in range(2):
        with pytest.raises(UnicodeEncodeError):
            plain_fields(keys, {"a": "\ud800"})
        with pytest.raises(OverflowError):
            plain_fields(keys, {"a": 2**63})


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    """Of keys, of the texts and the numbers under each, and of the floats nothing."""
    known = [record_key(f"key {number}") for number in range(1100)]
    assert [key is not None for key in known] == [True] * 1024 + [False] * 76
    key = record_key("key 0")
    assert key is not None
    assert key is known[0]
    assert record_key("k" * 65) is None

    for number in range(-1000, 1000):
        attributes: dict[str, AttributeValue] = {"key 0": number}
        assert_fields(plain_fields({"key 0": key}, attributes), attributes)
        plain_fields({"key 0": key}, {"key 0": f"text {number}"})
        plain_fields({"key 0": key}, {"key 0": number / 3})
    assert {kind.__name__: len(values) for kind, values in key.known.items()} == {
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
