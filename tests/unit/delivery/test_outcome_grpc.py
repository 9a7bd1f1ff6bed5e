"""What a gRPC status means."""

from __future__ import annotations

from typing import Final

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    DebugInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.export.result import Answer, Kind, from_grpc
from otel_telemetry.otlp.wire import field

DAY: Final = 24 * 3600.0
ALL_CODES: Final = frozenset(code.name for code in grpc.StatusCode) - {"OK"}
RETRYABLE_CODES: Final = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)


def status_with(*details: object) -> bytes:
    """Make a google.rpc.Status with details."""
    packed = []
    for detail in details:
        packed.append(AnyMessage())
        packed[-1].Pack(detail)  # type: ignore[arg-type]
    return bytes(Status(code=8, message="slow down", details=packed).SerializeToString())


def retry_in(seconds: int, nanos: int = 0) -> bytes:
    """Make a google.rpc.Status that asks to come back later."""
    return status_with(RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos)))


# -- gRPC codes --------------------------------------------------------------------------------


def test_the_codes_that_otlp_calls_retryable_may_pass() -> None:
    """These, and no other, as long as the backend says no more."""
    retried = {code for code in ALL_CODES if from_grpc(code, "", None).kind is Kind.RETRY}

    assert retried == RETRYABLE_CODES


def test_every_other_code_refuses_for_good() -> None:
    """Without more words, RESOURCE_EXHAUSTED among them."""
    refused = {code for code in ALL_CODES if from_grpc(code, "", None).kind is Kind.REFUSED}

    assert refused == ALL_CODES - RETRYABLE_CODES


def test_the_reason_is_the_code() -> None:
    """The backend's details are not quoted: they may hold anything."""
    assert from_grpc("INTERNAL", "secret", None).reason == "gRPC status INTERNAL"


def test_resource_exhausted_with_a_delay_may_pass() -> None:
    """RetryInfo is how a throttling backend says that it is only throttling."""
    assert from_grpc("RESOURCE_EXHAUSTED", "", retry_in(7)) == Answer(
        kind=Kind.RETRY, reason="gRPC status RESOURCE_EXHAUSTED", wait=7
    )


@pytest.mark.parametrize("code", sorted(RETRYABLE_CODES))
def test_every_retryable_code_is_asked_for_its_wait(code: str) -> None:
    """RetryInfo counts with each of them."""
    assert from_grpc(code, "", retry_in(2, 500_000_000)).wait == 2.5


def test_a_delay_makes_no_other_code_retryable() -> None:
    """Bad data stays bad, whatever stands beside it."""
    assert from_grpc("INVALID_ARGUMENT", "", retry_in(1)).kind is Kind.REFUSED


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("RESOURCE_EXHAUSTED", "Received message larger than max (5242880 vs. 4194304)"),
        ("RESOURCE_EXHAUSTED", "grpc: received message larger than max (5242880 vs. 4194304)"),
        ("RESOURCE_EXHAUSTED", "request too large"),
        (
            "OUT_OF_RANGE",
            "Error, decoded message length too large: found 5242880 bytes, the limit is: 4194304",
        ),
    ],
)
def test_words_about_size_ask_for_smaller_requests(code: str, details: str) -> None:
    """There is no code for it: collectors say it in words, each in its own."""
    assert from_grpc(code, details, None).kind is Kind.TOO_LARGE


@pytest.mark.parametrize(
    ("code", "kind"), [("RESOURCE_EXHAUSTED", Kind.REFUSED), ("OUT_OF_RANGE", Kind.RETRY)]
)
def test_other_words_do_not(code: str, kind: Kind) -> None:
    """A quota, or a range of something else."""
    assert from_grpc(code, "quota exceeded", None).kind is kind


def test_a_throttled_request_is_sent_again_as_it_is() -> None:
    """RetryInfo weighs more than words about size."""
    answer = from_grpc("RESOURCE_EXHAUSTED", "message too large for now", retry_in(1))

    assert answer.kind is Kind.RETRY


# -- RetryInfo ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        (retry_in(0, 250_000_000), 0.25),
        (retry_in(0), 0),
        (status_with(RetryInfo()), 0),
        (retry_in(10 * 24 * 3600), DAY),
        (retry_in(2**62), DAY),
        (retry_in(-3), 0),
        (retry_in(0, -5), 0),
        (retry_in(-3, -5), 0),
        (status_with(DebugInfo(detail="overload"), RetryInfo(retry_delay=Duration(seconds=4))), 4),
    ],
)
def test_the_delay_of_retry_info_is_read(status: bytes, seconds: float) -> None:
    """Wherever it stands among the details; never less than 0, or more than a day."""
    assert from_grpc("UNAVAILABLE", "", status).wait == seconds


def any_message(content: bytes) -> bytes:
    """Make a Status whose one detail is a RetryInfo with *content* after its type."""
    name = field(b"\x0a", b"type.googleapis.com/google.rpc.RetryInfo")
    return field(b"\x1a", name + content)


@pytest.mark.parametrize(
    "status",
    [
        any_message(b"\x10\x05"),  # a number for RetryInfo
        any_message(field(b"\x12", b"\x08\x05")),  # a number for its delay
        any_message(field(b"\x12", field(b"\x0a", field(b"\x0a", b"x")))),  # text for the seconds
        any_message(field(b"\x12", field(b"\x0a", field(b"\x12", b"x")))),  # text for the nanos
    ],
)
def test_a_delay_of_another_shape_is_no_delay(status: bytes) -> None:
    """There is a RetryInfo, so the request may pass; when, it does not say."""
    assert from_grpc("RESOURCE_EXHAUSTED", "", status) == Answer(
        kind=Kind.RETRY, reason="gRPC status RESOURCE_EXHAUSTED", wait=0
    )


@pytest.mark.parametrize(
    "status",
    [
        b"",
        b"\xff\xff",
        b"\x1a\x05ab",
        b"\x18\x05",
        status_with(),
        status_with(DebugInfo(detail="overload")),
        field(b"\x1a", b"\x0a\x05ab"),
        any_message(field(b"\x12", b"\xff")),
    ],
)
def test_details_without_a_readable_delay_name_no_wait(status: bytes) -> None:
    """Rubbish, other details, or none: the code alone counts."""
    assert from_grpc("UNAVAILABLE", "", status).wait is None


@given(st.binary())
def test_no_status_details_whatever_raise(status: bytes) -> None:
    """A backend may write anything there."""
    wait = from_grpc("UNAVAILABLE", "", status).wait

    assert wait is None or 0 <= wait <= DAY
