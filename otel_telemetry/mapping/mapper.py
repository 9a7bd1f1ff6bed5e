"""From an event to a record: its resource, its scope, its attributes, its id and its session.

Pure standard library. The subclasses make the records: `sdk.SdkMapper` those of the OpenTelemetry
SDK, `no_sdk.EncodingMapper` encoded ones.
"""

from __future__ import annotations

import itertools
import os
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from otel_telemetry._internal.generics import Generic, TypeVar
from otel_telemetry.mapping.cache import ResourceCache, ScopeCache
from otel_telemetry.otlp.encoder import UID, UID_HEAD
from otel_telemetry.stats import Correction

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.mapping.cache import CachedProperties
    from otel_telemetry.types import AttributeValue, Properties

_Resource = TypeVar("_Resource")
_Scope = TypeVar("_Scope")
_Record = TypeVar("_Record")

SESSION = "session.id"
"""The key of the session on a record."""

_sessions: ContextVar[Mapping[str, str]] = ContextVar(
    "otel_telemetry_sessions", default=MappingProxyType({})
)
"""The current session of each application, by its name: one application never sees another's."""


@contextmanager
def session(app: str, session_id: str | None) -> Iterator[str]:
    """Give all events of *app* within the block one session, also in tasks that it starts.

    Args:
        app: The application's name.
        session_id: The id; None for a new one of 128 random bits, as 32 hexadecimal digits.

    Yields:
        The id.
    """
    current = session_id or os.urandom(16).hex()
    token = _sessions.set({**_sessions.get(), app: current})
    try:
        yield current
    finally:
        _sessions.reset(token)


class Mapper(ABC, Generic[_Resource, _Scope, _Record]):
    """Maps the events of one application to records. Thread-safe.

    Args:
        config: The settings.
        cleaner: Makes properties legal.
        validate: Whether to validate every attribute here, because the taker of the record does
            not. Else the processor encodes and checks them.
        on_correction: Called with the kind of each correction, and how often it was made.
        session_id: The ``session.id`` of events outside of any `session` block; None for none.

    Attributes:
        resources: The resources, by user properties.
        scopes: The scopes, by group properties.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        cleaner: Cleaner,
        *,
        validate: bool,
        on_correction: Callable[[Correction, int], None],
        session_id: str | None = None,
    ) -> None:
        self._app = config.name
        self._name_in_body = config.event_name_in_body
        self._cleaner = cleaner
        self._validate = validate
        self._on_correction = on_correction
        self._session_id = session_id
        self._on_record = config.properties_on == "record"
        self.resources: ResourceCache[_Resource] = ResourceCache(
            self._create_resource, cleaner, on_record=self._on_record
        )
        self.scopes: ScopeCache[_Scope] = ScopeCache(
            self._create_scope, cleaner, on_record=self._on_record
        )
        self.after_fork()

    @abstractmethod
    def _create_resource(
        self, attributes: dict[str, AttributeValue], dropped_count: int
    ) -> _Resource:
        """Return the resource of legal user properties."""

    @abstractmethod
    def _create_scope(self, attributes: dict[str, AttributeValue], dropped_count: int) -> _Scope:
        """Return the scope of legal group properties."""

    @abstractmethod
    def _create_record(
        self,
        name: str,
        body: str | None,
        timestamp: int,
        observed_timestamp: int,
        attributes: dict[str, AttributeValue],
        dropped_count: int,
        resource: _Resource,
        scope: _Scope,
        encoded_attributes: list[bytes] | None,
    ) -> _Record:
        """Return the record; *encoded_attributes* are *attributes*, or None if not encoded yet."""

    def after_fork(self) -> None:
        """Restart the unique ids: a parent and its child must not share any."""
        self._uid_format = os.urandom(8).hex() + "%016x"
        self._uid_numbers = itertools.count()

    def map(
        self,
        name: str,
        timestamp: int | None,
        event_properties: Properties | None,
        user: CachedProperties[_Resource],
        group: CachedProperties[_Scope],
        dropped_count: int = 0,
    ) -> _Record:
        """Return the record of an event.

        Args:
            name: A legal event name.
            timestamp: Nanoseconds since the epoch; None for now.
            event_properties: The attributes of the record.
            user: The user properties, from `resources`.
            group: The group properties, from `scopes`.
            dropped_count: How many of the event properties were dropped before.
        """
        encoded = None if self._validate else self._cleaner.encode(event_properties)
        own_dropped = reserved = 0
        encoded_attributes: list[bytes] | None = None
        if encoded is not None:
            attributes, encoded_attributes = encoded
        else:
            attributes, own_dropped, reserved = self._cleaner.clean(event_properties)
            dropped_count += own_dropped
        if self._on_record:
            attributes.update(user.record_attributes)
            attributes.update(group.record_attributes)
            dropped_count += user.dropped_count + group.dropped_count
            encoded_attributes = None
        if own_dropped or user.is_corrected or group.is_corrected:
            self.report_dropped(
                own_dropped + user.dropped_count + group.dropped_count,
                reserved + user.reserved_count + group.reserved_count,
            )
        session_id = _sessions.get().get(self._app, self._session_id)
        if session_id is not None:
            attributes.setdefault(SESSION, session_id)
            encoded_attributes = None
        attributes[UID] = uid = self._uid_format % next(self._uid_numbers)
        if encoded_attributes is not None:
            encoded_attributes.append(UID_HEAD + uid.encode())
        now = time.time_ns()
        return self._create_record(
            name,
            name if self._name_in_body else None,
            now if timestamp is None else timestamp,
            now,
            attributes,
            dropped_count,
            user.value,
            group.value,
            encoded_attributes,
        )

    def report_dropped(self, dropped_count: int, reserved_count: int) -> None:
        """Report dropped values as corrections: those with a reserved key, and all others."""
        if dropped_count > reserved_count:
            self._on_correction(Correction.CUT, dropped_count - reserved_count)
        if reserved_count:
            self._on_correction(Correction.RESERVED_KEY, reserved_count)
