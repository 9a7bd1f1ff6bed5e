"""`with` and `async with`, and the forms that do not block the event loop."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from abc import ABC, abstractmethod

from otel_telemetry._internal import fork, paths
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.config import environment
from otel_telemetry.config.config import TelemetryConfig, app_settings, resolve
from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.receipt import DISABLED, Receipt, dropped
from otel_telemetry.stats import Counters

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import ParamSpec, TypeVar

    from typing_extensions import Self, Unpack

    from otel_telemetry.consent.decision import Decision
    from otel_telemetry.consent.files import Mode
    from otel_telemetry.events import TelemetryPayload
    from otel_telemetry.pipeline.pipeline import Pipeline
    from otel_telemetry.stats import Stats
    from otel_telemetry.types import App, Properties, TelemetrySettings, TypedEvent

    _P = ParamSpec("_P")

    _T = TypeVar("_T")


class Lifecycle(ABC):
    """What follows from having a beginning, a flush and an end that may all take a while."""

    __slots__ = ()

    @abstractmethod
    def bootstrap(self) -> None:
        """Begin. Idempotent."""

    @abstractmethod
    def flush(self, timeout: float | None = None) -> bool:
        """Send everything, for *timeout* seconds at most."""

    @abstractmethod
    def destroy(self, timeout: float | None = None) -> bool:
        """End, within *timeout* seconds. Idempotent and final."""

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


async def _in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    import asyncio  # noqa: PLC0415 - only asyncio apps need it, and they have it

    return await asyncio.to_thread(function, *args, **kwargs)


class Consenting(ABC):
    """The part of `Telemetry` that knows whether it is on, and why. Thread-safe.

    Args:
        config: The settings.
        environ: The environment.
    """

    def __init__(self, config: TelemetryConfig, environ: Mapping[str, str]) -> None:
        self._config = config
        self._consent_manager = ConsentManager(config, environ)
        self._decision: Decision | None = None
        # The one thing that `send` looks at while telemetry is off.
        self._off = False
        self._lock = threading.RLock()

    @property
    def decision(self) -> Decision:
        """Whether telemetry is on, and who decided; registers if nobody did."""
        self.register()
        return self._decision or self._consent_manager.decide()

    @property
    def is_disabled(self) -> bool:
        """Whether nothing may leave; registers if nobody did."""
        return not self.decision.enabled

    def register(self) -> None:
        """Decide whether telemetry is on. No network, no thread; writes no file. Idempotent."""
        with self._lock:
            if self._decision is None:
                self._decide()
                self._finish_refusal()

    def consent(self, granted: bool, *, by: str = "user") -> Decision:  # noqa: FBT001 - the answer
        """Keep the user's choice, from now on and for later runs.

        A refusal ends telemetry at once: what is not delivered yet is deleted, here and on disk,
        and so is the identity. Nothing is sent of it. What was recorded before a permission never
        leaves either. Where there is no terminal, an administrator's program may call this.

        Args:
            granted: What they chose.
            by: Who chose, for `decision` and the command line.

        Returns:
            What follows; a permission counts for nothing where anything else denies.
        """
        return self.choose("on" if granted else "off", by=by)

    def choose(self, mode: Mode, *, by: str = "user") -> Decision:
        """Keep the user's choice as `consent` does, with a third one: to see, but not to send.

        Args:
            mode: ``"on"``, ``"off"``, or ``"log"``: from now on events are printed to stderr, and
                none leaves, neither of them nor of those that wait.
            by: Who chose.

        Returns:
            What follows.
        """
        self._consent_manager.choose(mode, by=by)
        with self._lock:
            before, decision = self._decision, self._decide()
        if mode == "off":
            self._withdraw()
            self._erase()
        elif mode == "log" or (before is not None and before.log):
            self._withdraw()  # what prints does not send: the next event sets up what does
        return decision

    def show_notice(self, *, quiet: bool = False) -> bool:
        """Show the setting `notice` on stderr, if it is due.

        Call it after the arguments of the program are known. Until a run after the one that shows
        it, the code's own ``enabled=True`` does not count, so nothing is recorded. Only on a
        terminal, never in continuous integration.

        Args:
            quiet: Whether this run is to print nothing but what it was asked for.

        Returns:
            True if it was shown now.
        """
        return not quiet and self._consent_manager.show_notice(sys.stderr)

    def ask(self, question: str | None = None, *, quiet: bool = False) -> bool:
        """Ask the user for permission, unless they or anybody else has said something.

        On stderr, only on a terminal, never in continuous integration. Everything but a yes is a
        no. A permission that was given for an earlier `consent_version` is asked for again.

        Args:
            question: What to ask, without the "[y/N]"; None names the application and the host.
            quiet: Whether this run is to print nothing but what it was asked for.

        Returns:
            Whether telemetry is on now.
        """
        if not quiet:
            self._consent_manager.ask(question, sys.stdin, sys.stderr)
        with self._lock:
            return self._decide().enabled

    def pseudonym(self, kind: str, value: str) -> str:
        """Return what stands for *value*, a user or a project, without telling it: 32 hex digits.

        An HMAC under a salt that never leaves this machine and is replaced every 90 days.

        Args:
            kind: What *value* is; the same value of another kind has another pseudonym.
            value: A name, an e-mail address, a URL.
        """
        with self._lock:  # or an identity could be kept after a refusal has deleted it
            return self._consent_manager.identity(kept=not self.is_disabled).pseudonym(kind, value)

    def session(self, session_id: str | None = None) -> AbstractContextManager[str]:
        """Have the events of a block, and of what it starts, share a `session.id`.

        Args:
            session_id: The id; None for a new one of 128 random bits.
        """
        from otel_telemetry.mapping.mapper import session  # noqa: PLC0415 - only if asked for

        return session(self._config.name, session_id)

    def _is_still_permitted(self) -> bool:
        """Tell whether events may still leave; if not, somebody else has said so: end telemetry."""
        if self._consent_manager.is_still_permitted():
            return True
        with self._lock:
            self._decide()
        self._withdraw()
        if self._consent_manager.is_refused():
            self._erase()  # once more: we may have recorded since they did
        return False

    def _finish_refusal(self) -> None:
        """Delete what waits although the user has refused.

        They may have done so without the code, which alone may know where it waits; or a process
        that recorded meanwhile was killed before it heard of it. Mostly this looks whether one
        directory is there, and it is not.
        """
        if not self._off:
            return
        base = paths.spool(self._config.spool, self._config.name, self._consent_manager.state)
        if base is not None and os.path.isdir(base) and self._consent_manager.is_refused():
            self._erase()

    def _erase(self) -> None:
        """Delete what a permission has left behind."""
        self._purge()
        self._consent_manager.forget_identity()

    @abstractmethod
    def _withdraw(self) -> None:
        """End what is running, and send nothing of what is not delivered yet."""

    @abstractmethod
    def _purge(self) -> None:
        """Delete what waits on disk, whichever process left it."""

    def _decide(self) -> Decision:
        decision = self._decision = self._consent_manager.decide()
        self._off = not (decision.enabled or decision.log)
        return decision


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
        self._after_fork()
        fork.watch(self._after_fork)

    def _after_fork(self) -> None:
        """Begin with locks that nobody holds, and counts of our own, in a forked child."""
        self._lock = threading.RLock()
        if self._pipeline is None:
            self._counters.after_fork()
        else:
            self._pipeline.after_fork()

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
                    from otel_telemetry.pipeline.pipeline import Pipeline  # noqa: PLC0415 - OpenTelemetry

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
        from otel_telemetry.export.consent_gate import ConsentGate  # noqa: PLC0415 - as above

        consent_gate = ConsentGate(
            granted_at=self._consent_manager.granted_at(), is_granted=self._is_still_permitted
        )
        identity = self._consent_manager.identity(kept=True)  # made now, after permission
        return pipeline(self._config, self._counters, consent_gate, identity.installation_id)

    def _withdraw(self) -> None:
        with self._lock:
            pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            atexit.unregister(self.destroy)
            pipeline.sink.discard("consent_withdrawn")

    def _purge(self) -> None:
        from otel_telemetry.spool import admin  # noqa: PLC0415 - only to delete them

        admin.erase(self._config, self._config.name)

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
