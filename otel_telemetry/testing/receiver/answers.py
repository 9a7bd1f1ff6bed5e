"""What the receiver is told to answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

# The names of grpc.StatusCode, written out because gRPC is imported only by those who ask for it.
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

    A bare ``Answer()`` is a success. Over HTTP the ``status`` counts, over gRPC the ``grpc_code``;
    the named constructors set both, so that one answer reads the same in either protocol.

    Attributes:
        status: The HTTP status. Default 200.
        headers: Headers of the HTTP response, over those the receiver sets; over gRPC, trailing
            metadata. Default none.
        body: The body as it is, over the one the receiver would write; over gRPC, the bytes of the
            response message. Default None.
        grpc_code: The name of a ``grpc.StatusCode``. Default ``"OK"``.
        retry_after: When to try again. A number is seconds: over HTTP a ``Retry-After`` header,
            over gRPC a ``google.rpc.RetryInfo`` in ``grpc-status-details-bin``. A string is sent
            over HTTP as it is (an HTTP-date, say), and not over gRPC. Default None.
        rejected: How many records a partial success rejects: the last of the request, which are
            then not kept. Default 0.
        message: The message of a partial success or of a failure. Default empty.
        store: Whether the receiver keeps the events. Default None: only if the answer is a success.
        drop: Close the connection without an answer. gRPC shares a connection between calls, so
            there the call ends as UNAVAILABLE, which is what its client makes of a lost connection.
            With ``store=True``: the backend stored the batch, and its answer was lost. Default
            False.
        delay: Seconds to wait before answering. Default 0.
        until: Hold the answer, after the delay, until this event is set. Default None.
        bytes_per_second: Send the HTTP response, headers and all, no faster than this. Not over
            gRPC. Default None: at once.
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
        """Check the values, so that a mistake shows where it is made and not in a server thread.

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
            raise ValueError("bytes_per_second must be more than 0; to never answer, use until")

    @classmethod
    def partial(cls, rejected: int, message: str = "") -> Answer:
        """Accept the request but for its last ``rejected`` records."""
        return cls(rejected=rejected, message=message)

    @classmethod
    def unavailable(cls, retry_after: float | str | None = None) -> Answer:
        """Be down for now: 503, or UNAVAILABLE."""
        return cls(status=503, grpc_code="UNAVAILABLE", retry_after=retry_after)

    @classmethod
    def throttled(cls, retry_after: float | str | None = None) -> Answer:
        """Ask to slow down: 429, or RESOURCE_EXHAUSTED, retryable over gRPC only with a time."""
        return cls(status=429, grpc_code="RESOURCE_EXHAUSTED", retry_after=retry_after)

    @classmethod
    def too_large(cls) -> Answer:
        """Refuse the request for its size: 413, or RESOURCE_EXHAUSTED without a time."""
        return cls(status=413, grpc_code="RESOURCE_EXHAUSTED", message="request too large")

    @classmethod
    def bad_data(cls, message: str = "bad data") -> Answer:
        """Refuse the request for its content, for good: 400, or INVALID_ARGUMENT."""
        return cls(status=400, grpc_code="INVALID_ARGUMENT", message=message)

    @classmethod
    def unauthenticated(cls, message: str = "who are you?") -> Answer:
        """Refuse the sender, for good: 401, or UNAUTHENTICATED."""
        return cls(status=401, grpc_code="UNAUTHENTICATED", message=message)

    @classmethod
    def redirect(cls, location: str, status: int = 308) -> Answer:
        """Point elsewhere. gRPC has no redirects: there, FAILED_PRECONDITION."""
        return cls(status=status, grpc_code="FAILED_PRECONDITION", headers={"Location": location})

    @classmethod
    def dropped(cls, *, store: bool = False) -> Answer:
        """Lose the connection, before (the default) or after the backend stored the batch."""
        return cls(drop=True, store=store)

    @classmethod
    def held(cls, until: threading.Event) -> Answer:
        """Succeed, but not before ``until`` is set."""
        return cls(until=until)
