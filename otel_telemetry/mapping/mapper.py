"""Sessions: stretches of one user's activity, known to the application and to nobody else."""

from __future__ import annotations

import itertools
import os
import time
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from otel_telemetry.mapping.cache import Interner
from otel_telemetry.otlp.encoder import UID, UID_HEAD
from otel_telemetry.stats import Correction

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


sessions: ContextVar[Mapping[str, str]] = ContextVar(
    "otel_telemetry_sessions", default=MappingProxyType({})
)
"""By application: what one calls a session is none of another's business."""


@contextmanager
def session(app: str, session_id: str | None) -> Iterator[str]:
    """Have the events of *app* in the block, and what it starts with its context, share an id.

    Args:
        app: The application's name.
        session_id: The id; None for a new one of 128 random bits.
    """
    own = session_id or os.urandom(16).hex()
    token = sessions.set({**sessions.get(), app: own})
    try:
        yield own
    finally:
        sessions.reset(token)


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Generic, Protocol, TypeVar

    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.mapping.cache import Interned
    from otel_telemetry.types import AttributeValue, Properties

    _Resource_co = TypeVar("_Resource_co", covariant=True)
    _Scope_co = TypeVar("_Scope_co", covariant=True)
    _Resource_contra = TypeVar("_Resource_contra", contravariant=True)
    _Scope_contra = TypeVar("_Scope_contra", contravariant=True)
    _Record_co = TypeVar("_Record_co", covariant=True)

    class MakeRecord(Protocol[_Resource_contra, _Scope_contra, _Record_co]):
        """Makes a record of legal parts."""

        def __call__(
            self,
            name: str,
            body: str | None,
            timestamp: int,
            observed_timestamp: int,
            attributes: dict[str, AttributeValue],
            dropped: int,
            resource: _Resource_contra,
            scope: _Scope_contra,
            fields: list[bytes] | None,
            /,
        ) -> _Record_co:
            """Return the record; *fields* are *attributes* encoded, where they are already."""

else:  # as in `interning`
    Generic, _Resource_co, _Scope_co, _Record_co = {(0, 0, 0): object}, 0, 0, 0

SESSION = "session.id"


class Mapper(Generic[_Resource_co, _Scope_co, _Record_co]):
    """Maps one application's events. Thread-safe.

    Args:
        cleaner: Makes properties legal.
        make_resource: Makes a resource of legal user properties and the count of those left out.
        make_scope: Makes a scope of legal group properties and the count of those left out.
        make_record: Makes a record.
        on_record: Whether user and group properties go on the record.
        name: The application's name, which sessions are known by.
        name_in_body: Whether the event's name is also the body.
        thorough: Whether attributes are to be legal in every respect, for an encoder that
            does not look.
        on_correction: Told of what was mended: its kind, and how often.
        session: The ``session.id`` of events that are of no other; None for none.

    Attributes:
        users: What makes resources of user properties.
        groups: What makes scopes of group properties.
    """

    def __init__(
        self,
        *,
        cleaner: Cleaner,
        make_resource: Callable[[dict[str, AttributeValue], int], _Resource_co],
        make_scope: Callable[[dict[str, AttributeValue], int], _Scope_co],
        make_record: MakeRecord[_Resource_co, _Scope_co, _Record_co],
        on_record: bool,
        name: str,
        name_in_body: bool,
        validate: bool,
        on_correction: Callable[[Correction, int], None],
        session: str | None = None,
    ) -> None:
        self._cleaner = cleaner
        self._make = make_record
        self._thorough = validate
        self._name = name
        self._name_in_body = name_in_body
        self._on_record = on_record
        self._on_correction = on_correction
        self._session = session
        user, group = ("user.", "group.") if on_record else (None, None)
        self.users = Interner(make_resource, cleaner, prefix=user)
        self.groups = Interner(make_scope, cleaner, prefix=group)
        self.after_fork()

    def after_fork(self) -> None:
        """Begin unique ids anew: after a fork, parent and child must not share them."""
        form = os.urandom(8).hex() + "%016x"
        # No frame of Python's own: it is one call for each event.
        self._uid: Callable[[], str] = map(form.__mod__, itertools.count()).__next__

    def record(
        self,
        name: str,
        timestamp: int | None,
        event_properties: Properties | None,
        user: Interned[_Resource_co],
        group: Interned[_Scope_co],
        dropped_count: int = 0,
    ) -> _Record_co:
        """Return the record of an event.

        Args:
            name: A legal event name.
            timestamp: Nanoseconds since the epoch; None for now.
            event_properties: Attributes of the record.
            user: What `users` made of the user's properties.
            group: What `groups` made of the group's.
            dropped_count: Attributes that were left out of *event_properties* before.
        """
        plain = None if self._thorough else self._cleaner.plain(event_properties)
        cut = reserved = 0
        fields: list[bytes] | None = None
        if plain is not None:
            attributes, fields = plain
        else:
            attributes, cut, reserved = self._cleaner.clean(event_properties)
        dropped = cut + reserved + dropped_count
        if self._on_record:
            attributes.update(user.on_record)
            attributes.update(group.on_record)
            dropped += user.cut + user.reserved + group.cut + group.reserved
            fields = None
        if cut or reserved or user.is_corrected or group.is_corrected:
            self.report(cut + user.cut + group.cut, reserved + user.reserved + group.reserved)
        session = sessions.get().get(self._name, self._session)
        if session is not None:
            attributes.setdefault(SESSION, session)
            fields = None
        attributes[UID] = uid = self._uid()
        if fields is not None:
            fields.append(UID_HEAD + uid.encode())
        now = time.time_ns()
        return self._make(
            name,
            name if self._name_in_body else None,
            now if timestamp is None else timestamp,
            now,
            attributes,
            dropped,
            user.value,
            group.value,
            fields,
        )

    def report(self, cut: int, reserved: int) -> None:
        """Tell of values that were left out, and of attempts to set a reserved key."""
        if cut:
            self._on_correction(Correction.CUT, cut)
        if reserved:
            self._on_correction(Correction.RESERVED_KEY, reserved)
