"""What `import` costs a plain command-line program."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import systems
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

PLAIN = "import argparse, dataclasses, json, logging, pathlib\n"
SEND_WHEN_OFF = 'Telemetry("x").send("started", event_properties={"verbose": True})\n'
LIST_MODULES = (
    "import json, sys\n"
    "names = {name.partition('.')[0] for name in sys.modules}\n"
    "print(json.dumps(sorted(names - set(sys.stdlib_module_names))))\n"
)
RUNS = 9


def _run(code: str) -> tuple[float, float]:
    """Run a program in a fresh interpreter; return its wall and CPU time in ms."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode} of {code!r}")
    return wall * 1_000, (usage.ru_utime + usage.ru_stime) * 1_000


def _foreign_modules(import_line: str) -> set[str]:
    """Name the packages an import brings in, beyond those that every start brings in."""

    def names(code: str) -> set[str]:
        command = [sys.executable, "-c", code + LIST_MODULES]
        return set(json.loads(subprocess.check_output(command)))

    return names(PLAIN + import_line) - names(PLAIN)


def _measure(context: Context) -> Measurement:
    import_line = context.described().import_line + "\n"
    programs = {"plain": PLAIN, "import": PLAIN + import_line}
    if context.system == "ours":
        programs["off"] = PLAIN + import_line + SEND_WHEN_OFF
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for attempt in range(1 + context.scaled(RUNS)):
        for name, code in programs.items():
            taken = _run(code)
            if attempt:  # the first only fills the caches
                runs[name].append(taken)
    middle = {
        name: tuple(statistics.median(column) for column in zip(*taken, strict=True))
        for name, taken in runs.items()
    }
    plain = middle["plain"]
    foreign = _foreign_modules(import_line) - {"otel_telemetry"}
    figures = {
        "plain": plain[0],
        "plain_cpu": plain[1],
        "wall": middle["import"][0] - plain[0],
        "cpu": middle["import"][1] - plain[1],
        "foreign": float(len(foreign)),
    }
    notes: tuple[str, ...] = ()
    if "off" in middle:
        figures["off_wall"] = middle["off"][0] - plain[0]
        figures["off_cpu"] = middle["off"][1] - plain[1]
        names = ", ".join(sorted(foreign)) or "none"
        notes = (
            f"Packages outside the standard library that `{import_line.strip()}` loads: {names}.",
        )
    return Measurement(figures=figures, notes=notes)


CASE = Case(
    name="imports",
    title="Import",
    about=(
        "Time that importing the client adds to a program that imports argparse, dataclasses, "
        "json, logging and pathlib (whose own run comes first), in fresh interpreters; "
        "and with one event sent while telemetry is off."
    ),
    systems=tuple(name for name in systems.ALL if name != "ours-spool"),
    columns=(
        Column(key="plain", title="plain program, wall", unit="ms", ratio=False),
        Column(key="plain_cpu", title="plain program, CPU", unit="ms", ratio=False),
        Column(key="wall", title="+ import, wall", unit="ms"),
        Column(key="cpu", title="+ import, CPU", unit="ms"),
        Column(key="off_wall", title="+ one send, off, wall", unit="ms", ratio=False),
        Column(key="off_cpu", title="+ one send, off, CPU", unit="ms", ratio=False),
        Column(key="foreign", title="foreign packages", unit="", ratio=False),
    ),
    measure=_measure,
    budgets=(
        # Of CPU, not wall time: alike on an idle machine, and only the first lasts on a busy one.
        Budget(column="cpu", limit=10),
        Budget(column="off_cpu", limit=10),
        # The same on slower machines: where those 10 ms come from, the plain program takes 20.
        Budget(column="cpu", limit=0.5, against="", against_column="plain_cpu"),
        Budget(column="foreign", limit=0),
    ),
    rounds=3,
)
