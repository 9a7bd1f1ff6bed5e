"""The way of an event once telemetry is on: hooks, then mapping, then a sink.

Made by `Telemetry.bootstrap`. Up to here all is pure standard library; what follows imports
OpenTelemetry (`sinks.emitting`), or records for another process to deliver (`sinks.recording`).
"""

from __future__ import annotations

from dataclasses import replace
from time import time_ns

from otel_telemetry import fork
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.hooks import asked
from otel_telemetry.log import quiet_log
from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.reserved import is_reserved
from otel_telemetry.payload import (
    Buckets,
    Event,
    buckets_of,
    legal_name,
    made_event,
    nanoseconds,
)
from otel_telemetry.receipt import Receipt, dropped

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable

    from typing_extensions import Never

    from otel_telemetry.config import TelemetryConfig
    from otel_telemetry.counters import Counters
    from otel_telemetry.delivery.courier import Transport
    from otel_telemetry.delivery.permission import Permission
    from otel_telemetry.mapping.mapper import Mapper
    from otel_telemetry.sinks.diverted import Take
    from otel_telemetry.sinks.sink import Sink
    from otel_telemetry.trust.catalog.checks import Checks
    from otel_telemetry.trust.catalog.events import EventDeclaration
    from otel_telemetry.typing import AttributeValue, Properties

    _Buckets = tuple[Properties | None, Properties | None, Properties | None]

_KNOWN_NAMES = 1024


