"""The consent on this machine: its record, its policy, the identity, the notice and the prompt."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import replace
from urllib.parse import urlsplit

from otel_telemetry._internal import atomic_file, paths, private_directory
from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.config.environment import variable_prefix
from otel_telemetry.consent.decision import (
    Decision,
    DecisionInputs,
    decide,
    is_ci,
    is_denied_without_files,
)
from otel_telemetry.consent.files import (
    ConsentRecord,
    Policy,
    read_consent_record,
    read_policy,
    write_consent_record,
)

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.consent.files import ConsentMode
    from otel_telemetry.consent.identity import Identity

    class Terminal(Protocol):
        """The part of a text stream that the notice and the prompt use."""

        def isatty(self) -> bool:
            """Return True if the stream is a terminal."""

        def write(self, text: str, /) -> object:
            """Write *text*."""

        def readline(self) -> str:
            """Return a line, or an empty string at the end of the input."""

        def flush(self) -> object:
            """Write what is buffered."""


_NOTICE_FILE = "notice.json"
_YES = frozenset({"y", "yes"})


class ConsentManager:
    """Reads policy, consent record and environment, and saves the user's choice. Thread-safe.

    Its methods raise nothing.

    Args:
        config: The settings.
        environ: The environment.
        now: Wall clock, in seconds since the epoch.

    Attributes:
        record_file: The path of the consent record; None if there is no home directory.
        state: The directory of identity and spool; None if there is no home directory.
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
        self.record_file = paths.consent_file(config.name, environ)
        self.state = paths.state_directory(config.name, environ)
        self._policy_files = paths.policy_files(config.name, environ)
        self._unsaved_record: ConsentRecord | None = None
        self._identity: Identity | None = None
        self._is_identity_saved = False
        self._is_notice_due_at_start: bool | None = None
        self._granted: tuple[object, bool] | None = None  # signatures of the files, and the result

    def decide(self) -> Decision:
        """Return the decision that follows from every source as it is now."""
        inputs = self._decision_inputs()
        if not is_denied_without_files(inputs):
            # Read only now: a denial by the environment must not cost the reading of files.
            inputs = self._decision_inputs(
                policy=read_policy(self._policy_files),
                record=self.record(),
                is_notice_due=self._config.notice is not None and self._is_notice_due(),
            )
        return decide(inputs)

    def is_granted(self) -> bool:
        """Tell whether events may be sent now; cheap enough for every request."""
        files = (self.record_file, *self._policy_files)
        signatures = [path and _signature(path) for path in files]
        if self._granted is None or self._granted[0] != signatures:
            self._granted = (signatures, self.decide().enabled)
        return self._granted[1]

    def is_refused(self) -> bool:
        """Tell whether the user has turned telemetry off."""
        record = self.record()
        return isinstance(record, ConsentRecord) and record.mode == "off"

    def granted_at(self) -> float:
        """Return when the user agreed, in seconds since the epoch; 0 without an agreement."""
        record = self.record()
        return record.at if isinstance(record, ConsentRecord) and record.mode == "on" else 0.0

    def record(self) -> ConsentRecord | Unreadable | None:
        """Return the consent record; one that could not be saved holds in this process."""
        saved = None if self.record_file is None else read_consent_record(self.record_file)
        unsaved = self._unsaved_record
        if unsaved is None or (unsaved.mode == "on" and isinstance(saved, Unreadable)):
            return saved
        return unsaved

    def choose(self, mode: ConsentMode, *, by: str) -> bool:
        """Save the user's choice; False if it cannot be saved and holds in this process only."""
        self._unsaved_record = record = ConsentRecord(
            mode=mode, version=self._config.consent_version, at=self._now(), by=by
        )
        self._granted = None
        if self.record_file is None:
            quiet_log.warning("the choice could not be saved: there is no home directory")
            return False
        try:
            write_consent_record(self.record_file, record)
        except OSError as error:
            quiet_log.warning("the choice could not be saved: %s", error.strerror)
            return False
        self._unsaved_record = None
        return True

    def identity(self, *, save: bool) -> Identity:
        """Return the identity of this installation; make one if there is none.

        Args:
            save: True to save it for later runs, which only a permission allows.
        """
        from otel_telemetry.consent import identity  # noqa: PLC0415 - a program that is off needs none

        if self._identity is None or (save and not self._is_identity_saved):
            is_ci_run = is_ci(self._environ)
            loaded = identity.load_identity(
                self.state if save and not is_ci_run else None, self._now
            )
            if is_ci_run:
                loaded = replace(loaded, installation_id=identity.CI_INSTALLATION)
            self._identity, self._is_identity_saved = loaded, save
        return self._identity

    def saved_identity(self) -> Identity | None:
        """Return the identity that is saved for later runs, if there is one. Makes none."""
        from otel_telemetry.consent import identity  # noqa: PLC0415 - as above

        return None if self.state is None else identity.read_identity(self.state)

    def delete_identity(self) -> bool:
        """Delete the identity, in memory and on disk; True if one was on disk."""
        from otel_telemetry.consent import identity  # noqa: PLC0415 - as above

        self._identity = None
        return self.state is not None and identity.delete_identity(self.state)

    def show_notice(self, stream: Terminal | None) -> bool:
        """Show the notice on *stream*, if it is due and the stream is a terminal.

        The last line, how to turn telemetry off, is left out if the application's notice names one
        of the variables that turn it off, ``<app> telemetry off`` or ``otel-telemetry``.

        Returns:
            True if the notice was shown.
        """
        notice = self._config.notice
        if notice is None or is_ci(self._environ) or self.decide().source != "notice":
            return False
        lines = [notice, f"Events are sent to {self._host()}. Nothing is recorded in this run."]
        switch = f"{variable_prefix(self._config.name)}_TELEMETRY"
        command = f"{self._config.name} telemetry off"
        hints = (switch, "OTEL_TELEMETRY", "DO_NOT_TRACK", command, "otel-telemetry")
        if not any(hint.casefold() in notice.casefold() for hint in hints):
            lines.append(f"To turn telemetry off, set {switch}=off or DO_NOT_TRACK=1.")
        is_shown = write_text("".join(f"{line}\n" for line in lines), stream)
        if is_shown:
            mark_notice_seen(self.state, self._config.consent_version)
        return is_shown

    def ask(self, question: str | None, stdin: Terminal | None, stream: Terminal | None) -> None:
        """Ask for permission and save the answer, unless another source has decided."""
        record = self.record()
        has_lapsed = (
            isinstance(record, ConsentRecord)
            and record.mode == "on"
            and record.version < self._config.consent_version
        )
        inputs = self._decision_inputs()
        if (
            (record is not None and not has_lapsed)
            or is_ci(self._environ)
            or inputs.switches()
            or is_denied_without_files(inputs)
            or read_policy(self._policy_files) is not None
        ):
            return
        text = question or f"May {self._config.name} send usage events to {self._host()}?"
        answer = ask_yes_no(text, stdin, stream)
        if answer is not None:
            self.choose("on" if answer else "off", by="user")
        elif stream is not None and "ipykernel" in sys.modules:
            # A notebook has a user and no terminal; a False without a word would be a riddle.
            with contextlib.suppress(Exception):
                stream.write(
                    f"{text} A notebook cannot ask: call consent(True) or consent(False).\n"
                )

    def _is_notice_due(self) -> bool:
        # Looked up once: this run must not count a notice that it shows itself.
        if self._is_notice_due_at_start is None:
            is_seen = notice_was_seen(self.state, self._config.consent_version)
            self._is_notice_due_at_start = not is_seen
        return self._is_notice_due_at_start

    def _decision_inputs(
        self,
        policy: Policy | Unreadable | None = None,
        record: ConsentRecord | Unreadable | None = None,
        *,
        is_notice_due: bool = False,
    ) -> DecisionInputs:
        config = self._config
        return DecisionInputs(
            app=config.name,
            enabled=config.enabled,
            environ=self._environ,
            policy=policy,
            record=record,
            consent_version=config.consent_version,
            is_notice_due=is_notice_due,
        )

    def _host(self) -> str:
        return urlsplit(self._config.url).netloc


