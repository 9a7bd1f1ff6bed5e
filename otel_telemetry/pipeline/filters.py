"""The `before_send` hooks and the catalogue change and drop events. Pure standard library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import time_ns

from otel_telemetry._internal.generics import Generic, TypeVar
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.events import Event, FrozenProperties, make_event, to_nanoseconds, validate_name
from otel_telemetry.stats import Correction, DropReason

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
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
        """Called for each correction of an event."""

        def __call__(self, kind: Correction, count: int, names: Iterable[str] = ()) -> None:
            """Count *count* corrections of a *kind*, of the properties *names*."""


_Resource = TypeVar("_Resource")
_Scope = TypeVar("_Scope")
_Record = TypeVar("_Record")


class EventDropped(Exception):  # noqa: N818 - caught by the pipeline, and counted
    """An event is dropped, for *reason*."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class EventFilter(Generic[_Resource, _Scope, _Record]):
    """Runs the hooks and the catalogue on each event. Thread-safe.

    Equal user or group properties reach hooks and catalogue as one read-only object. If neither
    replaces it, its resource or scope comes from the cache.

    Args:
        config: The settings.
        cleaner: Makes properties legal.
        mapper: Maps the event to its record.
        on_correction: Called for each correction; may raise InvalidEventError.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        cleaner: Cleaner,
        mapper: Mapper[_Resource, _Scope, _Record],
        on_correction: OnCorrection,
    ) -> None:
        self._hooks = config.before_send
        self._catalog = config.catalog
        self._strict = config.strict
        self._cleaner = cleaner
        self._mapper = mapper
        self._on_correction = on_correction

    def map(
        self,
        name: str,
        timestamp: int | None,
        event_properties: Properties | None,
        user_properties: Properties | None,
        group_properties: Properties | None,
        validator: EventValidator | None,
    ) -> _Record:
        """Return the record of an event after hooks and catalogue.

        Args:
            name: A legal event name.
            timestamp: Nanoseconds since the epoch; None for now.
            event_properties: The event properties.
            user_properties: The user properties.
            group_properties: The group properties.
            validator: The validator of a declared event without a catalogue; None for none.

        Raises:
            EventDropped: A hook or the catalogue drops the event.
            InvalidEventError: The event is wrong, and the setting `strict` is on.
        """
        mapper = self._mapper
        user = mapper.resources.clean(user_properties)
        group = mapper.scopes.clean(group_properties)
        if user.is_corrected or group.is_corrected:
            mapper.report_dropped(
                user.dropped_count + group.dropped_count,
                user.reserved_count + group.reserved_count,
            )
        dropped_count = 0
        if self._hooks:
            legal = self._cleaner.freeze(event_properties)
            if legal is None:
                legal, dropped_count = self._clean(event_properties)
            timestamp = time_ns() if timestamp is None else timestamp
            event = make_event(name, timestamp, legal, user.attributes, group.attributes)
            result = run_hooks(self._hooks, event)
            if isinstance(result, DropReason):
                raise EventDropped(result)
            if result is event:
                event_properties = legal
            else:
                name, timestamp = result.name, result.timestamp
                event_properties = result.event_properties
                user, group = self._clean_changed(result, user, group)
        if self._catalog is not None:
            validator = self._catalog.validator_of(name) or self._drop_undeclared(name)
        if validator is None:
            resource, scope = user.projections[None], group.projections[None]
            return mapper.map(name, timestamp, event_properties, resource, scope, dropped_count)
        try:
            valid = None if event_properties is None else validator.event(event_properties)
            resource, scope = user.projections[validator.user], group.projections[validator.group]
        except Exception:  # a property is undeclared or invalid
            return self._map_valid(
                validator, name, timestamp, event_properties, user, group, dropped_count
            )
        return mapper.map(name, timestamp, valid, resource, scope, dropped_count)

    def _map_valid(
        self,
        validator: EventValidator,
        name: str,
        timestamp: int | None,
        event_properties: Properties | None,
        user: CleanProperties[_Resource],
        group: CleanProperties[_Scope],
        dropped_count: int,
    ) -> _Record:
        """Return the record of an event without its undeclared and its invalid properties."""
        legal, cleaned_count = self._clean(event_properties)
        validated = validator.validate(legal, user.attributes, group.attributes)
        if validated.undeclared:
            self._on_correction(
                Correction.UNDECLARED_PROPERTY, len(validated.undeclared), validated.undeclared
            )
        if validated.invalid:
            self._on_correction(
                Correction.INVALID_PROPERTY, len(validated.invalid), validated.invalid
            )
        event_properties, user_properties, group_properties = validated.buckets
        return self._mapper.map(
            name,
            timestamp,
            event_properties,
            self._mapper.resources.get(user_properties),
            self._mapper.scopes.get(group_properties),
            dropped_count + cleaned_count + validated.dropped_count,
        )

    def _clean(self, event_properties: Properties | None) -> tuple[FrozenProperties, int]:
        """Return legal *event_properties*, and how many were dropped; report these."""
        attributes, dropped_count, reserved_count = self._cleaner.clean(event_properties)
        self._mapper.report_dropped(dropped_count, reserved_count)
        return FrozenProperties(attributes), dropped_count

    def _clean_changed(
        self, event: Event, user: CleanProperties[_Resource], group: CleanProperties[_Scope]
    ) -> tuple[CleanProperties[_Resource], CleanProperties[_Scope]]:
        """Return legal user and group properties of *event*, after a hook has replaced it."""
        # By identity: equal properties may still be of other types.
        if event.user_properties is not user.attributes:
            user = self._mapper.resources.clean(event.user_properties)
            self._mapper.report_dropped(user.dropped_count, user.reserved_count)
        if event.group_properties is not group.attributes:
            group = self._mapper.scopes.clean(event.group_properties)
            self._mapper.report_dropped(group.dropped_count, group.reserved_count)
        return user, group

    def _drop_undeclared(self, name: str) -> Never:
        if self._strict:
            raise InvalidEventError(f"the event {name!r} is not declared in the catalogue")
        quiet_log.warning("an event was dropped: it is not declared in the catalogue")
        raise EventDropped(DropReason.UNDECLARED)


def run_hooks(hooks: Iterable[BeforeSend], event: Event) -> Event | DropReason:
    """Return the event after *hooks*; if one of them drops it, the reason.

    Name and time of the event are legal; the hooks may have put any values in its buckets. Never
    raises: a hook may be there to remove a secret, so an event whose hook fails is dropped.
    """
    for hook in hooks:
        try:
            returned = hook(event)
            if returned is None:
                return DropReason.BEFORE_SEND
            if returned is not event:
                event = _check_returned(returned, event)
        except Exception as error:
            quiet_log.warning("an event was dropped: before_send: %s", type(error).__name__)
            return DropReason.BEFORE_SEND_FAILED
    return event


def _check_returned(returned: object, event: Event) -> Event:
    """Return what a hook *returned* for *event*, with a legal name and time; raises otherwise."""
    if not isinstance(returned, Event):
        raise TypeError("a hook must return an Event or None")
    buckets = returned.event_properties, returned.user_properties, returned.group_properties
    if not all(isinstance(bucket, Mapping) for bucket in buckets):
        raise TypeError("an event's properties must be mappings")
    # By identity: an equal name or time may still be of another type.
    if returned.name is event.name and returned.timestamp is event.timestamp:
        return returned
    return replace(
        returned, name=validate_name(returned.name), timestamp=to_nanoseconds(returned.timestamp)
    )
