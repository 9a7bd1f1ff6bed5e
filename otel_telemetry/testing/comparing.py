"""Wanted and sent events, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_telemetry.testing.captured import CapturedEvent

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
