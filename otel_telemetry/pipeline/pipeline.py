"""The way of an event once telemetry is on: screening, then mapping, then a sink.

Made by `Telemetry.bootstrap`. Up to here all is pure standard library; what follows imports
OpenTelemetry (`sinks.emitting`), or records for another process to deliver (`sinks.recording`).
"""

from __future__ import annotations

from dataclasses import replace

from otel_telemetry._internal import fork
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.events import Buckets, merge_payload, to_nanoseconds, validate_name
from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.values import is_reserved
from otel_telemetry.pipeline.filters import EventDropped, EventFilter
from otel_telemetry.receipt import Receipt, dropped
from otel_telemetry.stats import Correction

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable

    from typing_extensions import Never

    from otel_telemetry.catalog.declarations import EventDeclaration
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.export.consent_gate import ConsentGate
    from otel_telemetry.export.worker import Transport
    from otel_telemetry.mapping.mapper import Mapper
    from otel_telemetry.pipeline.sdk_sinks import CaptureCallback
    from otel_telemetry.pipeline.sink import Sink
    from otel_telemetry.stats import Counters, DropReason
    from otel_telemetry.types import Properties

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
        consent_gate: ConsentGate | None = None,
        installation_id: str | None = None,
        *,
        take: CaptureCallback | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._config = config
        self._counters = counters
        self._known_names: set[str] = set()
        self._cleaner = Cleaner(
            Limits(count=config.attribute_count_limit, length=config.attribute_length_limit),
            is_reserved=is_reserved,
        )
        self._mapper, self.sink = self._back(consent_gate, installation_id, take, transport)
        self._screens = bool(config.before_send) or config.catalog is not None
        self._screening = EventFilter(config, self._cleaner, self._mapper, self._mended)
        self._users, self._groups = self._mapper.users, self._mapper.groups
        self._record = self._mapper.record
        # What the one makes, the other takes.
        self._emit: Callable[[object], Receipt] = self.sink.emit  # type: ignore[assignment]

    def _back(
        self,
        consent_gate: ConsentGate | None,
        installation_id: str | None,
        take: CaptureCallback | None,
        transport: Transport | None,
    ) -> tuple[Mapper[object, object, object], Sink[Never]]:
        """Return what makes records, and what takes them."""
        config = self._config
        parts = config, self._counters, installation_id, self._cleaner, self._mended
        if take is None and consent_gate is not None and config.delivery == "detached":
            with fork.importing:
                from otel_telemetry.pipeline.spool_sink import spool_pipeline  # noqa: PLC0415 - when needed

            return spool_pipeline(*parts, consent_gate=consent_gate, transport=transport)
        with fork.importing:
            from otel_telemetry.pipeline.sdk_sinks import sdk_pipeline  # noqa: PLC0415 - OpenTelemetry

        return sdk_pipeline(*parts, consent_gate=consent_gate, transport=transport, take=take)

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self._counters.after_fork()
        self._mapper.after_fork()
        self.sink.after_fork()

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
        event, user, group, unknown = merge_payload(payload, given)
        if unknown:
            self._mended(Correction.UNKNOWN_BUCKET, unknown)
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
            name: Its name, or an instance of a class decorated with `catalog.event`.
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
                name = validate_name(name)
                if len(self._known_names) < _KNOWN_NAMES:
                    self._known_names.add(name)
            else:
                event_properties, user_properties, group_properties, _ = declaration.merge(
                    name, Buckets(event_properties, user_properties, group_properties)
                )
                name, checks = declaration.name, declaration.validator
        timestamp = None if moment is None else to_nanoseconds(moment)
        if checks is None and not self._screens:
            return self._emit(
                self._record(
                    name,
                    timestamp,
                    event_properties,
                    self._users(user_properties),
                    self._groups(group_properties),
                )
            )
        try:
            record = self._screening.record(
                name, timestamp, event_properties, user_properties, group_properties, checks
            )
        except EventDropped as withheld:
            return self._drop(withheld.reason)
        return self._emit(record)

    def _mended(self, kind: Correction, count: int, names: Iterable[str] = ()) -> None:
        """Count what was mended in an event; with `strict`, refuse the event instead."""
        if self._config.strict:
            which = ", ".join(map(repr, names)) or count
            raise InvalidEventError(f"the event is not legal as it is: {kind.value} ({which})")
        self._counters.correct(kind, count)
        quiet_log.warning("an event was corrected: %s", kind.value)

    def _drop(self, reason: DropReason) -> Receipt:
        self._counters.drop(reason)
        return dropped(reason)


def capture_pipeline(
    config: TelemetryConfig, counters: Counters, take: CaptureCallback
) -> Pipeline:
    """Return a pipeline whose events end in *take*, in their three buckets.

    Nothing of the machine's OpenTelemetry set-up is in it: a test has the same result everywhere.
    """
    config = replace(config, properties_on="resource_and_scope", inherit_otel_env=False)
    return Pipeline(config, counters, take=take)
