"""The events that a test captures, its assertions, and their failure messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.stats import Stats
    from otel_telemetry.types import AttributeValue


_BUCKETS = ("event_properties", "user_properties", "group_properties")
_NUMBERS = (bool, int, float)
_LISTS = (list, tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedEvent:
    """An event as it would be sent: after the checks, the corrections and every hook.

    Attributes:
        name: The event's name.
        timestamp: Nanoseconds since the epoch.
        event_properties: Its own properties, without the attributes that the library adds.
        user_properties: Those of the user.
        group_properties: Those of the group.
        resource: The user properties and the attributes of the base resource.
    """

    name: str
    timestamp: int
    event_properties: Mapping[str, AttributeValue]
    user_properties: Mapping[str, AttributeValue]
    group_properties: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]


class Captured(Sequence[CapturedEvent]):
    """The captured events in the order of sending. Thread-safe; grows while events are sent.

    Assertions compare the values that would be sent: an Enum is its value, a datetime its ISO form.
    ``True``, ``1`` and ``1.0`` are three different values. A list equals a tuple.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[CapturedEvent] = []
        self._stats: list[Callable[[], Stats]] = []

    def __repr__(self) -> str:
        return f"<Captured: {', '.join(self.names) or 'nothing'}>"

    def __len__(self) -> int:
        return len(self._events)

    @overload
    def __getitem__(self, index: int) -> CapturedEvent: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[CapturedEvent]: ...

    def __getitem__(self, index: int | slice) -> CapturedEvent | Sequence[CapturedEvent]:
        return self._snapshot()[index]

    def add(self, event: CapturedEvent) -> None:
        """Append an event."""
        with self._lock:
            self._events.append(event)

    def count_by(self, stats: Callable[[], Stats]) -> None:
        """Include the counts of *stats* in `dropped` and `corrected`."""
        self._stats.append(stats)

    def clear(self) -> None:
        """Remove the events; the counts stay."""
        with self._lock:
            self._events.clear()

    @property
    def names(self) -> tuple[str, ...]:
        """The events' names, in order."""
        return tuple(event.name for event in self._snapshot())

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many events were dropped, by reason; the reasons are those of `Stats.dropped`."""
        return self._sum(lambda stats: stats.dropped)

    @property
    def corrected(self) -> Mapping[str, int]:
        """How many corrections were made in events, by kind; see `Stats.corrected`."""
        return self._sum(lambda stats: stats.corrected)

    def named(self, name: str) -> tuple[CapturedEvent, ...]:
        """Return the events with this name."""
        return tuple(event for event in self._snapshot() if event.name == name)

    def only(self, name: str | None = None) -> CapturedEvent:
        """Return the only event.

        Args:
            name: Look at the events with this name alone. None looks at all events.

        Raises:
            AssertionError: There is no such event, or more than one; the message lists the events.
        """
        events = self._snapshot() if name is None else self.named(name)
        if len(events) != 1:
            what = "one event" if name is None else f"one {name!r}"
            raise AssertionError(self._message(f"expected {what}, but {_were_sent(len(events))}"))
        return events[0]

    def assert_sent(
        self,
        name: str,
        *,
        event_properties: Mapping[str, object] | None = None,
        user_properties: Mapping[str, object] | None = None,
        group_properties: Mapping[str, object] | None = None,
        times: int | None = None,
    ) -> CapturedEvent:
        """Assert that such an event was sent, and return the first one.

        Args:
            name: The event's name.
            event_properties: Event properties that it must have; it may have others.
            user_properties: User properties that it must have; it may have others.
            group_properties: Group properties that it must have; it may have others.
            times: The exact number of such events. None means one or more.

        Raises:
            AssertionError: There is no such event, or another number; the message lists the events.
            ValueError: *times* is less than 1; use `assert_not_sent`.
        """
        if times is not None and times < 1:
            raise ValueError("times must be 1 or more; use assert_not_sent to expect none")
        expected = ExpectedEvent(name, event_properties, user_properties, group_properties)
        matching = [event for event in self._snapshot() if expected.matches(event)]
        if not matching or len(matching) != (times or len(matching)):
            number = "" if times is None else f" {times} time{'' if times == 1 else 's'}"
            what = f"expected {expected}{number}, but {_were_sent(len(matching))}"
            raise AssertionError(self._message(what, expected))
        return matching[0]

    def assert_not_sent(self, name: str | None = None) -> None:
        """Assert that no event with this name was sent; None means no event at all.

        Raises:
            AssertionError: There is such an event; the message lists the events.
        """
        events = self._snapshot() if name is None else self.named(name)
        if events:
            what = "no event" if name is None else f"no {name!r}"
            raise AssertionError(self._message(f"expected {what}, but {_were_sent(len(events))}"))

    def _snapshot(self) -> tuple[CapturedEvent, ...]:
        with self._lock:
            return tuple(self._events)

    def _sum(self, part: Callable[[Stats], Mapping[str, int]]) -> Mapping[str, int]:
        total: dict[str, int] = {}
        for stats in self._stats:
            for reason, count in part(stats()).items():
                total[reason] = total.get(reason, 0) + count
        return total

    def _message(self, what: str, expected: ExpectedEvent | None = None) -> str:
        counts = {"dropped": self.dropped, "corrected": self.corrected}
        lines = (f"{name}: {dict(count)}" for name, count in counts.items() if count)
        return "\n".join((what, *describe_events(self._snapshot(), expected), *lines))


@dataclass(frozen=True, slots=True)
class ExpectedEvent:
    """An event that a test expects: its name, and some of the properties in each bucket."""

    name: str
    event_properties: Mapping[str, object] | None
    user_properties: Mapping[str, object] | None
    group_properties: Mapping[str, object] | None

    def __str__(self) -> str:
        buckets = ((name, getattr(self, name)) for name in _BUCKETS)
        parts = [f"{name} {dict(bucket)!r}" for name, bucket in buckets if bucket is not None]
        return f"{self.name!r}{' with ' if parts else ''}{', '.join(parts)}"

    def matches(self, event: CapturedEvent) -> bool:
        """Tell whether *event* has this name and all these properties."""
        return event.name == self.name and not any(self.differences(event))

    def differences(self, event: CapturedEvent) -> Iterator[str]:
        """Yield a line for each property that *event* lacks or has with another value."""
        for bucket in _BUCKETS:
            properties = getattr(event, bucket)
            for key, value in (getattr(self, bucket) or {}).items():
                if key not in properties:
                    yield f"{bucket}: {key!r} is missing, expected {value!r}"
                elif not is_same_value(value, properties[key]):
                    yield f"{bucket}: {key!r} is {properties[key]!r}, expected {value!r}"


def describe_events(
    events: Sequence[CapturedEvent], expected: ExpectedEvent | None
) -> Iterator[str]:
    """Yield the events in lines; for events of the expected name, only their differences."""
    yield "sent:" if events else "sent: nothing"
    for number, event in enumerate(events, 1):
        yield f"  {number}. {event.name}"
        if expected is not None and event.name == expected.name:
            yield from (f"       {difference}" for difference in expected.differences(event))
            continue
        for bucket in _BUCKETS:
            properties = getattr(event, bucket)
            if properties:
                yield f"       {bucket}: {dict(properties)!r}"


def is_same_value(expected: object, sent: object) -> bool:
    """Tell whether two values are one value on the wire.

    Values of other types, such as the matchers of a test framework, are compared by ``==``.
    """
    if isinstance(expected, _NUMBERS) and isinstance(sent, _NUMBERS):
        return isinstance(expected, bool) == isinstance(sent, bool) and (
            isinstance(expected, float) == isinstance(sent, float) and expected == sent
        )
    if isinstance(expected, Mapping) and isinstance(sent, Mapping):
        return expected.keys() == sent.keys() and all(
            is_same_value(expected[key], sent[key]) for key in expected
        )
    if isinstance(expected, _LISTS) and isinstance(sent, _LISTS):
        return len(expected) == len(sent) and all(map(is_same_value, expected, sent))
    return bool(expected == sent)


def _were_sent(count: int) -> str:
    return f"{count or 'none'} {'was' if count == 1 else 'were'} sent"