class Pipeline:
    """From `send` to a sink. Thread-safe.

    Args:
        config: The settings.
        counters: The counts to keep.
        permission: What may leave; None to print events instead of sending them.
        installation_id: Who speaks; None for nobody.
        take: Where events go; None for what the settings and the permission say.
        transport: Where their requests go instead of the network; nothing is kept on disk then.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        counters: Counters,
        permission: Permission | None = None,
        installation_id: str | None = None,
        *,
        take: Take | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._config = config
        self._counters = counters
        self._known_names: set[str] = set()
        self._cleaner = Cleaner(
            Limits(count=config.attribute_count_limit, length=config.attribute_length_limit),
            is_reserved=is_reserved,
        )
        parts = config, counters, installation_id, self._cleaner, self._mended
        back: tuple[Mapper[object, object, object], Sink[Never]]
        if take is None and permission is not None and config.delivery == "detached":
            with fork.importing:
                from otel_telemetry.sinks.recording import recording  # noqa: PLC0415 - when needed

            back = recording(*parts, permission=permission, transport=transport)
        else:
            with fork.importing:
                from otel_telemetry.sinks.emitting import emitting  # noqa: PLC0415 - OpenTelemetry

            back = emitting(*parts, permission=permission, transport=transport, take=take)
        self._mapper: Mapper[object, object, object] = back[0]
        self.sink: Sink[Never] = back[1]
        self._hooks = config.before_send
        self._catalog = config.catalog
        self._record = self._mapper.record
        # What the one makes, the other takes.
        self._emit: Callable[[object], Receipt] = self.sink.emit  # type: ignore[assignment]

    def new_process(self) -> None:
        """Begin anew in a forked child."""
        self._counters.new_process()
        self._mapper.new_process()
        self.sink.new_process()

    def unpack(
        self,
        payload: object,
        event_properties: Properties | None,
        user_properties: Properties | None,
        group_properties: Properties | None,
    ) -> tuple[Properties | None, Properties | None, Properties | None]:
        """Return the buckets of *payload* joined with those given beside it.

        Raises:
            InvalidEventError: It is no payload.
        """
        given = Buckets(event_properties, user_properties, group_properties)
        event, user, group, unknown = buckets_of(payload, given)
        if unknown:
            self._mended("unknown_bucket", unknown)
        return event, user, group

    def send(
        self,
        name: object,
        event_properties: Properties | None,
        user_properties: Properties | None,
        group_properties: Properties | None,
        moment: datetime.datetime | int | None,
    ) -> Receipt:
        """Take an event as the caller gave it; return what is known of it.

        Args:
            name: Its name, or an instance of a class decorated with `trust.catalog.event`.
            event_properties: Those of the event.
            user_properties: Those of the user.
            group_properties: Those of the group.
            moment: When it happened; None for now.

        Raises:
            InvalidEventError: It cannot go as it is.
        """
        checks = None
        # Names recur; each is checked once.
        if type(name) is not str or name not in self._known_names:
            declaration: EventDeclaration | None = getattr(type(name), "__telemetry_event__", None)
            if declaration is None:
                name = legal_name(name)
                if len(self._known_names) < _KNOWN_NAMES:
                    self._known_names.add(name)
            else:
                event_properties, user_properties, group_properties, _ = declaration.joined(
                    name, Buckets(event_properties, user_properties, group_properties)
                )
                name, checks = declaration.name, declaration.checks
        timestamp = None if moment is None else nanoseconds(moment)
        left_out = 0
        if self._hooks:
            kept, left_out = self._hooked(
                name, timestamp, event_properties, user_properties, group_properties
            )
            if isinstance(kept, str):
                return self._drop(kept)
            name, timestamp = kept.name, kept.timestamp
            event_properties, user_properties = kept.event_properties, kept.user_properties
            group_properties = kept.group_properties
        if self._catalog is not None:
            checks = self._catalog.checks_of(name)
            if checks is None:
                return self._undeclared(name)
        if checks is not None:
            buckets = event_properties, user_properties, group_properties
            return self._emit(self._fitting(checks, name, timestamp, buckets, left_out))
        return self._emit(
            self._record(
                name, timestamp, event_properties, user_properties, group_properties, left_out
            )
        )

    def _hooked(
        self, name: str, timestamp: int | None, *buckets: Properties | None
    ) -> tuple[Event | str, int]:
        """Return what `asked` does of an event, and how much its first bucket lost before."""
        legal, left_out = self._cleaner.legal(*buckets), 0
        if legal is None:
            legal, left_out = self._clean(buckets)
        event = made_event(name, time_ns() if timestamp is None else timestamp, *legal)
        return asked(self._hooks, event), left_out

    def _clean(
        self, buckets: Iterable[Properties | None]
    ) -> tuple[list[dict[str, AttributeValue]], int]:
        """Return *buckets* with legal values, and how much was left out of the first.

        What is left out of any is counted.
        """
        cleaned = [self._cleaner.clean(bucket) for bucket in buckets]
        cut = sum(bucket.cut for bucket in cleaned)
        reserved = sum(bucket.reserved for bucket in cleaned)
        if cut:
            self._mended("cut", cut)
        if reserved:
            self._mended("reserved_key", reserved)
        return [bucket.attributes for bucket in cleaned], cleaned[0].cut + cleaned[0].reserved

    def _fitting(
        self, checks: Checks, name: str, timestamp: int | None, buckets: _Buckets, left_out: int
    ) -> object:
        """Return the record of what is declared of an event."""
        event, user, group = buckets
        try:
            fitting = None if event is None else checks.event(event)
            return self._record(name, timestamp, fitting, user, group, left_out, checks.of_others)
        except InvalidEventError:
            raise
        except Exception:  # something does not fit as it is
            legal, more = self._clean(buckets)
        kept = checks.kept(*legal)
        if kept.undeclared:
            self._mended("undeclared_property", len(kept.undeclared), kept.undeclared)
        if kept.invalid:
            self._mended("invalid_property", len(kept.invalid), kept.invalid)
        return self._record(name, timestamp, *kept.fitting, left_out + more + kept.left_out)

    def _undeclared(self, name: str) -> Receipt:
        if self._config.strict:
            raise InvalidEventError(f"the event {name!r} is not declared in the catalogue")
        quiet_log.warning("an event was dropped: it is not declared in the catalogue")
        return self._drop("undeclared")

    def _mended(self, kind: str, count: int, names: Iterable[str] = ()) -> None:
        """Count what was mended in an event; with `strict`, refuse the event instead."""
        if self._config.strict:
            which = ", ".join(map(repr, names)) or count
            raise InvalidEventError(f"the event is not legal as it is: {kind} ({which})")
        self._counters.correct(kind, count)
        quiet_log.warning("an event was mended: %s", kind)

    def _drop(self, reason: str) -> Receipt:
        self._counters.drop(reason)
        return dropped(reason)


def diverted(config: TelemetryConfig, counters: Counters, take: Take) -> Pipeline:
    """Return a pipeline whose events end in *take*, in their three buckets.

    Nothing of the machine's OpenTelemetry set-up is in it: a test has the same result everywhere.
    """
    config = replace(config, properties_on="resource_and_scope", inherit_otel_env=False)
    return Pipeline(config, counters, take=take)
