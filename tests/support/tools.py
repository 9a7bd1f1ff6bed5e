"""Command-line tools with detached delivery, run as their users run them, and what they start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.processes import plain_environment
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TOOL: Final = """\
import json, os, signal, sys
from otel_telemetry import Telemetry
telemetry = Telemetry("acme", enabled=True, delivery="detached", **json.loads(sys.argv[1]))
def send(number):
    receipt = telemetry.send("didRun", event_properties={"number": str(number)})
    assert receipt.outcome.name == "SPOOLED", receipt
"""
_LONGEST: Final = 20.0  # seconds for an uploader, which ends by itself within 17


@dataclass
class Tool:
    """A tool, its home, and what it has started.

    Attributes:
        home: The directory of its user.
        file: The program.
    """

    home: Path
    file: Path
    settings: dict[str, object] = field(default_factory=dict)

    def write(self, program: str) -> None:
        """Make the tool do *program*; `send` sends an event with a number."""
        self.file.write_text(_TOOL + program)

    def start(
        self, python: Sequence[str] = (sys.executable,), *, cwd: Path | None = None, **env: str
    ) -> subprocess.Popen[str]:
        """Start a run."""
        import json  # noqa: PLC0415 - small

        return subprocess.Popen(
            [*python, str(self.file), json.dumps(self.settings)],
            env={**plain_environment(HOME=str(self.home)), **env},
            cwd=cwd or self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(
        self, python: Sequence[str] = (sys.executable,), *, cwd: Path | None = None, **env: str
    ) -> tuple[int, str]:
        """Run it to its end; return its status and its output."""
        with self.start(python, cwd=cwd, **env) as process:
            output, _ = process.communicate(timeout=30)
        return process.returncode, output

    @property
    def directory(self) -> Path:
        """Its one spool directory."""
        (found,) = (self.home / ".local/state/acme/telemetry/spool").iterdir()
        return found

    def uploaders(self) -> set[int]:
        """Return the ids of the processes that deliver for it now."""
        mark = f"{self.home}/.local/state".encode()
        found = set()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if (
                    mark in path.read_bytes()
                    and b"otel_telemetry.detached.uploader" in path.read_bytes()
                ):
                    found.add(int(path.parent.name))
        return found

    def wait_for_silence(self) -> None:
        """Wait until nobody delivers any more."""
        wait_until(lambda: not self.uploaders(), within=_LONGEST, what="the uploader's end")


@contextmanager
def tool(home: Path, **settings: object) -> Iterator[Tool]:
    """Yield a tool that sends one event; whatever it has started must end by itself."""
    home.mkdir()
    (home / "bin").mkdir()
    made = Tool(home, home / "bin" / "tool.py", settings)
    made.write("send(os.getpid())\n")
    try:
        yield made
        made.wait_for_silence()
    finally:
        for pid in made.uploaders():
            os.kill(pid, signal.SIGKILL)


def own_root() -> str:
    """Return where the package is imported from."""
    import otel_telemetry  # noqa: PLC0415 - small

    return str(Path(otel_telemetry.__file__).parents[1])
