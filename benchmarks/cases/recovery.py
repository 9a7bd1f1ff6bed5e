"""How fast a process delivers what killed ones left behind."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import systems, workload
from benchmarks.cases.kills import LIMIT, Backend, line_of, started
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

EVENTS = 100_000
PROCESSES = 10
RING = 1_000
# 50,000 events per second.
ALLOWED = 20
# Room for all of them, where an application would give the oldest up.
_ROOM = {"OTEL_TELEMETRY_SPOOL_MAX_BYTES": str(1 << 30)}


def victim(system: str, endpoint: str, state: str, count: str) -> None:
    """Leave events behind."""
    connection = systems.find(system).connect(endpoint, state)
    for event in itertools.islice(workload.endless(workload.events(RING)), int(count)):
        connection.send(event)
    os.kill(os.getpid(), signal.SIGKILL)


def successor(system: str, endpoint: str, state: str, elsewhere: str) -> None:
    """Find them, with everything imported and the processor's caches warm."""
    connect = systems.find(system).connect
    warm = connect(elsewhere, str(Path(state, "warm")))
    for event in workload.events(RING):
        warm.send(event)
    warm.flush()
    warm.close()
    spent, begun = time.process_time(), time.monotonic()
    connection = connect(endpoint, state)
    print(begun, flush=True)
    sys.stdin.readline()
    print(time.process_time() - spent, flush=True)
    connection.close()


def _measure(context: Context) -> Measurement:
    os.environ.update(_ROOM)
    backend = Backend(context.described())
    count = context.scaled(EVENTS)
    arguments = (context.system, backend.endpoint, context.state)
    for _ in range(PROCESSES):
        with started(victim, *arguments, str(count // PROCESSES)) as process:
            if process.wait() != -signal.SIGKILL:
                raise RuntimeError(f"exit status {process.returncode}")
    backend.open()
    with started(successor, *arguments, context.endpoint) as process:
        begun = float(line_of(process))
        backend.wait(lambda: backend.events >= count, LIMIT)
        if backend.events != count:
            raise RuntimeError(f"{backend.events} of {count} events arrived")
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        cpu = float(line_of(process))
    wall = backend.last - begun
    return Measurement(
        figures={
            "per_wall": count / wall,
            "per_cpu": count / cpu,
            "wall": wall / count * 1e6,
            "cpu": cpu / count * 1e6,
        }
    )


CASE = Case(
    name="recovery",
    title="Delivering what killed processes left",
    about=(
        f"{EVENTS:,} events in the spool (--quick: a fifth), left by {PROCESSES} processes that "
        "were killed: from the set-up of another, with everything imported, until the last of them "
        "has arrived at a local sink; and that process's CPU time until then."
    ),
    systems=("ours-spool",),
    columns=(
        Column(key="per_wall", title="events per second", unit="", ratio=False),
        Column(key="per_cpu", title="events per second of CPU", unit="", ratio=False),
        Column(key="wall", title="wall time per event", unit="us", ratio=False),
        Column(key="cpu", title="CPU per event", unit="us", ratio=False),
    ),
    measure=_measure,
    budgets=(
        Budget(column="wall", limit=ALLOWED, system="ours-spool"),
        # The same on a busy machine, where wall time is the neighbours'.
        Budget(column="cpu", limit=ALLOWED, system="ours-spool"),
    ),
    rounds=3,
)
