"""What a backend's answer means.

OTLP specification 1.x, "OTLP/HTTP Response" and "OTLP/gRPC Response": which failures may pass,
which will not, and how long the backend asks us to wait.
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable, Mapping

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import INT_MAX
from otel_telemetry.otlp.requests import parse_answer
from otel_telemetry.otlp.wire import read_fields

_RETRYABLE_STATUS = frozenset({429, 502, 503, 504})
_CONTENT_TOO_LARGE = 413
MAX_RETRY_AFTER = 24 * 3600.0  # seconds; a backend that asks for more is mistaken

_RETRYABLE_CODES = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)


class Disposition(enum.Enum):
    """What to do with the request.

    Attributes:
        DELIVERED: Nothing; the backend has it.
        RETRY: Send it again, later.
        TOO_LARGE: Send it in halves.
        REFUSED: Give it up.
    """

    DELIVERED = "delivered"
    RETRY = "retry"
    TOO_LARGE = "too_large"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What became of one request.

    Attributes:
        kind: What to do with it.
        reason: Why, in words without secrets; with DELIVERED, the backend's warning.
        rejected: Records that the backend did not take, with DELIVERED.
        wait: Seconds that the backend asks us to wait; None if it does not say.
    """

    kind: Disposition
    reason: str = ""
    rejected: int = 0
    wait: float | None = None


def delivered(body: bytes) -> ExportResult:
    """Return the answer that a success with *body*, an ExportLogsServiceResponse, stands for."""
    said = parse_answer(body)
    # The field is signed: what looks huge is less than nothing.
    rejected = 0 if said.rejected > INT_MAX else said.rejected
    return ExportResult(kind=Disposition.DELIVERED, rejected=rejected, reason=said.message)


def no_answer(reason: str) -> ExportResult:
    """Return the answer for a backend that could not be reached or did not answer in time."""
    return ExportResult(kind=Disposition.RETRY, reason=reason)


def from_http(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: Callable[[], float] = time.time,
) -> ExportResult:
    """Return what an HTTP answer means.

    Args:
        status: The status code.
        headers: The headers; look-ups ignore case.
        body: The body, decompressed.
        now: Wall clock, in seconds since the epoch, for a Retry-After that is a date.
    """
    if 200 <= status < 300:
        return delivered(body)
    reason = f"HTTP status {status}"
    if status == _CONTENT_TOO_LARGE:
        return ExportResult(kind=Disposition.TOO_LARGE, reason=reason)
    if status in _RETRYABLE_STATUS:
        return ExportResult(
            kind=Disposition.RETRY, reason=reason, wait=retry_after(headers.get("Retry-After"), now)
        )
    return ExportResult(kind=Disposition.REFUSED, reason=reason)


def retry_after(value: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    from calendar import timegm  # noqa: PLC0415 - as below
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rare, and 10 ms to import

    try:
        # Not timestamp(): a date that names no zone is in UTC, not in ours.
        moment = timegm(parsedate_to_datetime(text).utctimetuple())
        return min(max(moment - now(), 0.0), MAX_RETRY_AFTER)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def from_grpc(code: str, details: str, status_details: bytes | None) -> ExportResult:
    """Return what a gRPC error means.

    Args:
        code: The name of the status code.
        details: The backend's words.
        status_details: The trailer ``grpc-status-details-bin``, a google.rpc.Status.
    """
    reason = f"gRPC status {code}"
    wait = _retry_info(status_details) if status_details else None
    if code in _RETRYABLE_CODES or (code == "RESOURCE_EXHAUSTED" and wait is not None):
        # Collectors answer OUT_OF_RANGE for a message beyond their limit. OTLP calls that code
        # retryable, but the same bytes would meet the same limit for ever.
        if code == "OUT_OF_RANGE" and _speaks_of_size(details):
            return ExportResult(kind=Disposition.TOO_LARGE, reason=reason)
        return ExportResult(kind=Disposition.RETRY, reason=reason, wait=wait)
    if code == "RESOURCE_EXHAUSTED" and _speaks_of_size(details):
        return ExportResult(kind=Disposition.TOO_LARGE, reason=reason)
    return ExportResult(kind=Disposition.REFUSED, reason=reason)


def _speaks_of_size(details: str) -> bool:
    return ("message" in details or "request" in details) and (
        "larger than max" in details or "too large" in details
    )


def _retry_info(status: bytes) -> float | None:
    """Read RetryInfo.retry_delay, in seconds, out of a google.rpc.Status."""
    try:
        for number, detail in read_fields(status):
            if number == 3 and isinstance(detail, bytes):
                found = dict(read_fields(detail))  # google.protobuf.Any
                if found.get(1, b"") == b"type.googleapis.com/google.rpc.RetryInfo":
                    return _duration(found.get(2, b""))
    except ValueError:
        return None
    return None


def _duration(retry_info: int | bytes) -> float:
    delay = dict(read_fields(retry_info)).get(1, b"") if isinstance(retry_info, bytes) else b""
    parts = dict(read_fields(delay)) if isinstance(delay, bytes) else {}
    seconds, nanos = parts.get(1, 0), parts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int) or max(seconds, nanos) > INT_MAX:
        return 0.0
    return min(math.fsum((seconds, nanos / 1e9)), MAX_RETRY_AFTER)
