"""An event as the caller gives it, and as it leaves."""

from __future__ import annotations

import codecs
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import FrozenInstanceError

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.errors import InvalidEventError

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    import datetime
    from typing import Final, NamedTuple

    from typing_extensions import Never

    from otel_telemetry.types import AttributeValue, Properties

    _ReadOnly = dict[str, AttributeValue]

    class Buckets(NamedTuple):
        """The three buckets of one event, and how many other keys its payload had."""

        event_properties: Properties | None
        user_properties: Properties | None
        group_properties: Properties | None
        unknown: int = 0

else:
    _ReadOnly = dict
    _FIELDS = ("event_properties", "user_properties", "group_properties", "unknown")
    Buckets = namedtuple("Buckets", _FIELDS, defaults=(0,))  # noqa: PYI024


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryPayload:
    """The three buckets of an event.

    Attributes:
        event_properties: About this event: attributes of the log record.
        user_properties: About who or what runs the software: attributes of the resource.
        group_properties: About the project, team or deployment: attributes of the instrumentation
            scope.
    """

    event_properties: Properties | None = None
    user_properties: Properties | None = None
    group_properties: Properties | None = None

    # Written out, for it is part of every `send` that is given one.
    def __init__(
        self,
        *,
        event_properties: Properties | None = None,
        user_properties: Properties | None = None,
        group_properties: Properties | None = None,
    ) -> None:
        object.__setattr__(self, "event_properties", event_properties)
        object.__setattr__(self, "user_properties", user_properties)
        object.__setattr__(self, "group_properties", group_properties)


class FrozenProperties(_ReadOnly):
    """A dict that refuses to be changed; to all that only reads, it is a dict."""

    __slots__ = ()

    def _refuse(self, *_args: object, **_given: object) -> Never:
        raise FrozenInstanceError(
            "an event's properties cannot be changed in place: return a changed copy"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenProperties, (dict(self),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as it is about to leave: names checked, values legal. What `before_send` sees.

    Its buckets are as frozen as itself, for events share them: make a changed event by
    `dataclasses.replace`, with new dicts for buckets.

    Attributes:
        name: 1 to 256 characters.
        timestamp: Nanoseconds since the epoch.
        event_properties: Attributes of the log record.
        user_properties: Attributes of the resource, beside those of the base resource.
        group_properties: Attributes of the instrumentation scope.
    """

    name: str
    timestamp: int
    event_properties: Mapping[str, AttributeValue]
    user_properties: Mapping[str, AttributeValue]
    group_properties: Mapping[str, AttributeValue]


class _Open:
    """An event while its fields can be set: setting one of a frozen event costs a call."""

    __slots__ = Event.__slots__

    name: str
    timestamp: int
    event_properties: Mapping[str, AttributeValue]
    user_properties: Mapping[str, AttributeValue]
    group_properties: Mapping[str, AttributeValue]


def made_event(
    name: str,
    timestamp: int,
    event_properties: Mapping[str, AttributeValue],
    user_properties: Mapping[str, AttributeValue],
    group_properties: Mapping[str, AttributeValue],
) -> Event:
    """Return what `Event` would, at a fraction of the cost: hooks get one for every `send`."""
    event: object = _Open()
    made: _Open = event  # type: ignore[assignment]  # until it is closed
    made.name = name
    made.timestamp = timestamp
    made.event_properties = event_properties
    made.user_properties = user_properties
    made.group_properties = group_properties
    made.__class__ = Event  # type: ignore[assignment]  # they have the same slots
    return event  # type: ignore[return-value]  # now


_SPELLINGS: Final = {
    "event_properties": 0,
    "eventProperties": 0,
    "user_properties": 1,
    "userProperties": 1,
    "group_properties": 2,
    "groupProperties": 2,
}
# Found now: its first use imports it, and a fork amid an import leaves the child a dead lock.
codecs.lookup("utf-16-le")

_LONGEST_NAME: Final = 256
_LATEST: Final = 2**63 - 1
_NANOSECONDS: Final = 1_000_000_000


def buckets_of(payload: object, given: Buckets) -> Buckets:
    """Return the buckets of a payload joined with those *given* beside it, which win.

    Raises:
        InvalidEventError: It is neither a TelemetryPayload nor a mapping.
    """
    if isinstance(payload, TelemetryPayload):
        return Buckets(
            joined(payload.event_properties, given.event_properties),
            joined(payload.user_properties, given.user_properties),
            joined(payload.group_properties, given.group_properties),
        )
    if not isinstance(payload, Mapping):
        raise InvalidEventError(
            f"a payload must be a TelemetryPayload or a mapping, not {type(payload).__name__}"
        )
    found: list[Properties | None] = [None, None, None]
    unknown = 0
    for key, value in payload.items():
        place = _SPELLINGS.get(key) if isinstance(key, str) else None
        if place is None:
            unknown += 1
        elif found[place] is None:
            found[place] = value
    event, user, group = map(joined, found, given[:3])
    return Buckets(event, user, group, unknown)


def joined(first: Properties | None, second: Properties | None) -> Properties | None:
    """Return both buckets in one; the *second* wins.

    Raises:
        InvalidEventError: One of the two is no mapping.
    """
    if first is None or second is None:
        return first if second is None else second
    try:
        return {**first, **second}
    except TypeError:
        raise InvalidEventError("properties must be a mapping of names to values") from None


def legal_name(name: object) -> str:
    """Return *name* as an event's name.

    Raises:
        InvalidEventError: It is no str of 1 to 256 characters.
    """
    if not isinstance(name, str):
        raise InvalidEventError(f"an event's name must be a str, not {type(name).__name__}")
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidEventError(
            f"an event's name must have 1 to {_LONGEST_NAME} characters, not {len(name)}"
        )
    # An exact str (an Enum's member may be one by inheritance), in valid Unicode.
    return str.__str__(name).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def nanoseconds(timestamp: datetime.datetime | int) -> int:
    """Return *timestamp* in nanoseconds since the epoch.

    Raises:
        InvalidEventError: It is neither an aware datetime nor an int, or out of range.
    """
    moment: object = timestamp
    if isinstance(moment, int) and not isinstance(moment, bool):
        result = int(moment)
    elif hasattr(moment, "utcoffset") and hasattr(moment, "date"):
        if moment.utcoffset() is None:
            raise InvalidEventError("a timestamp must be an aware datetime: give it a tzinfo")
        # Not timestamp(): a float has no room for the microseconds of today.
        aware: datetime.datetime = timestamp  # type: ignore[assignment]  # just looked at
        since = aware - _epoch()
        result = (since.days * 86_400 + since.seconds) * _NANOSECONDS + since.microseconds * 1_000
    else:
        raise InvalidEventError(
            "a timestamp must be an aware datetime or an int of nanoseconds since the epoch, "
            f"not {type(moment).__name__}"
        )
    if not 0 < result <= _LATEST:
        raise InvalidEventError("a timestamp must lie between 1970 and 2262")
    return result


def _epoch() -> datetime.datetime:
    import datetime  # noqa: PLC0415 - only for callers who have imported it

    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
