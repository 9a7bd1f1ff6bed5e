"""The telemetry service: register, bootstrap, send, flush, destroy."""

from __future__ import annotations

import atexit
import threading

from otel_telemetry import environment, fork
from otel_telemetry.config import TelemetryConfig, app_settings, resolve
from otel_telemetry.consent import Consenting
from otel_telemetry.counters import Counters
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.lifecycle import Lifecycle
from otel_telemetry.log import quiet_log
from otel_telemetry.receipt import DISABLED, Receipt, dropped

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from otel_telemetry.payload import TelemetryPayload
    from otel_telemetry.pipeline import Pipeline
    from otel_telemetry.stats import Stats
    from otel_telemetry.typing import App, Properties, TelemetrySettings, TypedEvent

__all__ = ["Telemetry", "create_telemetry_instance"]


class Telemetry(Consenting, Lifecycle):
    """Usage telemetry of one application. Thread-safe, and safe in asyncio and after a fork.

    Off unless somebody turns it on; `decision` says who decided. Off means no thread, no file, no
    connection, and no import of OpenTelemetry. On, nothing here raises or waits for the backend,
    but for `flush` and `destroy`, which keep their deadlines.

    Args:
        app: The application's name, or an object with a `name` and, if it likes, a `version`.
        **settings: The fields of `TelemetryConfig`. What is not given comes from the environment,
            as OTEL_TELEMETRY_<FIELD>.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """

    def __init__(self, app: str | App, **settings: Unpack[TelemetrySettings]) -> None:
        environ = environment.current()
        given = {**app_settings(app), **settings}
        name = given["name"] if isinstance(given["name"], str) else None
        super().__init__(resolve(TelemetryConfig, given, environ, app=name), environ)
        self._counters = Counters()
        self._pipeline: Pipeline | None = None
        self._destroyed = False
        self._failed = False
        self.new_process()
        fork.watch(self)

    def new_process(self) -> None:
        """Begin with locks that nobody holds, and counts of our own, in a forked child."""
        self._lock = threading.RLock()
        if self._pipeline is None:
            self._counters.new_process()
        else:
            self._pipeline.new_process()

    def __repr__(self) -> str:
        decision = self._decision
        state = "undecided" if decision is None else "on" if decision.enabled else "off"
        return f"<Telemetry {self._config.name!r}: {'destroyed' if self._destroyed else state}>"

    @property
    def config(self) -> TelemetryConfig:
        """The settings, with what the environment added."""
        return self._config

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._counters.snapshot()

    def bootstrap(self) -> None:
        """Set up the provider and the delivery, if telemetry is on. Idempotent.

        Imports OpenTelemetry, which takes about 0.1 s: call it where a pause does not matter. The
        first `send` does it if nobody did. With detached delivery it imports none, and takes 5 ms.
        """
        if not self._off:
            self._bootstrap()

    def flush(self, timeout: float | None = None) -> bool:
        """Send everything now.

        With detached delivery nothing waits: what is recorded is left to another process, which is
        started if it is time for one.

        Args:
            timeout: Seconds at most; None waits for as long as it takes.

        Returns:
            True only if the backend acknowledged everything that was pending at the call, in time.
            True as well if nothing was. With detached delivery, True only if nothing was ever
            recorded: this process does not learn what arrives.
        """
        pipeline = self._pipeline
        try:
            return pipeline is None or pipeline.sink.flush(timeout)
        except Exception as error:
            quiet_log.warning("telemetry could not be flushed: %s", type(error).__name__)
            return False

    def destroy(self, timeout: float | None = None) -> bool:
        """Flush, then shut everything down. Idempotent and final; registered to run at exit.

        A later `send` is dropped, and counted as ``destroyed``. With detached delivery it does as
        `flush` does.

        Args:
            timeout: Seconds at most; None for the setting `shutdown_timeout`.

        Returns:
            True if nothing was left behind. A call beside the first, or after it, waits for
            nothing: it tells what has been left, or is not over yet.
        """
        with self._lock:
            first, self._destroyed = not self._destroyed, True
            pipeline = self._pipeline
        if pipeline is None or not first:
            stats = self.stats
            return not (stats.pending or stats.spooled or stats.dropped.get("shutdown"))
        atexit.unregister(self.destroy)
        seconds = self._config.shutdown_timeout if timeout is None else timeout
        for attempt in (seconds, 0):
            try:
                return pipeline.sink.shutdown(attempt)
            except Exception as error:
                quiet_log.warning("telemetry could not be shut down: %s", type(error).__name__)
        return False

    def send(
        self,
        event: str | TypedEvent,
        payload: TelemetryPayload | Mapping[str, Properties] | None = None,
        *,
        event_properties: Properties | None = None,
        user_properties: Properties | None = None,
        group_properties: Properties | None = None,
        timestamp: datetime.datetime | int | None = None,
    ) -> Receipt:
        """Send an event: what its properties are now, whatever becomes of them afterwards.

        Never waits for the backend, and raises nothing, but for `strict`. Bootstraps if nobody did.

        Args:
            event: The event's name, 1 to 256 characters, no part of which should vary; or a
                declared event, whose properties win over those given beside it.
            payload: The three buckets, as a TelemetryPayload or as a mapping with
                ``event_properties`` or ``eventProperties`` and so on.
            event_properties: Attributes of the log record; over those of *payload*.
            user_properties: Attributes of the resource; over those of *payload*.
            group_properties: Attributes of the instrumentation scope; over those of *payload*.
            timestamp: When it happened, as an aware datetime or in nanoseconds since the epoch;
                None for now.

        Returns:
            The receipt of the event's batch.

        Raises:
            InvalidEventError: The input is wrong, and the setting `strict` is on.
        """
        if self._off:
            return DISABLED
        try:
            pipeline = self._pipeline or self._bootstrap()
            if pipeline is None or self._destroyed:
                return self._not_taken()
            if payload is not None:
                event_properties, user_properties, group_properties = pipeline.unpack(
                    payload, event_properties, user_properties, group_properties
                )
            return pipeline.send(
                event, event_properties, user_properties, group_properties, timestamp
            )
        except InvalidEventError as error:
            return self._invalid(error)
        except Exception as error:
            self._counters.drop("internal")
            quiet_log.warning("an event was dropped: %s within the library", type(error).__name__)
            return dropped("internal")

    def _bootstrap(self) -> Pipeline | None:
        """Return the pipeline; None if telemetry is off, destroyed, or cannot be set up."""
        with self._lock:
            self.register()
            if self._off or self._destroyed or self._failed or self._pipeline is not None:
                return self._pipeline
            try:
                with fork.importing:
                    from otel_telemetry.pipeline import Pipeline  # noqa: PLC0415 - OpenTelemetry

                self._pipeline = self._make(Pipeline)
            except Exception as error:
                # Not tried again: what cannot be imported now would cost every event to come.
                self._failed = True
                quiet_log.warning("telemetry could not be set up: %s", error)
                return None
            atexit.register(self.destroy)
            return self._pipeline

    def _make(self, pipeline: type[Pipeline]) -> Pipeline:
        if self._decision is not None and self._decision.log:
            return pipeline(self._config, self._counters, None, None)
        from otel_telemetry.delivery.permission import Permission  # noqa: PLC0415 - as above

        permission = Permission(since=self._standing.agreed_at(), holds=self._is_still_permitted)
        identity = self._standing.identity(kept=True)  # made now, after permission
        return pipeline(self._config, self._counters, permission, identity.installation_id)

    def _withdraw(self) -> None:
        with self._lock:
            pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            atexit.unregister(self.destroy)
            pipeline.sink.discard("consent_withdrawn")

    def _purge(self) -> None:
        from otel_telemetry.delivery.disk import leftovers  # noqa: PLC0415 - only to delete them

        leftovers.erase(self._config, self._config.name)

    def _not_taken(self) -> Receipt:
        if self._off:
            return DISABLED
        reason = "destroyed" if self._destroyed else "internal"
        self._counters.drop(reason)
        return dropped(reason)

    def _invalid(self, error: InvalidEventError) -> Receipt:
        self._counters.drop("invalid")
        if self._config.strict:
            raise error
        quiet_log.warning("an event was dropped: %s", error)
        return dropped("invalid")


def create_telemetry_instance(app: str | App, **settings: Unpack[TelemetrySettings]) -> Telemetry:
    """Return a `Telemetry` for *app*; the same as calling the class.

    Args:
        app: The application's name, or an object with a `name` and, if it likes, a `version`.
        **settings: The fields of `TelemetryConfig`.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """
    return Telemetry(app, **settings)
