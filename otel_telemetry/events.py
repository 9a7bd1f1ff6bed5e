"""Events: the payload that a caller passes to `send`, and the event that hooks see."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import INT_MAX
from otel_telemetry.errors import InvalidEventError

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    import dataclasses
    import datetime
    from typing import Any, ClassVar, Final, Protocol

    from typing_extensions import Never

    from otel_telemetry.types import AttributeValue, Properties
else:
    Protocol = object  # the real one costs an import of `typing`

Buckets = tuple["Properties | None", "Properties | None", "Properties | None"]
"""The event, the user and the group properties of one event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryPayload:
    """The properties of an event, in three buckets.

    Attributes:
        event_properties: Describe this event; sent as attributes of the log record.
        user_properties: Describe the user or the machine that runs the software; sent as attributes
            of the resource.
        group_properties: Describe the project, team or deployment; sent as attributes of the
            instrumentation scope.
    """

    event_properties: Properties | None = None
    user_properties: Properties | None = None
    group_properties: Properties | None = None

    # Written out for speed: it runs with most calls of `send`.
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


class FrozenProperties(dict[str, "AttributeValue"]):
    """A dict that cannot be changed; code that only reads it sees a dict."""

    __slots__ = ()

    def _refuse(self, *_args: object, **_kwargs: object) -> Never:
        raise FrozenInstanceError(
            "the properties of an event cannot be changed in place: return a changed copy"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenProperties, (dict(self),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that is about to leave, with a valid name and legal values; `before_send` gets it.

    Events share their buckets, so that the buckets are frozen too. To change an event, return
    `dataclasses.replace(event, ...)` with new dicts as buckets.

    Attributes:
        name: 1 to 256 characters.
        timestamp: Nanoseconds since the epoch.
        event_properties: Attributes of the log record.
        user_properties: Attributes of the resource, in addition to those of the base resource.
        group_properties: Attributes of the instrumentation scope.
    """

    name: str
    timestamp: int
    event_properties: Mapping[str, AttributeValue]
    user_properties: Mapping[str, AttributeValue]
    group_properties: Mapping[str, AttributeValue]


BeforeSend = Callable[[Event], "Event | None"]
"""A hook that sees each event before it leaves.

It gets a frozen event whose values are legal. It returns that event, a changed copy, or None to
drop it. Several threads may call it at once. If it raises, the event is dropped and counted; it is
never sent unchanged.
"""


class TypedEvent(Protocol):
    """An instance of a class decorated with `otel_telemetry.catalog.event`.

    Type checkers know such a class as a dataclass, and accept other dataclasses too; `send` rejects
    those.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


class _MutableEvent:
    """An event whose fields can still be set, as a frozen event's can only by a slow call."""

    __slots__ = Event.__slots__

    name: str
    timestamp: int
    event_properties: Mapping[str, AttributeValue]
    user_properties: Mapping[str, AttributeValue]
    group_properties: Mapping[str, AttributeValue]


def make_event(
    name: str,
    timestamp: int,
    event_properties: Mapping[str, AttributeValue],
    user_properties: Mapping[str, AttributeValue],
    group_properties: Mapping[str, AttributeValue],
) -> Event:
    """Return an `Event`, faster than its constructor does: hooks get one for every `send`."""
    event = _MutableEvent()
    event.name = name
    event.timestamp = timestamp
    event.event_properties = event_properties
    event.user_properties = user_properties
    event.group_properties = group_properties
    event.__class__ = Event  # type: ignore[assignment]  # both have the same slots
    return event  # type: ignore[return-value]  # it is an Event now


_BUCKET_INDEX: Final = {
    "event_properties": 0,
    "eventProperties": 0,
    "user_properties": 1,
    "userProperties": 1,
    "group_properties": 2,
    "groupProperties": 2,
}
# Looked up now, since the first use imports the codec: a process that forks during an import leaves
# its child a lock that stays locked.
codecs.lookup("utf-16-le")

_MAX_NAME_LENGTH: Final = 256
_NANOSECONDS: Final = 1_000_000_000


def merge_payload(payload: object, arguments: Buckets) -> tuple[Buckets, int]:
    """Return the buckets of *payload* merged with *arguments*, which win.

    Args:
        payload: A TelemetryPayload, or a mapping of bucket names to properties.
        arguments: The buckets that the caller passed as arguments of their own.

    Returns:
        The buckets, and the number of unknown keys in the payload.

    Raises:
        InvalidEventError: The payload is neither of the two.
    """
    event, user, group = arguments
    if isinstance(payload, TelemetryPayload):
        merged = (
            merge_properties(payload.event_properties, event),
            merge_properties(payload.user_properties, user),
            merge_properties(payload.group_properties, group),
        )
        return merged, 0
    if not isinstance(payload, Mapping):
        raise InvalidEventError(
            f"a payload must be a TelemetryPayload or a mapping, not {type(payload).__name__}"
        )
    buckets: list[Properties | None] = [None, None, None]
    unknown = 0
    for key, value in payload.items():
        index = _BUCKET_INDEX.get(key) if isinstance(key, str) else None
        if index is None:
            unknown += 1
        elif buckets[index] is None:
            buckets[index] = value
    merged = (
        merge_properties(buckets[0], event),
        merge_properties(buckets[1], user),
        merge_properties(buckets[2], group),
    )
    return merged, unknown


def merge_properties(first: Properties | None, second: Properties | None) -> Properties | None:
    """Return the properties of both buckets; the *second* wins.

    Raises:
        InvalidEventError: One of the two is not a mapping.
    """
    if first is None or second is None:
        return first if second is None else second
    try:
        return {**first, **second}
    except TypeError:
        raise InvalidEventError("properties must be a mapping of names to values") from None


def validate_name(name: object) -> str:
    """Return *name* as the name of an event: an exact str of valid Unicode.

    Raises:
        InvalidEventError: It is not a str of 1 to 256 characters.
    """
    if not isinstance(name, str):
        raise InvalidEventError(f"the name of an event must be a str, not {type(name).__name__}")
    if not 1 <= len(name) <= _MAX_NAME_LENGTH:
        raise InvalidEventError(
            f"the name of an event must have 1 to {_MAX_NAME_LENGTH} characters, not {len(name)}"
        )
    # `str.__str__` makes an exact str of a member of an Enum that inherits from str.
    return str.__str__(name).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def to_nanoseconds(timestamp: datetime.datetime | int) -> int:
    """Return *timestamp* in nanoseconds since the epoch.

    Raises:
        InvalidEventError: It is neither an aware datetime nor an int, or it is out of range.
    """
    value: object = timestamp
    if isinstance(value, int) and not isinstance(value, bool):
        result = int(value)
    elif hasattr(value, "utcoffset") and hasattr(value, "date"):
        if value.utcoffset() is None:
            raise InvalidEventError("a timestamp must be an aware datetime: give it a tzinfo")
        # Not `timestamp()`: a float cannot hold the microseconds of this century.
        aware: datetime.datetime = timestamp  # type: ignore[assignment]  # it has an offset
        since = aware - _epoch()
        result = (since.days * 86_400 + since.seconds) * _NANOSECONDS + since.microseconds * 1_000
    else:
        raise InvalidEventError(
            "a timestamp must be an aware datetime or an int of nanoseconds since the epoch, "
            f"not {type(value).__name__}"
        )
    if not 0 < result <= INT_MAX:
        raise InvalidEventError("a timestamp must be between 1970 and 2262")
    return result


def _epoch() -> datetime.datetime:
    import datetime  # noqa: PLC0415 - only for callers that have imported it

    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
