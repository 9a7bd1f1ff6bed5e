"""Programs under watch, and code in them that passes for the library's own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from otel_telemetry.testing.conformance.runs import Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from otel_telemetry.testing.conformance import Report
    from otel_telemetry.testing.conformance.runs import Run

_AS = """
def run_as(module, code, **names):
    "Run code as if it stood in a module of this name."
    exec(compile(code, module + ".py", "exec"), {"__name__": module, **names})

"""
OURS = "otel_telemetry.misplaced"
FAST = ("backend_refuses_connections",)
# Whoever measures coverage writes files at the end, which on a full disk is an error of its own.
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}

_GOOD = """
import json, sys
from otel_telemetry import Telemetry
telemetry = Telemetry("acme-cms", endpoint="https://telemetry.acme.example", {settings})
receipt = telemetry.send("didBuild", event_properties={{"pages": 3}})
print(json.dumps({{"built": 3, "input": sys.stdin.read()}}))
print("a warning", file=sys.stderr)
{more}
sys.exit(3)
"""


def run_as(code: str, module: str = OURS) -> str:
    """Return a program that runs *code* as if it stood in *module*."""
    return f"{_AS}run_as({module!r}, {code!r})\n"


def script(path: Path, code: str) -> list[str]:
    """Return the command that runs *code* from a file in *path*."""
    file = path / "program.py"
    file.write_text(_AS + code)
    return [sys.executable, str(file)]


def watch(
    code: str,
    *options: str,
    environ: Mapping[str, str] | None = None,
    faults: Sequence[str] = (),
    cwd: Path | None = None,
    timeout: float = 20,
) -> Run:
    """Run *code* under watch."""
    program = Program(
        command=(sys.executable, *options, "-c", code),
        cwd=None if cwd is None else str(cwd),
        stdin=b"",
        timeout=timeout,
    )
    return program.run({**os.environ, **(environ or {})}, faults)


def kinds(run: Run) -> set[str]:
    """Return the kinds of what the library did in a run that went well."""
    assert run.is_watched
    assert run.status == 0, run.stderr.decode()
    return {act.kind for act in run.acts}


def program(path: Path, more: str = "", settings: str = "") -> list[str]:
    """Return the command of a program that sends an event, and then does *more*."""
    return script(path, _GOOD.format(more=more, settings=settings))


def found(report: Report) -> dict[str, str]:
    """Return what was found, by scenario."""
    return {finding.scenario: finding.what for finding in report.findings}
