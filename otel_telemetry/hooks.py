"""The `before_send` hooks, asked about an event. Pure standard library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from otel_telemetry.log import quiet_log
from otel_telemetry.payload import Event, legal_name, nanoseconds

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_telemetry.typing import BeforeSend


def asked(hooks: Iterable[BeforeSend], event: Event) -> Event | str:
    """Return what *hooks* leave of *event*; the reason why, if they leave nothing of it.

    Its name and time are legal; its buckets are as the hooks left them. Never raises: a hook may
    be there to take something out, so the event stays here if it fails.
    """
    for hook in hooks:
        try:
            returned = hook(event)
            if returned is None:
                return "before_send"
            if returned is not event:
                event = _checked(returned, event)
        except Exception as error:
            quiet_log.warning("an event was dropped: before_send: %s", type(error).__name__)
            return "before_send_failed"
    return event


def _checked(returned: object, event: Event) -> Event:
    """Return what a hook made of *event*, with a legal name and time; raises if it cannot be."""
    if not isinstance(returned, Event):
        raise TypeError("a hook must return an Event or None")
    buckets = returned.event_properties, returned.user_properties, returned.group_properties
    if not all(isinstance(bucket, Mapping) for bucket in buckets):
        raise TypeError("an event's properties must be mappings")
    # By identity: what only equals them may still be of another type.
    if returned.name is event.name and returned.timestamp is event.timestamp:
        return returned
    return replace(
        returned, name=legal_name(returned.name), timestamp=nanoseconds(returned.timestamp)
    )
