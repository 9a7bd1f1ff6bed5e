"""Command-line tools with detached delivery, as real processes, and their uploaders."""

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
_LONGEST: Final = 20.0  # seconds; an uploader ends by itself within 17


@dataclass
class Tool:
    """A tool, its home directory, and its uploaders.

    Attributes:
        home: The home directory.
        file: The program.
        settings: The settings of its `Telemetry`.
    """

    home: Path
    file: Path
    settings: dict[str, object] = field(default_factory=dict)

    def write(self, program: str) -> None:
        """Write the program of the tool, in which `send` sends an event with a number."""
        self.file.write_text(_TOOL + program)

    def start(
        self, python: Sequence[str] = (sys.executable,), *, cwd: Path | None = None, **env: str
    ) -> subprocess.Popen[str]:
        """Start the tool."""
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
        """Run the tool to its end; return its status and its output."""
        with self.start(python, cwd=cwd, **env) as process:
            output, _ = process.communicate(timeout=30)
        return process.returncode, output

    @property
    def directory(self) -> Path:
        """The only spool directory of the tool."""
        (directory,) = (self.home / ".local/state/acme/telemetry/spool").iterdir()
        return directory

    def uploaders(self) -> set[int]:
        """Return the ids of the running uploaders."""
        mark = f"{self.home}/.local/state".encode()
        pids = set()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if (
                    mark in path.read_bytes()
                    and b"otel_telemetry.detached.uploader" in path.read_bytes()
                ):
                    pids.add(int(path.parent.name))
        return pids

    def wait_for_uploaders(self) -> None:
        """Wait until no uploader runs."""
        wait_until(lambda: not self.uploaders(), within=_LONGEST, what="the uploader's end")


@contextmanager
def tool(home: Path, **settings: object) -> Iterator[Tool]:
    """Yield a tool that sends one event; its uploaders must end by themselves."""
    home.mkdir()
    (home / "bin").mkdir()
    result = Tool(home, home / "bin" / "tool.py", settings)
    result.write("send(os.getpid())\n")
    try:
        yield result
        result.wait_for_uploaders()
    finally:
        for pid in result.uploaders():
            os.kill(pid, signal.SIGKILL)


def own_root() -> str:
    """Return the directory from which the package is imported."""
    import otel_telemetry  # noqa: PLC0415 - small

    return str(Path(otel_telemetry.__file__).parents[1])
