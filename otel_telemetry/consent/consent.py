"""What the user is told and asked: on a terminal, on stderr, and never in the way."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import replace
from urllib.parse import urlsplit

from otel_telemetry._internal import atomic_file, paths, private_directory
from otel_telemetry._internal.atomic_file import Unreadable, read_object
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.config.environment import app_prefix
from otel_telemetry.consent.decision import Decision, Inputs, decide, denied_outright, is_ci
from otel_telemetry.consent.files import (
    ConsentRecord,
    Policy,
    read_consent_record,
    read_policy,
    write_consent_record,
)

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.consent.files import Mode
    from otel_telemetry.consent.identity import Identity

    class Terminal(Protocol):
        """What we need of a stream."""

        def isatty(self) -> bool:
            """Tell whether somebody sits in front of it."""

        def write(self, text: str, /) -> object:
            """Show *text*."""

        def readline(self) -> str:
            """Return a line, or an empty string at the end."""

        def flush(self) -> object:
            """Show it now."""


_FILE = "notice.json"
_YES = frozenset({"y", "yes"})


def is_terminal(stream: Terminal | None) -> bool:
    """Tell whether somebody reads what is written there; a program may have no stream at all."""
    try:
        return stream is not None and stream.isatty()
    except Exception:  # a stream that is closed, or somebody's own
        return False


def write_line(text: str, stream: Terminal | None) -> bool:
    """Write *text* to *stream*; True if it is a terminal and took it."""
    if stream is None or not is_terminal(stream):
        return False
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # a terminal that is gone, or cannot show the text
        return False
    return True


def ask_yes_no(question: str, stdin: Terminal | None, stream: Terminal | None) -> bool | None:
    """Ask a question whose answer is no unless it is yes; None if nobody can be asked.

    The end of the input and Ctrl-C are a no.
    """
    if stdin is None or not is_terminal(stdin) or not write_line(f"{question} [y/N] ", stream):
        return None
    try:
        return stdin.readline().strip().lower() in _YES
    except (KeyboardInterrupt, Exception):
        write_line("\n", stream)
        return False


def notice_was_seen(state: str | None, version: int) -> bool:
    """Tell whether the notice of this consent version was shown, and kept as shown in *state*."""
    said = None if state is None else read_object(os.path.join(state, _FILE))
    if said is None or isinstance(said, Unreadable):
        return False
    seen = said.get("consent_version")
    return type(seen) is int and seen >= version


def mark_notice_seen(state: str | None, version: int) -> None:
    """Keep in *state* that the notice of this consent version was shown."""
    if state is not None:
        with contextlib.suppress(OSError):
            private_directory.secure(state)
            said = json.dumps({"consent_version": version}).encode()
            atomic_file.write_file(os.path.join(state, _FILE), said + b"\n")


class ConsentManager:
    """Reads what policy, user and environment say. Thread-safe; nothing here raises.

    Args:
        config: The settings.
        environ: The environment.
        now: Wall clock, in seconds since the epoch.

    Attributes:
        choice_file: Where the user's choice is kept; None if there is no such place.
        state: The directory of identity and spool; None if there is no such place.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        environ: Mapping[str, str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._environ = environ
        self._now = now
        self.choice_file = paths.consent_file(config.name, environ)
        self.state = paths.state_directory(config.name, environ)
        self._policy_files = paths.policy_files(config.name, environ)
        self._unsaved: ConsentRecord | None = None
        self._identity: Identity | None = None
        self._is_identity_kept = False
        self._notice_due: bool | None = None
        self._last: tuple[object, bool] | None = None

    def decide(self) -> Decision:
        """Return what follows from all that is said now."""
        inputs = self._inputs()
        if not denied_outright(inputs):
            # Read only now: whoever has said no in the environment does not pay for files.
            inputs = self._inputs(
                policy=read_policy(self._policy_files),
                choice=self.choice(),
                is_notice_due=self._config.notice is not None and self._is_notice_due(),
            )
        return decide(inputs)

    def is_still_permitted(self) -> bool:
        """Tell whether events may still leave; cheap enough to be asked before every request."""
        files = (self.choice_file, *self._policy_files)
        signatures = [path and _signature(path) for path in files]
        if self._last is None or self._last[0] != signatures:
            self._last = (signatures, self.decide().enabled)
        return self._last[1]

    def choice(self) -> ConsentRecord | Unreadable | None:
        """Return what the user chose; what they could not save holds in this process."""
        saved = None if self.choice_file is None else read_consent_record(self.choice_file)
        unsaved = self._unsaved
        if unsaved is None or (unsaved.mode == "on" and isinstance(saved, Unreadable)):
            return saved
        return unsaved

    def is_refused(self) -> bool:
        """Tell whether the user has turned telemetry off."""
        choice = self.choice()
        return isinstance(choice, ConsentRecord) and choice.mode == "off"

    def granted_at(self) -> float:
        """Return when the user agreed, in seconds since the epoch; 0 if nobody asked them."""
        choice = self.choice()
        return choice.at if isinstance(choice, ConsentRecord) and choice.mode == "on" else 0.0

    def choose(self, mode: Mode, *, by: str) -> bool:
        """Keep a choice; False if it holds in this process only, for it could not be saved."""
        self._unsaved = made = ConsentRecord(
            mode=mode, version=self._config.consent_version, at=self._now(), by=by
        )
        self._last = None
        if self.choice_file is None:
            quiet_log.warning("the choice could not be saved: there is no home directory")
            return False
        try:
            write_consent_record(self.choice_file, made)
        except OSError as error:
            quiet_log.warning("the choice could not be saved: %s", error.strerror)
            return False
        self._unsaved = None
        return True

    def identity(self, *, kept: bool) -> Identity:
        """Return who speaks.

        Args:
            kept: Whether it may be kept for later runs: only after permission.
        """
        from otel_telemetry.consent import identity  # noqa: PLC0415 - most who are off need none

        if self._identity is None or (kept and not self._is_identity_kept):
            is_ci_run = is_ci(self._environ)
            made = identity.load_identity(self.state if kept and not is_ci_run else None, self._now)
            if is_ci_run:
                made = replace(made, installation_id=identity.CI_INSTALLATION)
            self._identity, self._is_identity_kept = made, kept
        return self._identity

    def kept_identity(self) -> Identity | None:
        """Return who speaks, as it is kept for later runs; None if nothing is. Makes none."""
        from otel_telemetry.consent import identity  # noqa: PLC0415 - see above

        return None if self.state is None else identity.read_identity(self.state)

    def forget_identity(self) -> bool:
        """Delete what was kept of the identity; True if there was anything."""
        from otel_telemetry.consent import identity  # noqa: PLC0415 - see above

        self._identity = None
        return self.state is not None and identity.delete_identity(self.state)

    def show_notice(self, stream: Terminal | None) -> bool:
        """Show the notice, if it is due and somebody reads *stream*; True if it was shown."""
        if is_ci(self._environ) or self.decide().source != "notice":
            return False
        text = (
            f"{self._config.notice}\n"
            f"It goes to {self._host()}. Nothing is recorded in this run.\n"
            f"Turn it off: {app_prefix(self._config.name)}_TELEMETRY=off, or DO_NOT_TRACK=1.\n"
        )
        is_shown = write_line(text, stream)
        if is_shown:
            mark_notice_seen(self.state, self._config.consent_version)
        return is_shown

    def ask(self, question: str | None, stdin: Terminal | None, stream: Terminal | None) -> None:
        """Ask for permission, if nobody has said anything yet, and keep the answer."""
        said = self.choice()
        has_lapsed = (
            isinstance(said, ConsentRecord)
            and said.mode == "on"
            and said.version < self._config.consent_version
        )
        if (
            (said is not None and not has_lapsed)
            or is_ci(self._environ)
            or self._inputs().switches()
            or denied_outright(self._inputs())
            or read_policy(self._policy_files) is not None
        ):
            return
        asked = question or f"May {self._config.name} send usage events to {self._host()}?"
        agreed = ask_yes_no(asked, stdin, stream)
        if agreed is not None:
            self.choose("on" if agreed else "off", by="user")

    def _is_notice_due(self) -> bool:
        # Looked up once: a notice that this run shows is one that it had not shown before.
        if self._notice_due is None:
            seen = notice_was_seen(self.state, self._config.consent_version)
            self._notice_due = not seen
        return self._notice_due

    def _inputs(
        self,
        policy: Policy | Unreadable | None = None,
        choice: ConsentRecord | Unreadable | None = None,
        *,
        is_notice_due: bool = False,
    ) -> Inputs:
        config = self._config
        return Inputs(
            app=config.name,
            enabled=config.enabled,
            environ=self._environ,
            policy=policy,
            choice=choice,
            consent_version=config.consent_version,
            is_notice_due=is_notice_due,
        )

    def _host(self) -> str:
        return urlsplit(self._config.url).netloc


def _signature(path: str) -> tuple[int, int, int] | None:
    """Return what changes when the file does."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
