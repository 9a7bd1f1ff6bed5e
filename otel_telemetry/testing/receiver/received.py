"""What the receiver got, as plain Python values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_telemetry.testing.receiver.answers import Answer

ReceivedValue: TypeAlias = (
    "str | bool | int | float | bytes | list[ReceivedValue] | dict[str, ReceivedValue] | None"
)
"""An attribute value or body, with its type from the wire: True, 1 and 1.0 are three values."""

WireProtocol: TypeAlias = Literal["http/protobuf", "http/json", "grpc"]
Signal: TypeAlias = Literal["logs", "traces", "metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEvent:
    """One log record, with the resource and scope it came under.

    Attributes:
        name: The record's ``event_name``.
        body: The record's body; None if it has none.
        attributes: The record's attributes.
        resource: The attributes of the record's resource.
        scope_name: The name of its instrumentation scope.
        scope_version: The version of that scope.
        scope_attributes: The attributes of that scope.
        timestamp: When it happened, in ns since the epoch; 0 if not said.
        observed_timestamp: When it was noticed, in ns since the epoch; 0 if not said.
        severity_number: 1 to 24; 0 if not said. INFO is 9.
        severity_text: The severity in the sender's words.
        trace_id: 32 hex digits, or empty.
        span_id: 16 hex digits, or empty.
        trace_flags: The W3C trace flags; 1 is sampled.
        dropped_attributes_count: How many of the record's attributes the sender cut.
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
        """The event's ``log.record.uid``, the same in every copy of it; empty if it has none."""
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
    """The events and spans of one request, made from its message when first asked for.

    Most requests of a test are only counted, so the receiver does not pay for their values while a
    sender waits for its answer.
    """

    __slots__ = ("_events", "_make_events", "_make_spans", "_spans")

    def __init__(
        self,
        make_events: Callable[[], tuple[ReceivedEvent, ...]] = tuple,
        make_spans: Callable[[], tuple[ReceivedSpan, ...]] = tuple,
    ) -> None:
        """Keep the makers; both are pure, so two readers at once only do the work twice."""
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
    """One request, of any signal and whatever it was answered.

    Attributes:
        protocol: ``"http/protobuf"``, ``"http/json"`` or ``"grpc"``.
        signal: ``"logs"``, ``"traces"`` or ``"metrics"``; None for a path that is none of them.
        path: The path of the request, over gRPC that of the method.
        headers: Its headers, or gRPC metadata, by lower-case name.
        size: The bytes of the body on the wire, so compressed where the sender compresses. gRPC
            does not tell that; there it is the size of the message.
        protobuf: The request as protobuf, decompressed, and from JSON converted; empty if the
            receiver could not read it.
        answer: What it was answered, or is about to be.
        stored: How many of its events the receiver keeps.
    """

    protocol: WireProtocol
    signal: Signal | None
    path: str
    headers: Mapping[str, str] = field(repr=False)
    size: int
    protobuf: bytes = field(repr=False)
    answer: Answer
    stored: int
    _contents: Contents = field(repr=False, compare=False)

    @property
    def events(self) -> tuple[ReceivedEvent, ...]:
        """The events in it, whether the receiver kept them or not; decoded when first asked for."""
        return self._contents.events

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]:
        """The spans in it; decoded when first asked for."""
        return self._contents.spans


def unique(events: Iterable[ReceivedEvent]) -> tuple[ReceivedEvent, ...]:
    """Leave out the copies that delivery at least once may bring, as a store would.

    The first event of each ``log.record.uid`` stays, in order; events without one all stay.
    """
    seen: set[str] = set()
    kept: list[ReceivedEvent] = []
    for event in events:
        if event.uid not in seen:
            kept.append(event)
        if event.uid:
            seen.add(event.uid)
    return tuple(kept)
