"""The result of an export request, read from the backend's response.

OTLP specification 1.x, "OTLP/HTTP Response" and "OTLP/gRPC Response": which failures are retryable,
which are permanent, and how long the backend asks the client to wait.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import INT_MAX
from otel_telemetry.otlp.requests import parse_response
from otel_telemetry.otlp.wire import read_fields
from otel_telemetry.stats import Disposition

_RETRYABLE_STATUS = frozenset({429, 502, 503, 504})
_CONTENT_TOO_LARGE = 413
MAX_RETRY_AFTER = 24 * 3600.0  # seconds; a backend that asks for more is mistaken

_RETRYABLE_CODES = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """The outcome of one request.

    Attributes:
        disposition: What to do with the request.
        reason: Why, in words without secrets; of a success, the backend's warning.
        rejected: Records that the backend did not accept, with `Disposition.PARTIAL`.
        retry_after: Seconds that the backend asks the client to wait; None if it does not ask.
    """

    disposition: Disposition
    reason: str = ""
    rejected: int = 0
    retry_after: float | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the backend accepted the request, all of it or a part."""
        return self.disposition in _ACCEPTED


_ACCEPTED = frozenset({Disposition.DELIVERED, Disposition.PARTIAL})


def from_success(body: bytes) -> ExportResult:
    """Return the result of a success whose *body* is an ExportLogsServiceResponse."""
    response = parse_response(body)
    # The field is signed, and a negative number rejects nothing.
    rejected = 0 if response.rejected_count > INT_MAX else response.rejected_count
    disposition = Disposition.PARTIAL if rejected else Disposition.DELIVERED
    return ExportResult(disposition=disposition, rejected=rejected, reason=response.message)


def no_response(reason: str) -> ExportResult:
    """Return the result of a request that got no response, or none in time."""
    return ExportResult(disposition=Disposition.RETRY, reason=reason)


def from_http(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: Callable[[], float] = time.time,
) -> ExportResult:
    """Return the result that an HTTP response stands for.

    Args:
        status: The status code.
        headers: The headers; look-ups ignore case.
        body: The body, decompressed.
        now: Wall clock, in seconds since the epoch, for a Retry-After that is a date.
    """
    if 200 <= status < 300:
        return from_success(body)
    reason = f"HTTP status {status}"
    if status == _CONTENT_TOO_LARGE:
        return ExportResult(disposition=Disposition.TOO_LARGE, reason=reason)
    if status in _RETRYABLE_STATUS:
        return ExportResult(
            disposition=Disposition.RETRY,
            reason=reason,
            retry_after=parse_retry_after(headers.get("Retry-After"), now),
        )
    return ExportResult(disposition=Disposition.REFUSED, reason=reason)


def parse_retry_after(value: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, section 10.2.3); None if unreadable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    from calendar import timegm  # noqa: PLC0415 - as below
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rare, and 10 ms to import

    try:
        # Not timestamp(): a date without a zone is in UTC, not in local time.
        date = timegm(parsedate_to_datetime(text).utctimetuple())
        return min(max(date - now(), 0.0), MAX_RETRY_AFTER)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def from_grpc(code: str, details: str, status_details: bytes | None) -> ExportResult:
    """Return the result that a gRPC error stands for.

    Args:
        code: The name of the status code.
        details: The message of the backend.
        status_details: The trailer ``grpc-status-details-bin``, a google.rpc.Status.
    """
    reason = f"gRPC status {code}"
    delay = _retry_delay(status_details) if status_details else None
    if code in _RETRYABLE_CODES or (code == "RESOURCE_EXHAUSTED" and delay is not None):
        # Collectors return OUT_OF_RANGE for a message beyond their limit. OTLP calls that code
        # retryable, but the same request would fail again and again.
        if code == "OUT_OF_RANGE" and _mentions_size(details):
            return ExportResult(disposition=Disposition.TOO_LARGE, reason=reason)
        return ExportResult(disposition=Disposition.RETRY, reason=reason, retry_after=delay)
    if code == "RESOURCE_EXHAUSTED" and _mentions_size(details):
        return ExportResult(disposition=Disposition.TOO_LARGE, reason=reason)
    return ExportResult(disposition=Disposition.REFUSED, reason=reason)


def _mentions_size(details: str) -> bool:
    return ("message" in details or "request" in details) and (
        "larger than max" in details or "too large" in details
    )


def _retry_delay(status: bytes) -> float | None:
    """Read RetryInfo.retry_delay, in seconds, out of a google.rpc.Status."""
    try:
        for number, detail in read_fields(status):
            if number == 3 and isinstance(detail, bytes):
                message = dict(read_fields(detail))  # google.protobuf.Any
                if message.get(1, b"") == b"type.googleapis.com/google.rpc.RetryInfo":
                    return _duration(message.get(2, b""))
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