def notice_was_seen(state: str | None, version: int) -> bool:
    """Tell whether the directory *state* records that the notice of this version was shown."""
    if state is None:
        return False
    content = atomic_file.read_object(os.path.join(state, _NOTICE_FILE))
    if content is None or isinstance(content, Unreadable):
        return False
    seen = content.get("consent_version")
    return type(seen) is int and seen >= version


def mark_notice_seen(state: str | None, version: int) -> None:
    """Record in the directory *state* that the notice of this consent version was shown."""
    if state is not None:
        with contextlib.suppress(OSError):
            private_directory.secure(state)
            content = json.dumps({"consent_version": version}).encode()
            atomic_file.write_file(os.path.join(state, _NOTICE_FILE), content + b"\n")


def ask_yes_no(question: str, stdin: Terminal | None, stream: Terminal | None) -> bool | None:
    """Ask a question whose default is no; None if one of the streams is not a terminal.

    Every answer but "y" and "yes" is a no; so are the end of the input and Ctrl-C.
    """
    if stdin is None or not is_terminal(stdin) or not write_text(f"{question} [y/N] ", stream):
        return None
    try:
        return stdin.readline().strip().lower() in _YES
    except (KeyboardInterrupt, Exception):
        write_text("\n", stream)
        return False


def write_text(text: str, stream: Terminal | None) -> bool:
    """Write *text* to *stream*; True if it is a terminal and the text could be written."""
    if stream is None or not is_terminal(stream):
        return False
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # a closed terminal, or one that cannot encode the text
        return False
    return True


def is_terminal(stream: Terminal | None) -> bool:
    """Tell whether *stream* is an open terminal."""
    try:
        return stream is not None and stream.isatty()
    except Exception:  # a closed stream, or an object of the host
        return False


def _signature(path: str) -> tuple[int, int, int] | None:
    """Return values of which one changes with the file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
