"""A program, run under watch."""

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

from otel_telemetry.testing.conformance.audit_hook.sitecustomize import FAULTS, JOURNAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_AUDIT_HOOK = os.path.join(os.path.dirname(__file__), "audit_hook")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffect:
    """What this package did in a process, or what the watcher has to say.

    Attributes:
        process: The process's id.
        kind: ``"file"``, ``"socket"``, ``"process"``, ``"thread"`` or ``"import"``; or
            ``"watching"``, ``"forked"`` or ``"fault"``, from the watcher.
        what: The act.
        stack: The stack, innermost first.
    """

    process: int
    kind: str
    what: str
    stack: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a program ran.

    Attributes:
        status: Its exit status; None if it did not end in time, and was killed.
        stdout: What it wrote there.
        stderr: The same.
        seconds: How long it ran.
        journal: What the watcher saw.
    """

    status: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    journal: tuple[SideEffect, ...]

    @property
    def is_watched(self) -> bool:
        """Whether the watcher was there at all."""
        return any(act.kind == "watching" for act in self.journal)

    @property
    def acts(self) -> tuple[SideEffect, ...]:
        """What this package did."""
        return tuple(act for act in self.journal if act.stack)

    def noted(self, kind: str) -> tuple[str, ...]:
        """Return what the watcher has to say of a kind."""
        return tuple(act.what for act in self.journal if act.kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is to be run, and how long at most.

    Attributes:
        command: The command.
        cwd: The directory to run it in; None for this one.
        stdin: What it reads.
        timeout: Seconds until it is killed.
    """

    command: tuple[str, ...]
    cwd: str | None
    stdin: bytes
    timeout: float

    def run(self, environ: Mapping[str, str], faults: Sequence[str] = ()) -> Run:
        """Run it to its end, and kill what it leaves in its process group."""
        path = [_AUDIT_HOOK, *filter(None, [environ.get("PYTHONPATH")])]
        with tempfile.TemporaryDirectory() as directory:
            journal = os.path.join(directory, "journal")
            with open(journal, "wb"):
                pass
            watched = {
                **environ,
                "PYTHONPATH": os.pathsep.join(path),
                JOURNAL: journal,
                FAULTS: " ".join(faults),
            }
            begin = time.monotonic()
            process = subprocess.Popen(  # noqa: S603 - running the caller's command is the task
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=watched,
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
            with open(journal, encoding="ascii") as lines:
                acts = tuple(map(_act, lines))
        return Run(status=status, stdout=output, stderr=errors, seconds=seconds, journal=acts)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:  # there is nobody left
            return


def _act(line: str) -> SideEffect:
    process, kind, what, stack = ast.literal_eval(line)
    return SideEffect(process=process, kind=kind, what=what, stack=tuple(stack))
