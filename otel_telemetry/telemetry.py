"""The telemetry service: register, bootstrap, send, flush, destroy."""

from __future__ import annotations

import atexit
import threading

from otel_telemetry import environment, fork
from otel_telemetry.config import TelemetryConfig, app_settings, resolve
from otel_telemetry.counters import Counters
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.log import quiet_log
from otel_telemetry.receipt import DISABLED, Receipt, dropped
from otel_telemetry.trust.decision import Decision, Inputs, decide

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import ParamSpec, TypeVar

    from typing_extensions import Self, Unpack

    from otel_telemetry.payload import TelemetryPayload
    from otel_telemetry.pipeline import Pipeline
    from otel_telemetry.stats import Stats
    from otel_telemetry.typing import App, Properties, TelemetrySettings

    _P = ParamSpec("_P")
    _T = TypeVar("_T")

__all__ = ["Telemetry", "create_telemetry_instance"]


class Telemetry:
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
        self._environ = environment.current()
        given = {**app_settings(app), **settings}
        name = given["name"] if isinstance(given["name"], str) else None
        self._config = resolve(TelemetryConfig, given, self._environ, app=name)
        self._counters = Counters()
        self._decision: Decision | None = None
        self._pipeline: Pipeline | None = None
        # The one thing that `send` looks at while telemetry is off.
        self._off = False
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
    def decision(self) -> Decision:
        """Whether telemetry is on, and who decided; registers if nobody did."""
        self.register()
        return self._decision or decide(self._inputs())

    @property
    def is_disabled(self) -> bool:
        """Whether nothing may leave; registers if nobody did."""
        return not self.decision.enabled

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._counters.snapshot()

    def register(self) -> None:
        """Decide whether telemetry is on. No network, no thread, no file. Idempotent."""
        with self._lock:
            if self._decision is None:
                self._decision = decide(self._inputs())
                self._off = not (self._decision.enabled or self._decision.log)

    def bootstrap(self) -> None:
        """Set up the provider and the delivery, if telemetry is on. Idempotent.

        Imports OpenTelemetry, which takes about 0.1 s: call it where a pause does not matter. The
        first `send` does it if nobody did.
        """
        if not self._off:
            self._bootstrap()

    def flush(self, timeout: float | None = None) -> bool:
        """Send everything now.

        Args:
            timeout: Seconds at most; None waits for as long as it takes.

        Returns:
            True only if the backend acknowledged everything that was pending at the call, in time.
            True as well if nothing was.
        """
        pipeline = self._pipeline
        try:
            return pipeline is None or pipeline.sink.flush(timeout)
        except Exception as error:
            quiet_log.warning("telemetry could not be flushed: %s", type(error).__name__)
            return False

    def destroy(self, timeout: float | None = None) -> bool:
        """Flush, then shut everything down. Idempotent and final; registered to run at exit.

        A later `send` is dropped, and counted as ``destroyed``.

        Args:
            timeout: Seconds at most; None for the setting `shutdown_timeout`.

        Returns:
            True if nothing was left behind.
        """
        with self._lock:
            first, self._destroyed = not self._destroyed, True
            pipeline = self._pipeline
        if pipeline is None or not first:
            counters = self._counters
            return not counters.spooled and not counters.dropped["shutdown"]
        atexit.unregister(self.destroy)
        seconds = self._config.shutdown_timeout if timeout is None else timeout
        for attempt in (seconds, 0):
            try:
                return pipeline.sink.shutdown(attempt)
            except Exception as error:
                quiet_log.warning("telemetry could not be shut down: %s", type(error).__name__)
        return False

    async def aflush(self, timeout: float | None = None) -> bool:
        """Do as `flush` without blocking the event loop."""
        return await _in_thread(self.flush, timeout)

    async def adestroy(self, timeout: float | None = None) -> bool:
        """Do as `destroy` without blocking the event loop."""
        return await _in_thread(self.destroy, timeout)

    def __enter__(self) -> Self:
        self.bootstrap()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.destroy()

    async def __aenter__(self) -> Self:
        await _in_thread(self.bootstrap)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.adestroy()

    def send(
        self,
        event: str,
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
            event: The event's name, 1 to 256 characters; no part of it should vary.
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

    def _inputs(self) -> Inputs:
        return Inputs(app=self._config.name, enabled=self._config.enabled, environ=self._environ)

    def _bootstrap(self) -> Pipeline | None:
        """Return the pipeline; None if telemetry is off, destroyed, or cannot be set up."""
        with self._lock:
            self.register()
            if self._off or self._destroyed or self._failed or self._pipeline is not None:
                return self._pipeline
            try:
                with fork.importing:
                    from otel_telemetry.pipeline import Pipeline  # noqa: PLC0415 - OpenTelemetry

                self._pipeline = Pipeline(
                    self._config,
                    self._counters,
                    log_only=self._decision is not None and self._decision.log,
                )
            except Exception as error:
                # Not tried again: what cannot be imported now would cost every event to come.
                self._failed = True
                quiet_log.warning("telemetry could not be set up: %s", error)
                return None
            atexit.register(self.destroy)
            return self._pipeline

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


async def _in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    import asyncio  # noqa: PLC0415 - only asyncio apps need it, and they have it

    return await asyncio.to_thread(function, *args, **kwargs)


def create_telemetry_instance(app: str | App, **settings: Unpack[TelemetrySettings]) -> Telemetry:
    """Return a `Telemetry` for *app*; the same as calling the class.

    Args:
        app: The application's name, or an object with a `name` and, if it likes, a `version`.
        **settings: The fields of `TelemetryConfig`.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """
    return Telemetry(app, **settings)
