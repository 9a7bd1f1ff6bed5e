"""Programs with the audit hook, and code in them that seems to be the library's."""

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
    "Run code in a module of this name."
    exec(compile(code, module + ".py", "exec"), {"__name__": module, **names})

"""
OURS = "otel_telemetry.misplaced"
FAST = ("backend_refuses_connections",)
# Coverage measurement writes files at the end, which fails on a full disk.
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
    """Return a program that runs *code* in a module of this name."""
    return f"{_AS}run_as({module!r}, {code!r})\n"


def script(path: Path, code: str) -> list[str]:
    """Return the command that runs *code* from a file in *path*."""
    file = path / "program.py"
    file.write_text(_AS + code)
    return [sys.executable, str(file)]


def run_audited(
    code: str,
    *options: str,
    environ: Mapping[str, str] | None = None,
    faults: Sequence[str] = (),
    cwd: Path | None = None,
    timeout: float = 20,
) -> Run:
    """Run *code* with the audit hook."""
    program = Program(
        command=(sys.executable, *options, "-c", code),
        cwd=None if cwd is None else str(cwd),
        stdin=b"",
        timeout=timeout,
    )
    return program.run({**os.environ, **(environ or {})}, faults)


def kinds(run: Run) -> set[str]:
    """Return the kinds of side effects of a successful run."""
    assert run.has_audit_hook
    assert run.status == 0, run.stderr.decode()
    return {effect.kind for effect in run.side_effects}


def program(path: Path, more: str = "", settings: str = "") -> list[str]:
    """Return the command of a program that sends an event, and then does *more*."""
    return script(path, _GOOD.format(more=more, settings=settings))


def problems_of(report: Report) -> dict[str, str]:
    """Return the problem of each scenario with a finding."""
    return {finding.scenario: finding.problem for finding in report.findings}
