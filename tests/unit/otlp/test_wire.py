"""Varints and fields, written and read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.wrappers_pb2 import BytesValue, DoubleValue, FloatValue, UInt64Value
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.otlp.wire import BYTE, field, read_fields, varint

BOUNDARIES = [0, 1, *(2**bits + near for bits in range(7, 64, 7) for near in (-1, 0, 1)), 2**64 - 1]


@pytest.mark.parametrize("number", BOUNDARIES)
def test_a_varint_is_that_of_protobuf(number: int) -> None:
    """The official class reads the number from it, at every length."""
    assert UInt64Value.FromString(b"\x08" + varint(number)).value == number


@given(st.integers(0, 2**64 - 1))
def test_what_was_written_is_read(number: int) -> None:
    """Varints of any value come back."""
    assert list(read_fields(b"\x08" + varint(number))) == [(1, number)]


def test_small_numbers_are_ready() -> None:
    """Each byte below 128 is its own varint."""
    assert [varint(number) for number in range(128)] == list(BYTE)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2**21])
def test_a_field_is_that_of_protobuf(size: int) -> None:
    """The official class reads the bytes from it, at every length of their length."""
    data = b"x" * size

    assert BytesValue.FromString(field(b"\x0a", data)).value == data
    assert list(read_fields(field(b"\x0a", data))) == ([(1, data)])


def test_numbers_of_fixed_size_are_read_as_bytes() -> None:
    """So fields of an unknown number can be skipped."""
    message = DoubleValue(value=1.5).SerializeToString() + FloatValue(value=2.5).SerializeToString()

    assert [(number, len(bytes(value))) for number, value in read_fields(message)] == [
        (1, 8),
        (1, 4),
    ]


def test_the_fields_of_any_message_are_read() -> None:
    """A message of another program, with many kinds of fields in it."""
    message = descriptor_pb2.FieldDescriptorProto(name="ä", number=300, type_name="t" * 200)

    assert dict(read_fields(message.SerializeToString())) == {
        1: "ä".encode(),
        3: 300,
        6: b"t" * 200,
    }


def test_an_empty_message_has_no_fields() -> None:
    """It is legal, and the most frequent answer of a backend."""
    assert list(read_fields(b"")) == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x08", id="no value"),
        pytest.param(b"\x08\x80", id="a varint cut off"),
        pytest.param(b"\x80" * 20, id="a varint without end"),
        pytest.param(b"\x0a\x05abcd", id="bytes cut off"),
        pytest.param(b"\x0a\xff\xff\xff\xff\x0f", id="a size beyond all data"),
        pytest.param(b"\x09\0\0\0", id="a fixed number cut off"),
        pytest.param(b"\x0b\x0c", id="a group"),
        pytest.param(b"\x0f", id="no such type"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(b'{"partialSuccess":{}}', id="JSON"),
    ],
)
def test_what_is_no_message_raises(data: bytes) -> None:
    """And raises nothing but ValueError."""
    with pytest.raises(ValueError, match=r"cut off|unknown wire type"):
        list(read_fields(data))


@given(st.binary())
def test_bytes_from_anywhere_are_read_or_refused(data: bytes) -> None:
    """For any bytes: no endless loop, and no other exception."""
    with suppress(ValueError):
        read = [value for _, value in read_fields(data)]
        assert sum(len(value) for value in read if isinstance(value, bytes)) <= len(data)
