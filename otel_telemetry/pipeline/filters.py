"""The `before_send` hooks, asked about an event. Pure standard library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import time_ns

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.events import Event, FrozenProperties, make_event, to_nanoseconds, validate_name
from otel_telemetry.stats import Correction, DropReason

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from typing_extensions import Never

    from otel_telemetry.catalog.validation import EventValidator
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.events import BeforeSend
    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.mapping.cache import CleanProperties
    from otel_telemetry.mapping.mapper import Mapper
    from otel_telemetry.types import Properties

    class OnCorrection(Protocol):
        """Told of what was mended: its kind, how often, and the names of the properties."""

        def __call__(self, kind: Correction, count: int, names: Iterable[str] = ()) -> None:
            """Take note of it."""


def run_hooks(hooks: Iterable[BeforeSend], event: Event) -> Event | DropReason:
    """Return what *hooks* leave of *event*; the reason why, if they leave nothing of it.

    Its name and time are legal; its buckets are as the hooks left them. Never raises: a hook may
    be there to take something out, so the event stays here if it fails.
    """
    for hook in hooks:
        try:
            returned = hook(event)
            if returned is None:
                return DropReason.BEFORE_SEND
            if returned is not event:
                event = _checked(returned, event)
        except Exception as error:
            quiet_log.warning("an event was dropped: before_send: %s", type(error).__name__)
            return DropReason.BEFORE_SEND_FAILED
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
        returned, name=validate_name(returned.name), timestamp=to_nanoseconds(returned.timestamp)
    )


class EventDropped(Exception):  # noqa: N818 - an answer, counted and never shown
    """An event is dropped, for *reason*."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class EventFilter:
    """Hooks, then the catalogue. Thread-safe.

    Whoever looks at user and group properties looks at objects that recur, read-only and legal; if
    they are left as they are, what becomes of them is known as well.

    Args:
        config: The settings.
        cleaner: Makes properties legal.
        mapper: Makes the records.
        on_correction: Told of what was mended; may refuse the event instead.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        cleaner: Cleaner,
        mapper: Mapper[object, object, object],
        on_correction: OnCorrection,
    ) -> None:
        self._hooks = config.before_send
        self._catalog = config.catalog
        self._strict = config.strict
        self._cleaner = cleaner
        self._mapper = mapper
        self._frozen = cleaner.frozen
        self._record = mapper.record
        self._users = mapper.users.seen
        self._groups = mapper.groups.seen
        self._on_correction = on_correction

    def record(
        self,
        name: str,
        timestamp: int | None,
        event_properties: Properties | None,
        user_properties: Properties | None,
        group_properties: Properties | None,
        checks: EventValidator | None,
    ) -> object:
        """Return the record of what leaves of an event.

        Args:
            name: A legal event name.
            timestamp: Nanoseconds since the epoch; None for now.
            event_properties: Those of the event.
            user_properties: Those of the user.
            group_properties: Those of the group.
            checks: Those of a declared event that no catalogue holds to more; None for none.

        Raises:
            Withheld: Nothing leaves.
            InvalidEventError: It cannot go as it is.
        """
        user, group = self._users(user_properties), self._groups(group_properties)
        if user.is_corrected or group.is_corrected:
            self._mapper.report(user.cut + group.cut, user.reserved + group.reserved)
        dropped_count = 0
        if self._hooks:
            legal = self._frozen(event_properties)
            if legal is None:
                legal, dropped_count = self._legal(event_properties)
            timestamp = time_ns() if timestamp is None else timestamp
            event = make_event(name, timestamp, legal, user.attributes, group.attributes)
            kept = run_hooks(self._hooks, event)
            if isinstance(kept, DropReason):
                raise EventDropped(kept)
            if kept is event:
                event_properties = legal
            else:
                name, timestamp, event_properties = kept.name, kept.timestamp, kept.event_properties
                user, group = self._changed(kept, user, group)
        if self._catalog is not None:
            checks = self._catalog.validator_of(name) or self._undeclared(name)
        if checks is None:
            resource, scope = user.projections[None], group.projections[None]
            return self._record(name, timestamp, event_properties, resource, scope, dropped_count)
        try:
            fitting = None if event_properties is None else checks.event(event_properties)
            resource, scope = user.projections[checks.user], group.projections[checks.group]
        except Exception:  # something does not fit as it is
            return self._fitted(
                checks, name, timestamp, event_properties, user, group, dropped_count
            )
        return self._record(name, timestamp, fitting, resource, scope, dropped_count)

    def _fitted(
        self,
        checks: EventValidator,
        name: str,
        timestamp: int | None,
        event_properties: Properties | None,
        user: CleanProperties[object],
        group: CleanProperties[object],
        dropped_count: int,
    ) -> object:
        """Return the record of an event without what does not fit in it."""
        legal, more = self._legal(event_properties)
        kept = checks.validate(legal, user.attributes, group.attributes)
        if kept.undeclared:
            self._on_correction(
                Correction.UNDECLARED_PROPERTY, len(kept.undeclared), kept.undeclared
            )
        if kept.invalid:
            self._on_correction(Correction.INVALID_PROPERTY, len(kept.invalid), kept.invalid)
        event, users, groups = kept.buckets
        resource, scope = self._mapper.users(users), self._mapper.groups(groups)
        dropped_count += more + kept.dropped_count
        return self._record(name, timestamp, event, resource, scope, dropped_count)

    def _legal(self, event_properties: Properties | None) -> tuple[FrozenProperties, int]:
        """Return legal *event_properties*, and how much was left out."""
        attributes, cut, reserved = self._cleaner.clean(event_properties)
        self._mapper.report(cut, reserved)
        return FrozenProperties(attributes), cut + reserved

    def _changed(
        self, event: Event, user: CleanProperties[object], group: CleanProperties[object]
    ) -> tuple[CleanProperties[object], CleanProperties[object]]:
        """Return *user* and *group* as they are after the hooks."""
        # By identity: what only equals them may be of other types.
        if event.user_properties is not user.attributes:
            user = self._users(event.user_properties)
            self._mapper.report(user.cut, user.reserved)
        if event.group_properties is not group.attributes:
            group = self._groups(event.group_properties)
            self._mapper.report(group.cut, group.reserved)
        return user, group

    def _undeclared(self, name: str) -> Never:
        if self._strict:
            raise InvalidEventError(f"the event {name!r} is not declared in the catalogue")
        quiet_log.warning("an event was dropped: it is not declared in the catalogue")
        raise EventDropped(DropReason.UNDECLARED)
