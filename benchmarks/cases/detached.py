"""What one event costs a command-line program whose events another process delivers."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.network import black_hole, dead_endpoint
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

PLAIN = "import argparse, dataclasses, json, logging, pathlib\n"
OFF = PLAIN + (
    "from otel_telemetry import Telemetry\n"
    'Telemetry("bench").send("started", event_properties={{"verbose": True}})\n'
)
IMPORT = PLAIN + "from otel_telemetry import Telemetry\n"
OURS = PLAIN + (
    "from otel_telemetry import Telemetry\n"
    'telemetry = Telemetry("bench", version="1", enabled=True, endpoint="{endpoint}",\n'
    '                      delivery="detached", detached_interval={interval})\n'
    'telemetry.send("started", event_properties={{"verbose": True}})\n'
)
STOCK = PLAIN + (
    "from opentelemetry._logs import LogRecord, SeverityNumber\n"
    "from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter\n"
    "from opentelemetry.sdk._logs import LoggerProvider\n"
    "from opentelemetry.sdk._logs.export import BatchLogRecordProcessor\n"
    "provider = LoggerProvider()\n"
    'exporter = OTLPLogExporter(endpoint="{endpoint}/v1/logs")\n'
    "provider.add_log_record_processor(BatchLogRecordProcessor(exporter))\n"
    'provider.get_logger("bench").emit(LogRecord(event_name="started", body="started",\n'
    '    severity_number=SeverityNumber.INFO, attributes={{"verbose": True}}))\n'
)
RUNS = 31
STOCK_RUNS = 5
# With a backend that does not answer, one run takes up to ten seconds, and they are all alike.
STOCK_PATIENCE = 1
INTERVAL = 3600
QUIET = 5.0


def _run(code: str, home: str) -> tuple[float, float]:
    """Run a program in a fresh interpreter; return its wall and CPU time in ms."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": home, "XDG_STATE_HOME": home},
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode} of {code!r}")
    return wall * 1_000, (usage.ru_utime + usage.ru_stime) * 1_000


def _settle(home: str) -> None:
    """Let whoever delivers come to an end: it is not what is measured."""
    until = time.monotonic() + QUIET
    while any(Path(home).rglob("*.seg")) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)


def _measure(context: Context) -> Measurement:
    with black_hole() as hole:
        places = {"live": context.endpoint, "dead": dead_endpoint(), "hole": hole}
        if context.system == "ours":
            figures = _measure_ours(context, places)
        else:
            figures = _measure_stock(context, places)
    return Measurement(figures=figures)


def _measure_ours(context: Context, places: dict[str, str]) -> dict[str, float]:
    programs = {"plain": PLAIN, "import": IMPORT, "off": OFF.format()} | {
        place: OURS.format(endpoint=endpoint, interval=INTERVAL)
        for place, endpoint in places.items()
    }
    starting = OURS.format(endpoint=places["live"], interval=0)
    programs["start"] = starting
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for attempt in range(1 + context.scaled(RUNS)):
        for name, code in programs.items():
            # A home for each: what one leaves is not to be another's to deliver.
            home = str(Path(context.state, name))
            taken = _run(code, home)
            if attempt:  # the first fills the caches, and starts the one uploader of the hour
                runs[name].append(taken)
            if name == "start" or not attempt:
                _settle(home)
    wall, cpu = _middle(runs)
    figures = {"plain": wall["plain"]}
    for name in programs.keys() - {"plain"}:
        figures[name] = wall[name] - wall["plain"]
        figures[f"{name}_cpu"] = cpu[name] - cpu["plain"]
    figures["off_over_import_cpu"] = cpu["off"] - cpu["import"]
    return figures


def _middle(
    runs: dict[str, list[tuple[float, float]]],
) -> tuple[dict[str, float], dict[str, float]]:
    wall = {name: statistics.median(taken for taken, _ in found) for name, found in runs.items()}
    cpu = {name: statistics.median(taken for _, taken in found) for name, found in runs.items()}
    return wall, cpu


def _measure_stock(context: Context, places: dict[str, str]) -> dict[str, float]:
    programs = {"plain": PLAIN} | {
        place: STOCK.format(endpoint=endpoint) for place, endpoint in places.items()
    }
    runs = {
        name: [
            _run(code, context.state)
            for _ in range(STOCK_PATIENCE if name in {"dead", "hole"} else STOCK_RUNS)
        ]
        for name, code in programs.items()
    }
    wall, cpu = _middle(runs)
    figures = {name: wall[name] - wall["plain"] for name in places}
    return {**figures, "plain": wall["plain"], "live_cpu": cpu["live"] - cpu["plain"]}


CASE = Case(
    name="detached",
    title="One event of a command-line program",
    about=(
        "Wall time that one event adds to the whole run of a program that imports argparse, "
        "dataclasses, json, logging and pathlib, its end included: with a backend that answers, "
        "one that refuses connections, and one that never answers. Ours is delivered by another "
        "process; the last column is for the run, once an hour, that starts it."
    ),
    systems=("ours", "stock"),
    columns=(
        Column(key="plain", title="plain program", unit="ms", ratio=False),
        Column(key="live", title="+ an event", unit="ms"),
        Column(key="live_cpu", title="CPU of it", unit="ms"),
        Column(key="dead", title="+ an event, refused", unit="ms"),
        Column(key="dead_cpu", title="CPU of it", unit="ms", ratio=False),
        Column(key="hole", title="+ an event, black hole", unit="ms"),
        Column(key="hole_cpu", title="CPU of it", unit="ms", ratio=False),
        Column(key="start", title="+ an event, starting the uploader", unit="ms", ratio=False),
        Column(key="start_cpu", title="CPU of it", unit="ms", ratio=False),
        Column(key="off_cpu", title="+ an event, off, CPU", unit="ms", ratio=False),
        Column(key="off_over_import_cpu", title="over the import", unit="ms", ratio=False),
    ),
    measure=_measure,
    budgets=(
        # Of CPU, as that of the imports: there is nothing that a run waits for but the disk.
        *(Budget(column=f"{name}_cpu", limit=15) for name in ("live", "dead", "hole", "start")),
        Budget(column="off_over_import_cpu", limit=2),
    ),
    rounds=3,
)
