"""The requests, events and spans of the receiver, as plain Python values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_telemetry.testing.receiver.answers import Answer

ReceivedValue: TypeAlias = (
    "str | bool | int | float | bytes | list[ReceivedValue] | dict[str, ReceivedValue] | None"
)
"""An attribute value or body. It keeps its type: True, 1 and 1.0 are three values."""

WireProtocol: TypeAlias = Literal["http/protobuf", "http/json", "grpc"]
Signal: TypeAlias = Literal["logs", "traces", "metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEvent:
    """One log record, with its resource and scope.

    Attributes:
        name: The record's ``event_name``.
        body: The record's body; None if it has none.
        attributes: The record's attributes.
        resource: The attributes of the record's resource.
        scope_name: The name of its instrumentation scope.
        scope_version: The version of that scope.
        scope_attributes: The attributes of that scope.
        timestamp: When the event happened, in ns since the epoch; 0 if unknown.
        observed_timestamp: When the sender recorded it, in ns since the epoch; 0 if unknown.
        severity_number: 1 to 24; 0 if unknown. INFO is 9.
        severity_text: The name that the sender gives to the severity.
        trace_id: 32 hex digits, or empty.
        span_id: 16 hex digits, or empty.
        trace_flags: The W3C trace flags; 1 is sampled.
        dropped_attributes_count: How many of the record's attributes the sender dropped.
        resource_dropped_attributes_count: The same for the resource.
        scope_dropped_attributes_count: The same for the scope.
    """

    name: str = ""
    body: ReceivedValue = None
    attributes: Mapping[str, ReceivedValue] = field(default_factory=dict)
    resource: Mapping[str, ReceivedValue] = field(default_factory=dict)
    scope_name: str = ""
    scope_version: str = ""
    scope_attributes: Mapping[str, ReceivedValue] = field(default_factory=dict)
    timestamp: int = 0
    observed_timestamp: int = 0
    severity_number: int = 0
    severity_text: str = ""
    trace_id: str = ""
    span_id: str = ""
    trace_flags: int = 0
    dropped_attributes_count: int = 0
    resource_dropped_attributes_count: int = 0
    scope_dropped_attributes_count: int = 0

    @property
    def uid(self) -> str:
        """The event's ``log.record.uid``, the same in all its copies; empty if it has none."""
        uid = self.attributes.get("log.record.uid")
        return uid if isinstance(uid, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSpan:
    """One span of a trace.

    Attributes:
        name: The span's name.
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        resource: The attributes of the span's resource.
    """

    name: str
    trace_id: str
    span_id: str
    resource: Mapping[str, ReceivedValue] = field(default_factory=dict)


class Contents:
    """The events and spans of one request, decoded from its message on first use.

    Most tests only count requests, so the receiver decodes nothing while a sender waits.
    """

    __slots__ = ("_events", "_make_events", "_make_spans", "_spans")

    def __init__(
        self,
        make_events: Callable[[], tuple[ReceivedEvent, ...]] = tuple,
        make_spans: Callable[[], tuple[ReceivedSpan, ...]] = tuple,
    ) -> None:
        """Keep the decoders. Both are pure, so two threads can at worst decode twice."""
        self._make_events = make_events
        self._make_spans = make_spans
        self._events: tuple[ReceivedEvent, ...] | None = None
        self._spans: tuple[ReceivedSpan, ...] | None = None

    @property
    def events(self) -> tuple[ReceivedEvent, ...]:
        """The events, in the order of the request."""
        if self._events is None:
            self._events = self._make_events()
        return self._events

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]:
        """The spans, in the order of the request."""
        if self._spans is None:
            self._spans = self._make_spans()
        return self._spans


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """One request, of any signal and with any answer.

    Attributes:
        protocol: ``"http/protobuf"``, ``"http/json"`` or ``"grpc"``.
        signal: ``"logs"``, ``"traces"`` or ``"metrics"``; None for the path of no signal.
        path: The path of the request; over gRPC, of the method.
        headers: The headers, or gRPC metadata, by lower-case name.
        size: The bytes of the body as it was sent, compressed if the sender compresses. gRPC does
            not report that size; over gRPC this is the size of the message.
        protobuf: The request as protobuf, decompressed, and converted if it was JSON; empty if the
            receiver could not read it.
        answer: The answer to the request.
        stored_count: How many of its events the receiver stored.
    """

    protocol: WireProtocol
    signal: Signal | None
    path: str
    headers: Mapping[str, str] = field(repr=False)
    size: int
    protobuf: bytes = field(repr=False)
    answer: Answer
    stored_count: int
    _contents: Contents = field(repr=False, compare=False)

    @property
    def events(self) -> tuple[ReceivedEvent, ...]:
        """The events of the request, stored or not; decoded on first use."""
        return self._contents.events

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]:
        """The spans of the request; decoded on first use."""
        return self._contents.spans


def unique(events: Iterable[ReceivedEvent]) -> tuple[ReceivedEvent, ...]:
    """Remove the copies that at-least-once delivery may bring, as a store does.

    Returns:
        The first event of each ``log.record.uid``, and each event without one, in order.
    """
    seen: set[str] = set()
    result: list[ReceivedEvent] = []
    for event in events:
        if event.uid not in seen:
            result.append(event)
        if event.uid:
            seen.add(event.uid)
    return tuple(result)
