"""The meaning of an HTTP or gRPC response."""

from __future__ import annotations

import datetime
import time
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

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
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)

from otel_telemetry.export.result import (
    ExportResult,
    from_grpc,
    from_http,
    from_success,
    no_response,
    parse_retry_after,
)
from otel_telemetry.otlp.wire import field
from otel_telemetry.stats import Disposition

if TYPE_CHECKING:
    from collections.abc import Iterator


DAY: Final = 24 * 3600.0
NOON: Final = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)
ALL_STATUSES: Final = range(100, 600)


def noon() -> float:
    """Return the time, which is always the same."""
    return NOON.timestamp()


def http_date(moment: datetime.datetime) -> str:
    """Write a time as HTTP does."""
    return format_datetime(moment, usegmt=True)


def kinds_of_statuses(kind: Disposition) -> set[int]:
    """Find the HTTP statuses that mean *kind*."""
    return {status for status in ALL_STATUSES if from_http(status, {}, b"").disposition is kind}


# -- HTTP statuses -----------------------------------------------------------------------------


def test_every_2xx_is_a_delivery() -> None:
    """OTLP's success is 200, and gateways answer 202 and 204."""
    assert kinds_of_statuses(Disposition.DELIVERED) == set(range(200, 300))


def test_429_502_503_and_504_are_retryable() -> None:
    """OTLP names these and no others."""
    assert kinds_of_statuses(Disposition.RETRY) == {429, 502, 503, 504}


def test_413_splits_the_batch() -> None:
    """The same records may be accepted in halves."""
    assert kinds_of_statuses(Disposition.TOO_LARGE) == {413}


def test_every_other_status_is_a_final_refusal() -> None:
    """Redirects are included: none is followed."""
    refused = set(ALL_STATUSES) - set(range(200, 300)) - {413, 429, 502, 503, 504}

    assert kinds_of_statuses(Disposition.REFUSED) == refused


def test_reason_is_the_http_status() -> None:
    """The body of the backend is not quoted: it may hold anything."""
    assert from_http(400, {}, b"secret").reason == "HTTP status 400"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retry_after_counts_for_every_retryable_status(status: int) -> None:
    """The delay of the backend is used."""
    assert from_http(status, {"Retry-After": "7"}, b"").retry_after == 7


def test_without_retry_after_there_is_no_retry_delay() -> None:
    """The worker chooses its backoff."""
    assert from_http(503, {}, b"") == ExportResult(
        disposition=Disposition.RETRY, reason="HTTP status 503"
    )


def test_connection_failure_is_retryable() -> None:
    """A connection that fails is no response of the backend."""
    assert no_response("TimeoutError") == ExportResult(
        disposition=Disposition.RETRY, reason="TimeoutError"
    )


# -- Retry-After -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 12 ", 12),
        ("86400", DAY),
        ("86401", DAY),
        ("9" * 400, DAY),
        (http_date(NOON + datetime.timedelta(seconds=90)), 90),
        ("Sunday, 01-Mar-26 12:01:30 GMT", 90),
        ("Sun Mar  1 12:01:30 2026", 90),
        ("Sun, 01 Mar 2026 13:01:30 +0100", 90),
        (http_date(NOON), 0),
        (http_date(NOON - datetime.timedelta(days=400)), 0),
        (http_date(NOON + datetime.timedelta(days=400)), DAY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float) -> None:
    """Both forms of RFC 9110 and old date formats are read. The delay is 0 to one day."""
    assert parse_retry_after(value, noon) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "soon",
        "-5",
        "+5",
        "1.5",
        "1, 2",
        "٣",
        "0x10",
        "Sun, 99 Mar 2026 12:00:00 GMT",
        "Sun, 01 Foo 2026 12:00:00 GMT",
        "Sun, 01 Mar 2026 99:00:00 GMT",
        "Sun, 01 Mar 99999 12:00:00 GMT",
        "Sun, 01 Mar 2026 12:00:00 +9999999999",
    ],
)
def test_invalid_retry_after_is_ignored(value: str) -> None:
    """An unreadable value counts as no value."""
    assert parse_retry_after(value, noon) is None


@pytest.fixture
def _east_of_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the time zone nine hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_east_of_greenwich")
@pytest.mark.parametrize("value", ["Sun Mar  1 12:01:30 2026", "Sun, 01 Mar 2026 12:01:30 -0000"])
def test_retry_after_date_without_a_zone_is_utc(value: str) -> None:
    """Dates in HTTP are always in UTC."""
    assert parse_retry_after(value, noon) == 90


@given(st.text())
def test_no_retry_after_value_raises(value: str) -> None:
    """A backend may write anything there."""
    seconds = parse_retry_after(value)

    assert seconds is None or 0 <= seconds <= DAY


def test_retry_after_is_measured_on_the_wall_clock() -> None:
    """A date is a date: without a clock of the caller's it is compared with now."""
    in_a_minute = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)

    seconds = parse_retry_after(http_date(in_a_minute))

    assert seconds is not None
    assert 30 < seconds <= 60


# -- Success and its small print ---------------------------------------------------------------


