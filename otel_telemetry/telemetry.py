"""`Telemetry`: the usage telemetry of one application, from its decision to its last event."""

from __future__ import annotations

import atexit
import sys
import threading
from contextlib import contextmanager

from otel_telemetry._internal import fork
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.config import environment
from otel_telemetry.config.config import TelemetryConfig, resolve, settings_of_app
from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.receipt import DISABLED, Receipt, dropped
from otel_telemetry.state import TelemetryState
from otel_telemetry.stats import DropReason

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import ParamSpec, TypeVar

    from typing_extensions import Self, Unpack

    from otel_telemetry.config.keyword_arguments import TelemetrySettings
    from otel_telemetry.consent.decision import Decision
    from otel_telemetry.consent.files import ConsentMode
    from otel_telemetry.events import TelemetryPayload, TypedEvent
    from otel_telemetry.pipeline.pipeline import AnyPipeline
    from otel_telemetry.stats import Stats
    from otel_telemetry.types import App, Properties

    _P = ParamSpec("_P")
    _T = TypeVar("_T")


class Telemetry:
    """Usage telemetry of one application. Thread-safe, and safe in asyncio and after a fork.

    It is off until it is turned on; `decision` says by whom. While it is off, it starts no thread,
    writes no file, opens no connection and does not import OpenTelemetry. While it is on, its
    methods raise nothing (but see `strict`) and do not wait for the backend; only `flush` and
    `destroy` do, within their timeout.

    Args:
        app: The application's name, or an object with a `name` (str) and, optionally, a `version`
            (str).
        **settings: The fields of `TelemetryConfig`. A setting that is not passed comes from the
            environment variable OTEL_TELEMETRY_<FIELD>, else it has its default.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """

    def __init__(self, app: str | App, **settings: Unpack[TelemetrySettings]) -> None:
        environ = environment.current()
        code = {**settings_of_app(app), **settings}
        name = code["name"] if isinstance(code["name"], str) else None
        self._config = resolve(TelemetryConfig, code, environ, app=name)
        self._lock = threading.RLock()
        self._state = TelemetryState(self._config, ConsentManager(self._config, environ))
        self._states = [self._state]  # the last one is `_state`
        self._off = False  # copy of `_state.off`: `send` reads one attribute
        self._has_exit_hook = False
        fork.watch(self._after_fork)

    def __repr__(self) -> str:
        state = self._state
        decision = state.decision
        word = "undecided" if decision is None else "on" if decision.enabled else "off"
        return f"<Telemetry {self._config.name!r}: {'destroyed' if state.destroyed else word}>"

    @property
    def config(self) -> TelemetryConfig:
        """The settings, those from the environment included. Read-only."""
        return self._config

    @property
    def decision(self) -> Decision:
        """Whether telemetry is on, and what decided it. Registers first, if necessary."""
        self.register()
        state = self._state
        return state.decision or self._decide(state)

    @property
    def is_disabled(self) -> bool:
        """True if no event may be sent. Registers first, if necessary."""
        return not self.decision.enabled

    @property
    def stats(self) -> Stats:
        """The counts of events since the start of this process, consistent at one instant."""
        return self._state.counters.snapshot()

    def register(self) -> None:
        """Decide whether telemetry is on. Idempotent.

        Reads the environment, the policy files and the saved choice. Starts no thread, opens no
        connection and writes no file. Every other method registers first, if necessary.
        """
        with self._lock:
            state = self._state
            if state.decision is None:
                self._decide(state)
                state.complete_refusal()

    def bootstrap(self) -> None:
        """Set up the provider and the delivery, if telemetry is on. Idempotent.

        Imports OpenTelemetry, which takes about 0.1 s: call it where a pause does not matter. The
        first `send` calls it otherwise. With ``delivery="detached"`` it does not import
        OpenTelemetry, and takes about 5 ms. After `destroy` it does nothing.
        """
        if not self._off:
            self._bootstrap()

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
        """Send an event with the values that its properties have now.

        Does not wait for the backend. Raises nothing unless the setting `strict` is on. Later
        changes of the properties do not change the event.

        Args:
            event: The event's name, 1 to 256 characters, which should not contain anything that
                varies; or a declared event, whose properties win over all others.
            payload: The three buckets, as a TelemetryPayload, or as a mapping with the keys
                ``event_properties``, ``user_properties`` and ``group_properties`` (or
                ``eventProperties`` and so on).
            event_properties: Attributes of the log record; these win over those of *payload*.
            user_properties: Attributes of the resource; these win over those of *payload*.
            group_properties: Attributes of the scope; these win over those of *payload*.
            timestamp: When the event happened: an aware datetime, or nanoseconds since the epoch.
                None means now.

        Returns:
            The receipt of the event's batch. It can be read, waited for and awaited.

        Raises:
            InvalidEventError: The event is not valid, and the setting `strict` is on.
        """
        if self._off:
            return DISABLED
        state = self._state
        try:
            pipeline = state.pipeline or self._bootstrap()
            if pipeline is None or state.destroyed:
                return self._drop(state)
            if payload is not None:
                event_properties, user_properties, group_properties = pipeline.unpack(
                    payload, event_properties, user_properties, group_properties
                )
            return pipeline.send(
                event, event_properties, user_properties, group_properties, timestamp
            )
        except InvalidEventError as error:
            return self._drop_invalid(state, error)
        except Exception as error:
            state.counters.drop(DropReason.INTERNAL)
            quiet_log.warning("an event was dropped: %s within the library", type(error).__name__)
            return dropped(DropReason.INTERNAL)

    def flush(self, timeout: float | None = None) -> bool:
        """Send all pending events now.

        With ``delivery="detached"`` it returns at once: another process sends the events, and this
        call starts that process if its interval has passed.

        Args:
            timeout: Seconds at most; None waits without a limit.

        Returns:
            True if the backend has acknowledged every event that was pending at the call; also True
            if none was pending. With ``delivery="detached"``, True only if this process has
            recorded no event: it does not learn what arrives.
        """
        pipeline = self._state.pipeline
        try:
            return pipeline is None or pipeline.sink.flush(timeout)
        except Exception as error:
            quiet_log.warning("telemetry could not be flushed: %s", type(error).__name__)
            return False

    def destroy(self, timeout: float | None = None) -> bool:
        """Flush, then shut down. Idempotent and final; runs by itself at the interpreter's exit.

        A later `send` is dropped, and counted as ``destroyed``. With ``delivery="detached"`` it
        returns at once, as `flush` does.

        Args:
            timeout: Seconds at most; None means the setting `shutdown_timeout` (default: 1).

        Returns:
            True if no event is left: none is pending, none stays on disk, none was dropped by the
            shutdown. A second call does not wait; it returns what is true at that moment.
        """
        with self._lock:
            state = self._state
            is_first, state.destroyed = not state.destroyed, True
            pipeline = state.pipeline
            self._update_exit_hook()
        if pipeline is None or not is_first:
            stats = state.counters.snapshot()
            return not (
                stats.pending or stats.spooled or DropReason.SHUTDOWN.value in stats.dropped
            )
        seconds = self._config.shutdown_timeout if timeout is None else timeout
        for attempt in (seconds, 0):  # what failed may still be ended without a flush
            try:
                return pipeline.sink.shutdown(attempt)
            except Exception as error:
                quiet_log.warning("telemetry could not be shut down: %s", type(error).__name__)
        return False

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

    def consent(self, granted: bool, *, by: str = "user") -> Decision:  # noqa: FBT001 - the answer
        """Save the user's choice for this run and later ones.

        A refusal ends telemetry at once: undelivered events are deleted, in memory and on disk, and
        so is the identity. Events recorded before a permission are never sent. Needs no terminal.

        Args:
            granted: True turns telemetry on, False turns it off.
            by: Who chose, for `Decision.reason` and the command line. Default: ``"user"``.

        Returns:
            The decision that follows. A permission has no effect where another source denies.
        """
        return self.choose("on" if granted else "off", by=by)

    def choose(self, mode: ConsentMode, *, by: str = "user") -> Decision:
        """Save the user's choice as `consent` does, with a third mode that only prints events.

        Args:
            mode: ``"on"``, ``"off"``, or ``"log"``: from now on events are printed to stderr, and
                no event is sent, pending ones included.
            by: Who chose. Default: ``"user"``.

        Returns:
            The decision that follows.
        """
        state = self._state
        state.consent_manager.choose(mode, by=by)
        with self._lock:
            previous, decision = state.decision, self._decide(state)
        if mode == "off":
            self._discard(state)
            state.delete_data()
        elif mode == "log" or (previous is not None and previous.log):
            self._discard(state)  # printing and sending have different pipelines
        return decision

    def show_notice(self, *, quiet: bool = False) -> bool:
        """Show the setting `notice` on stderr, if it is due.

        Call it after the program has parsed its arguments. The run that shows the notice records
        nothing; ``enabled=True`` takes effect from the next run on. The notice is shown on a
        terminal only, and never in continuous integration.

        Two lines follow the notice: where events are sent, and how to turn telemetry off. The
        second one is left out if the notice names a variable that turns telemetry off
        (``<APP>_TELEMETRY``, ``OTEL_TELEMETRY``, ``DO_NOT_TRACK``) or a command that does
        (``<app> telemetry off``, ``otel-telemetry``), in upper or lower case.

        Args:
            quiet: True if this run must not print; the notice stays due. Default: False.

        Returns:
            True if the notice was shown now.
        """
        return not quiet and self._state.consent_manager.show_notice(sys.stderr)

    def ask(self, question: str | None = None, *, quiet: bool = False) -> bool:
        """Ask the user for permission, unless another source has decided, and save the answer.

        The question is asked on stderr, on a terminal only, and never in continuous integration. In
        a notebook, a line on stderr says how to answer by `consent` instead. Every answer but "y"
        and "yes" is a no. It is asked again if the user agreed to an earlier `consent_version`.
        Blocks until the user answers.

        Args:
            question: The question, without "[y/N]"; None asks whether the application may send
                usage events to the host of its endpoint.
            quiet: True if this run must not ask. Default: False.

        Returns:
            True if telemetry is on now.
        """
        state = self._state
        if not quiet:
            state.consent_manager.ask(question, sys.stdin, sys.stderr)
        with self._lock:
            return self._decide(state).enabled

    def pseudonym(self, kind: str, value: str) -> str:
        """Return a pseudonym for *value*, such as a user or a project, that does not reveal it.

        It is an HMAC with a salt that never leaves this machine and is replaced every 90 days.
        While telemetry is off the salt is not saved, and the pseudonym holds for this process.

        Args:
            kind: What *value* is; the same value of another kind has another pseudonym.
            value: A name, an e-mail address, a URL.

        Returns:
            32 hexadecimal digits.
        """
        with self._lock:  # a refusal in another thread must not leave a saved identity behind
            is_on = not self.is_disabled
            return self._state.consent_manager.identity(save=is_on).pseudonym(kind, value)

    def session(self, session_id: str | None = None) -> AbstractContextManager[str]:
        """Add one `session.id` to every event of a block, and of the tasks that it starts.

        Args:
            session_id: The id; None makes a new one of 128 random bits.

        Returns:
            A context manager that yields the id.
        """
        from otel_telemetry.mapping.mapper import session  # noqa: PLC0415 - few programs use it

        return session(self._config.name, session_id)

    async def aflush(self, timeout: float | None = None) -> bool:
        """Do as `flush` without blocking the event loop."""
        return await _in_thread(self.flush, timeout)

    async def adestroy(self, timeout: float | None = None) -> bool:
        """Do as `destroy` without blocking the event loop."""
        return await _in_thread(self.destroy, timeout)

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

    @contextmanager
    def _override_state(self, state: TelemetryState) -> Iterator[None]:
        """Use *state* within a block instead of the instance's own, which stays as it is.

        `testing.capture` alone calls it. Blocks may be nested and may overlap: the latest that has
        not ended counts. They may end in a forked child as well.
        """
        with self._lock:
            self._states.append(state)
            self._use_latest_state()
        try:
            yield
        finally:
            with self._lock:
                self._states.remove(state)
                self._use_latest_state()

    def _use_latest_state(self) -> None:
        self._state = self._states[-1]
        self._off = self._state.off
        self._update_exit_hook()

    def _update_exit_hook(self) -> None:
        """Have `destroy` run at the interpreter's exit while the instance's own pipeline lives.

        Called only on a change: `atexit` never frees the slot of an unregistered function.
        """
        own = self._states[0]
        is_needed = own.pipeline is not None and not own.destroyed
        if is_needed is not self._has_exit_hook:
            self._has_exit_hook = is_needed
            (atexit.register if is_needed else atexit.unregister)(self.destroy)

    def _decide(self, state: TelemetryState) -> Decision:
        decision = state.decide()
        self._off = self._state.off
        return decision

    def _bootstrap(self) -> AnyPipeline | None:
        """Return the pipeline; None if telemetry is off or destroyed, or the set-up fails."""
        with self._lock:
            self.register()
            state = self._state
            if state.off or state.destroyed or state.failed or state.pipeline is not None:
                return state.pipeline
            try:
                state.pipeline = state.make_pipeline(lambda: self._is_granted(state))
            except Exception as error:
                # Not tried again: a failed import would cost every later event its time.
                state.failed = True
                quiet_log.warning("telemetry could not be set up: %s", error)
                return None
            self._update_exit_hook()
            return state.pipeline

    def _is_granted(self, state: TelemetryState) -> bool:
        """Tell whether events may still be sent; if not, end telemetry.

        Another process may have saved a refusal.
        """
        if state.consent_manager.is_granted():
            return True
        with self._lock:
            self._decide(state)
        self._discard(state)
        if state.consent_manager.is_refused():
            state.delete_data()  # again: this process may have recorded after the refusal
        return False

    def _discard(self, state: TelemetryState) -> None:
        """End the delivery; pending events are deleted and not sent."""
        with self._lock:
            pipeline, state.pipeline = state.pipeline, None
            self._update_exit_hook()
        if pipeline is not None:
            pipeline.sink.discard(DropReason.CONSENT_WITHDRAWN)

    def _drop(self, state: TelemetryState) -> Receipt:
        """Count an event that no pipeline takes."""
        if state.off:
            return DISABLED
        reason = DropReason.DESTROYED if state.destroyed else DropReason.INTERNAL
        state.counters.drop(reason)
        return dropped(reason)

    def _drop_invalid(self, state: TelemetryState, error: InvalidEventError) -> Receipt:
        state.counters.drop(DropReason.INVALID)
        if self._config.strict:
            raise error
        quiet_log.warning("an event was dropped: %s", error)
        return dropped(DropReason.INVALID)

    def _after_fork(self) -> None:
        """Begin with a free lock and zero counts in a forked child."""
        self._lock = threading.RLock()
        for state in self._states:
            state.after_fork()


async def _in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    import asyncio  # noqa: PLC0415 - only asyncio programs need it, and they have it

    return await asyncio.to_thread(function, *args, **kwargs)


def create_telemetry_instance(app: str | App, **settings: Unpack[TelemetrySettings]) -> Telemetry:
    """Return a `Telemetry` for *app*; the same as calling the class.

    Args:
        app: The application's name, or an object with a `name` (str) and, optionally, a `version`
            (str).
        **settings: The fields of `TelemetryConfig`.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """
    return Telemetry(app, **settings)
