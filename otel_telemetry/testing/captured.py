"""Wanted and sent events, side by side."""

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """An event that a test asks for: its name, and the least that it has in each bucket."""

    name: str
    event_properties: Mapping[str, object] | None
    user_properties: Mapping[str, object] | None
    group_properties: Mapping[str, object] | None

    def __str__(self) -> str:
        buckets = ((name, getattr(self, name)) for name in _BUCKETS)
        least = [f"{name} {dict(bucket)!r}" for name, bucket in buckets if bucket is not None]
        return f"{self.name!r}{' with ' if least else ''}{', '.join(least)}"

    def matches(self, event: CapturedEvent) -> bool:
        """Tell whether *event* has all that is wanted."""
        return event.name == self.name and not any(self.differences(event))

    def differences(self, event: CapturedEvent) -> Iterator[str]:
        """Yield what *event* lacks, or has otherwise, in a line each."""
        for bucket in _BUCKETS:
            properties = getattr(event, bucket)
            for key, value in (getattr(self, bucket) or {}).items():
                if key not in properties:
                    yield f"{bucket}: {key!r} is missing, wanted {value!r}"
                elif not same(value, properties[key]):
                    yield f"{bucket}: {key!r} is {properties[key]!r}, wanted {value!r}"


def same(wanted: object, sent: object) -> bool:
    """Tell whether two values are one value on the wire.

    What is no plain value, such as a matcher of a test framework, decides by its own equality.
    """
    if isinstance(wanted, _NUMBERS) and isinstance(sent, _NUMBERS):
        return isinstance(wanted, bool) == isinstance(sent, bool) and (
            isinstance(wanted, float) == isinstance(sent, float) and wanted == sent
        )
    if isinstance(wanted, Mapping) and isinstance(sent, Mapping):
        return wanted.keys() == sent.keys() and all(same(wanted[key], sent[key]) for key in wanted)
    if isinstance(wanted, _LISTS) and isinstance(sent, _LISTS):
        return len(wanted) == len(sent) and all(map(same, wanted, sent))
    return bool(wanted == sent)


def listing(events: Sequence[CapturedEvent], wanted: Wanted | None) -> Iterator[str]:
    """Yield what was sent, in lines; beside *wanted*, how each event of that name differs."""
    yield "sent:" if events else "sent: nothing"
    for number, event in enumerate(events, 1):
        yield f"  {number}. {event.name}"
        if wanted is not None and event.name == wanted.name:
            yield from (f"       {difference}" for difference in wanted.differences(event))
            continue
        for bucket in _BUCKETS:
            properties = getattr(event, bucket)
            if properties:
                yield f"       {bucket}: {dict(properties)!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedEvent:
    """An event as it would have left: checked, mended, and past every hook.

    Attributes:
        name: The event's name.
        timestamp: Nanoseconds since the epoch.
        event_properties: Its own properties, without what the library adds to every record.
        user_properties: Those about who or what runs the software.
        group_properties: Those about the project, team or deployment.
        resource: The user properties, and all that is said of the software itself.
    """

    name: str
    timestamp: int
    event_properties: Mapping[str, AttributeValue]
    user_properties: Mapping[str, AttributeValue]
    group_properties: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]


class Captured(Sequence[CapturedEvent]):
    """The events so far, in the order in which they were sent. Thread-safe; grows while it is read.

    Properties are compared as they leave: an Enum is its value, a datetime its ISO form. ``True``,
    ``1`` and ``1.0`` are three values; a list equals a tuple.
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
        """Take an event."""
        with self._lock:
            self._events.append(event)

    def count_by(self, stats: Callable[[], Stats]) -> None:
        """Ask *stats* as well for what became of events."""
        self._stats.append(stats)

    def clear(self) -> None:
        """Forget the events; the counts stay."""
        with self._lock:
            self._events.clear()

    @property
    def names(self) -> tuple[str, ...]:
        """The events' names, in order."""
        return tuple(event.name for event in self._snapshot())

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many events would not have left, by reason; the reasons are those of `Stats`."""
        return self._sum(lambda stats: stats.dropped)

    @property
    def corrected(self) -> Mapping[str, int]:
        """How many flaws were mended in events that would have left, by kind; see `Stats`."""
        return self._sum(lambda stats: stats.corrected)

    def named(self, name: str) -> tuple[CapturedEvent, ...]:
        """Return the events with this name."""
        return tuple(event for event in self._snapshot() if event.name == name)

    def only(self, name: str | None = None) -> CapturedEvent:
        """Return the one event there is.

        Args:
            name: Of the events with this name, and let there be others; None for all events.

        Raises:
            AssertionError: There is none, or more than one.
        """
        found = self._snapshot() if name is None else self.named(name)
        if len(found) != 1:
            what = "one event" if name is None else f"one {name!r}"
            raise AssertionError(self._message(f"wanted {what}, and {len(found)} were sent"))
        return found[0]

    def assert_sent(
        self,
        name: str,
        *,
        event_properties: Mapping[str, object] | None = None,
        user_properties: Mapping[str, object] | None = None,
        group_properties: Mapping[str, object] | None = None,
        times: int | None = None,
    ) -> CapturedEvent:
        """Assert that such an event was sent, and return the first.

        Args:
            name: Its name.
            event_properties: Properties it has to have; it may have others.
            user_properties: The same of its user properties.
            group_properties: The same of its group properties.
            times: How many such events there have to be; None for one or more.

        Raises:
            AssertionError: There are none, or not so many; the message lists what was sent.
            ValueError: *times* is less than 1; that is `assert_not_sent`.
        """
        if times is not None and times < 1:
            raise ValueError("times must be 1 or more; for none, there is assert_not_sent")
        wanted = Wanted(name, event_properties, user_properties, group_properties)
        events = self._snapshot()
        found = [event for event in events if wanted.matches(event)]
        if not found or len(found) != (times or len(found)):
            count = "none" if not found else f"{len(found)}"
            often = "" if times is None else f", {times} times"
            raise AssertionError(self._message(f"wanted {wanted}{often}; {count} was sent", wanted))
        return found[0]

    def assert_not_sent(self, name: str | None = None) -> None:
        """Assert that no event with this name was sent; None for no event at all.

        Raises:
            AssertionError: There was one; the message lists what was sent.
        """
        if self._snapshot() if name is None else self.named(name):
            what = "no event" if name is None else f"no {name!r}"
            raise AssertionError(self._message(f"wanted {what}"))

    def _snapshot(self) -> tuple[CapturedEvent, ...]:
        with self._lock:
            return tuple(self._events)

    def _sum(self, part: Callable[[Stats], Mapping[str, int]]) -> Mapping[str, int]:
        total: dict[str, int] = {}
        for stats in self._stats:
            for reason, count in part(stats()).items():
                total[reason] = total.get(reason, 0) + count
        return total

    def _message(self, what: str, wanted: Wanted | None = None) -> str:
        counts = {"dropped": self.dropped, "corrected": self.corrected}
        said = (f"{name}: {dict(count)}" for name, count in counts.items() if count)
        return "\n".join((what, *listing(self._snapshot(), wanted), *said))