def response(rejected: int = 0, message: str = "") -> bytes:
    """Make the body of a success with a message."""
    partial = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
    return ExportLogsServiceResponse(partial_success=partial).SerializeToString()


def test_partial_success_counts_the_rejected_records() -> None:
    """The result has the number and the message of the backend."""
    assert from_http(200, {}, response(3, "no such tenant")) == ExportResult(
        disposition=Disposition.PARTIAL, rejected=3, reason="no such tenant"
    )


def test_message_without_rejected_records_is_a_warning() -> None:
    """The message is kept, and every record was accepted."""
    assert from_success(response(0, "old format")) == ExportResult(
        disposition=Disposition.DELIVERED, reason="old format"
    )


def test_negative_rejected_count_means_zero() -> None:
    """The field is signed."""
    assert from_success(response(-1)).rejected == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"partialSuccess":null}', b"<html>ok</html>", b"\xff" * 40, response(3)[:-1]],
)
def test_unreadable_body_with_a_success_status_is_a_success(body: bytes) -> None:
    """The status decides. Gateways send pages of their own."""
    assert from_success(body) == ExportResult(disposition=Disposition.DELIVERED)


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
    """Make a google.rpc.Status with a retry delay."""
    return status_with(RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos)))


def disposition_of(code: str) -> Disposition:
    """Return the disposition of a gRPC status code without details."""
    return from_grpc(code, "", None).disposition


# -- gRPC codes --------------------------------------------------------------------------------


def test_retryable_grpc_codes_of_otlp_are_retryable() -> None:
    """These, and no other, as long as the backend says no more."""
    retried = {
        code for code in ALL_CODES if from_grpc(code, "", None).disposition is Disposition.RETRY
    }

    assert retried == RETRYABLE_CODES


def test_every_other_grpc_code_is_a_final_refusal() -> None:
    """Without more words, RESOURCE_EXHAUSTED among them."""
    refused = {
        code for code in ALL_CODES if from_grpc(code, "", None).disposition is Disposition.REFUSED
    }

    assert refused == ALL_CODES - RETRYABLE_CODES


def test_reason_is_the_grpc_code() -> None:
    """The details of the backend are not quoted: they may hold anything."""
    assert from_grpc("INTERNAL", "secret", None).reason == "gRPC status INTERNAL"


def test_resource_exhausted_with_retry_info_is_retryable() -> None:
    """RetryInfo is how a backend signals throttling."""
    assert from_grpc("RESOURCE_EXHAUSTED", "", retry_in(7)) == ExportResult(
        disposition=Disposition.RETRY, reason="gRPC status RESOURCE_EXHAUSTED", retry_after=7
    )


@pytest.mark.parametrize("code", sorted(RETRYABLE_CODES))
def test_retry_info_counts_for_every_retryable_code(code: str) -> None:
    """The delay of the backend is used."""
    assert from_grpc(code, "", retry_in(2, 500_000_000)).retry_after == 2.5


def test_retry_info_makes_no_other_code_retryable() -> None:
    """Invalid data stays invalid."""
    assert from_grpc("INVALID_ARGUMENT", "", retry_in(1)).disposition is Disposition.REFUSED


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
def test_resource_exhausted_with_a_size_message_splits_the_batch(code: str, details: str) -> None:
    """There is no code for it: each collector has its own message."""
    assert from_grpc(code, details, None).disposition is Disposition.TOO_LARGE


@pytest.mark.parametrize(
    ("code", "kind"),
    [("RESOURCE_EXHAUSTED", Disposition.REFUSED), ("OUT_OF_RANGE", Disposition.RETRY)],
)
def test_resource_exhausted_with_another_message_splits_nothing(
    code: str, kind: Disposition
) -> None:
    """The message is about a quota or another range."""
    assert from_grpc(code, "quota exceeded", None).disposition is kind


def test_retry_info_wins_over_a_size_message() -> None:
    """The request is retried unchanged."""
    answer = from_grpc("RESOURCE_EXHAUSTED", "message too large for now", retry_in(1))

    assert answer.disposition is Disposition.RETRY


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
def test_retry_info_delay_is_read(status: bytes, seconds: float) -> None:
    """It may be anywhere in the details. The delay is 0 to one day."""
    assert from_grpc("UNAVAILABLE", "", status).retry_after == seconds


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
def test_invalid_retry_info_delay_is_retryable_without_a_delay(status: bytes) -> None:
    """The RetryInfo makes the request retryable."""
    assert from_grpc("RESOURCE_EXHAUSTED", "", status) == ExportResult(
        disposition=Disposition.RETRY, reason="gRPC status RESOURCE_EXHAUSTED", retry_after=0
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
def test_details_without_retry_info_give_no_retry_delay(status: bytes) -> None:
    """Only the code counts."""
    assert from_grpc("UNAVAILABLE", "", status).retry_after is None


@given(st.binary())
def test_no_status_details_raise(status: bytes) -> None:
    """A backend may write anything there."""
    wait = from_grpc("UNAVAILABLE", "", status).retry_after

    assert wait is None or 0 <= wait <= DAY
