"""The answers of the receiver, and the OTLP messages that carry them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from google.protobuf.message import Message

    Response: TypeAlias = Message

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

# The names of grpc.StatusCode, written out so that a receiver for HTTP does not import gRPC.
_GRPC_CODES = frozenset(
    {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to one export request, over HTTP or gRPC. Immutable.

    ``Answer()`` is a success. The receiver uses ``status`` over HTTP and ``grpc_code`` over gRPC.
    The named constructors set both, so that an answer means the same over either protocol.

    Attributes:
        status: The HTTP status. Default 200.
        headers: Headers of the HTTP response, which replace those that the receiver sets; over
            gRPC, trailing metadata. Default none.
        body: The body of the HTTP response, in place of the one that the receiver writes; over
            gRPC, the bytes of the response message. Default None.
        grpc_code: The name of a ``grpc.StatusCode``. Default ``"OK"``.
        retry_after: When the client may retry. A number is seconds: over HTTP a ``Retry-After``
            header, over gRPC a ``google.rpc.RetryInfo`` in ``grpc-status-details-bin``. A string,
            such as an HTTP date, is sent unchanged over HTTP, and not at all over gRPC. Default
            None.
        rejected: How many records a partial success rejects. They are the last of the request, and
            the receiver does not store them. Default 0.
        message: The message of a partial success or of a failure. Default empty.
        store: Whether the receiver stores the events. Default None: only if the answer is a
            success.
        drop: Close the connection without an answer. gRPC shares a connection between calls, so
            over gRPC the call ends with UNAVAILABLE, which is what a client sees when it loses the
            connection. With ``store=True``: the backend stored the batch, and the answer was lost.
            Default False.
        delay: Seconds to wait before the answer. Default 0.
        until: After the delay, wait until this event is set. Default None.
        bytes_per_second: The highest speed of the whole HTTP response, headers included. gRPC
            ignores it. Default None: no limit.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    grpc_code: str = "OK"
    retry_after: float | str | None = None
    rejected: int = 0
    message: str = ""
    store: bool | None = None
    drop: bool = False
    delay: float = 0
    until: threading.Event | None = None
    bytes_per_second: float | None = None

    def __post_init__(self) -> None:
        """Check the values, so that a mistake raises in the test and not in a server thread.

        Raises:
            ValueError: A field has a value that cannot be sent.
        """
        if not 200 <= self.status <= 599:
            raise ValueError(f"status must be 200 to 599, not {self.status}")
        if self.grpc_code not in _GRPC_CODES:
            raise ValueError(f"grpc_code must name a grpc.StatusCode, not {self.grpc_code!r}")
        if self.rejected < 0 or self.delay < 0:
            raise ValueError("rejected and delay cannot be negative")
        if self.bytes_per_second is not None and self.bytes_per_second <= 0:
            raise ValueError("bytes_per_second must be more than 0; use until to never answer")

    @classmethod
    def partial(cls, rejected: int, message: str = "") -> Answer:
        """Accept the request except for its last ``rejected`` records."""
        return cls(rejected=rejected, message=message)

    @classmethod
    def unavailable(cls, retry_after: float | str | None = None) -> Answer:
        """Report a temporary outage: 503, or UNAVAILABLE."""
        return cls(status=503, grpc_code="UNAVAILABLE", retry_after=retry_after)

    @classmethod
    def throttled(cls, retry_after: float | str | None = None) -> Answer:
        """Ask the client to slow down: 429, or RESOURCE_EXHAUSTED.

        Over gRPC a client retries RESOURCE_EXHAUSTED only if ``retry_after`` is a number.
        """
        return cls(status=429, grpc_code="RESOURCE_EXHAUSTED", retry_after=retry_after)

    @classmethod
    def too_large(cls) -> Answer:
        """Refuse the request because of its size: 413, or RESOURCE_EXHAUSTED without a delay."""
        return cls(status=413, grpc_code="RESOURCE_EXHAUSTED", message="request too large")

    @classmethod
    def bad_data(cls, message: str = "bad data") -> Answer:
        """Refuse the request permanently because of its content: 400, or INVALID_ARGUMENT."""
        return cls(status=400, grpc_code="INVALID_ARGUMENT", message=message)

    @classmethod
    def unauthenticated(cls, message: str = "unauthenticated") -> Answer:
        """Refuse the client permanently: 401, or UNAUTHENTICATED."""
        return cls(status=401, grpc_code="UNAUTHENTICATED", message=message)

    @classmethod
    def redirect(cls, location: str, status: int = 308) -> Answer:
        """Redirect to ``location``. gRPC has no redirects: there, FAILED_PRECONDITION."""
        return cls(status=status, grpc_code="FAILED_PRECONDITION", headers={"Location": location})

    @classmethod
    def dropped(cls, *, store: bool = False) -> Answer:
        """Close the connection without an answer; ``store`` says whether the events are stored."""
        return cls(drop=True, store=store)

    @classmethod
    def held(cls, until: threading.Event) -> Answer:
        """Answer with success once ``until`` is set."""
        return cls(until=until)


def success(answer: Answer) -> Response:
    """Return the message of a success or a partial success.

    The responses of the three signals have the same bytes, so the one for logs serves all three.
    """
    message = ExportLogsServiceResponse()
    if answer.rejected or answer.message:
        message.partial_success.rejected_log_records = answer.rejected
        message.partial_success.error_message = answer.message
    return message


def failure(answer: Answer, grpc_code: int = 0) -> Response:
    """Return the google.rpc.Status of a failure; over HTTP, OTLP does not define its code."""
    status: Response = Status(code=grpc_code, message=answer.message)
    return status


def retry_later(answer: Answer, grpc_code: int, seconds: float) -> bytes:
    """Return the google.rpc.Status of a failure with its retry delay."""
    nanoseconds = round(seconds * 1e9)
    delay = Duration(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
    detail = AnyMessage()
    detail.Pack(RetryInfo(retry_delay=delay))
    status = Status(code=grpc_code, message=answer.message, details=[detail])
    return bytes(status.SerializeToString())


def http_body(answer: Answer, content_type: str) -> bytes:
    """Return the body of an HTTP response: the message as text if the type is not OTLP's."""
    message = success(answer) if answer.status < 300 else failure(answer)
    if content_type == PROTOBUF:
        return message.SerializeToString()
    if content_type == JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return answer.message.encode()
