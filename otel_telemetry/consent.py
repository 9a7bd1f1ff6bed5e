"""May it leave? What the application asks, and what its user says."""

from __future__ import annotations

import os
import sys
import threading
from abc import ABC, abstractmethod

from otel_telemetry.files import places
from otel_telemetry.session import session
from otel_telemetry.trust.standing import Standing

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from otel_telemetry.config import TelemetryConfig
    from otel_telemetry.trust.choice import Mode
    from otel_telemetry.trust.decision import Decision


class Consenting(ABC):
    """The part of `Telemetry` that knows whether it is on, and why. Thread-safe.

    Args:
        config: The settings.
        environ: The environment.
    """

    def __init__(self, config: TelemetryConfig, environ: Mapping[str, str]) -> None:
        self._config = config
        self._standing = Standing(config, environ)
        self._decision: Decision | None = None
        # The one thing that `send` looks at while telemetry is off.
        self._off = False
        self._lock = threading.RLock()

    @property
    def decision(self) -> Decision:
        """Whether telemetry is on, and who decided; registers if nobody did."""
        self.register()
        return self._decision or self._standing.decide()

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
        self._standing.choose(mode, by=by)
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
        return not quiet and self._standing.show_notice(sys.stderr)

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
            self._standing.ask(question, sys.stdin, sys.stderr)
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
            return self._standing.identity(kept=not self.is_disabled).pseudonym(kind, value)

    def session(self, session_id: str | None = None) -> AbstractContextManager[str]:
        """Have the events of a block, and of what it starts, share a `session.id`.

        Args:
            session_id: The id; None for a new one of 128 random bits.
        """
        return session(self._config.name, session_id)

    def _is_still_permitted(self) -> bool:
        """Tell whether events may still leave; if not, somebody else has said so: end telemetry."""
        if self._standing.is_still_permitted():
            return True
        with self._lock:
            self._decide()
        self._withdraw()
        if self._standing.is_refused():
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
        base = places.spool(self._config.spool, self._config.name, self._standing.state)
        if base is not None and os.path.isdir(base) and self._standing.is_refused():
            self._erase()

    def _erase(self) -> None:
        """Delete what a permission has left behind."""
        self._purge()
        self._standing.forget_identity()

    @abstractmethod
    def _withdraw(self) -> None:
        """End what is running, and send nothing of what is not delivered yet."""

    @abstractmethod
    def _purge(self) -> None:
        """Delete what waits on disk, whichever process left it."""

    def _decide(self) -> Decision:
        decision = self._decision = self._standing.decide()
        self._off = not (decision.enabled or decision.log)
        return decision
