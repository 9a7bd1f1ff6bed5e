"""Runs a program with the audit hook."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_telemetry.testing.conformance.audit_hook.sitecustomize import AUDIT_LOG, FAULTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_AUDIT_HOOK = os.path.join(os.path.dirname(__file__), "audit_hook")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffect:
    """A side effect of this package in a process, or a message of the audit hook.

    Attributes:
        process: The id of the process.
        kind: ``"file"``, ``"socket"``, ``"process"``, ``"thread"`` or ``"import"``; of a message
            ``"installed"``, ``"forked"`` or ``"fault"``.
        description: What happened.
        stack: The stack, innermost frame first; empty for a message.
    """

    process: int
    kind: str
    description: str
    stack: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The result of one run of a program.

    Attributes:
        status: The exit status; None if the run reached its timeout and was killed.
        stdout: The standard output.
        stderr: The standard error.
        seconds: The duration.
        audit_log: The entries of the audit hook.
    """

    status: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    audit_log: tuple[SideEffect, ...]

    @property
    def has_audit_hook(self) -> bool:
        """Whether the audit hook was installed."""
        return any(entry.kind == "installed" for entry in self.audit_log)

    @property
    def side_effects(self) -> tuple[SideEffect, ...]:
        """The side effects of this package."""
        return tuple(entry for entry in self.audit_log if entry.stack)

    def messages(self, kind: str) -> tuple[str, ...]:
        """Return the messages of one kind."""
        return tuple(entry.description for entry in self.audit_log if entry.kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command, and how to run it.

    Attributes:
        command: The command.
        cwd: The working directory; None for the current one.
        stdin: The standard input.
        timeout: Seconds until a run is killed.
    """

    command: tuple[str, ...]
    cwd: str | None
    stdin: bytes
    timeout: float

    def run(self, environ: Mapping[str, str], faults: Sequence[str] = ()) -> Run:
        """Run the command to its end, then kill the rest of its process group."""
        path = [_AUDIT_HOOK, *filter(None, [environ.get("PYTHONPATH")])]
        with tempfile.TemporaryDirectory() as directory:
            audit_log = os.path.join(directory, "audit_log")
            with open(audit_log, "wb"):
                pass
            environ_with_hook = {
                **environ,
                "PYTHONPATH": os.pathsep.join(path),
                AUDIT_LOG: audit_log,
                FAULTS: " ".join(faults),
            }
            begin = time.monotonic()
            process = subprocess.Popen(  # noqa: S603 - running the caller's command is the task
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ_with_hook,
                cwd=self.cwd,
                start_new_session=True,
            )
            try:
                output, errors = process.communicate(self.stdin, self.timeout)
                status: int | None = process.returncode
            except subprocess.TimeoutExpired:
                _kill(process)
                output, errors = process.communicate()
                status = None
            finally:
                seconds = time.monotonic() - begin
                _kill(process)
            with open(audit_log, encoding="ascii") as lines:
                entries = tuple(map(_parse_line, lines))
        return Run(status=status, stdout=output, stderr=errors, seconds=seconds, audit_log=entries)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:  # the group has no process any more
            return


def _parse_line(line: str) -> SideEffect:
    process, kind, description, stack = ast.literal_eval(line)
    return SideEffect(process=process, kind=kind, description=description, stack=tuple(stack))
