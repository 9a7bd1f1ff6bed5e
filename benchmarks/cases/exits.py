"""How long a program takes to end while its events cannot leave."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import systems, workload
from benchmarks.network import black_hole, dead_endpoint
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

LIMIT = 30.0
PENDING = 10
# What the shutdown may take, and a little grace; the end of the interpreter itself is not in it.
ALLOWED = 1.1
PROGRAM = "import sys; from benchmarks.cases import exits; exits.program(*sys.argv[1:])"


def program(system: str, endpoint: str, state: str, pending: str) -> None:
    """Send a few events, say when, and end as any script does."""
    connection = systems.find(system).connect(endpoint, state)
    for event in workload.events(int(pending)):
        connection.send(event)
    print(time.monotonic(), flush=True)


def _seconds_to_end(context: Context, endpoint: str, pending: int = PENDING) -> float:
    arguments = [context.system, endpoint, context.state, str(pending)]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # Whoever sends in the caller's thread may never come to the end of the script.
        begun = time.monotonic()
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            return LIMIT
        ended = time.monotonic()
        last_line = process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode}")
    return min(LIMIT, ended - (float(last_line) if last_line else begun))


def _measure(context: Context) -> Measurement:
    idle = _seconds_to_end(context, dead_endpoint(), pending=0)
    dead = _seconds_to_end(context, dead_endpoint())
    with black_hole() as endpoint:
        hole = _seconds_to_end(context, endpoint)
    return Measurement(
        figures={
            "idle": idle,
            "dead": dead,
            "hole": hole,
            "dead_over": dead - idle,
            "hole_over": hole - idle,
        }
    )


CASE = Case(
    name="exits",
    title="Exit with events pending",
    about=(
        f"Seconds from a script's last line to its process's end, {PENDING} events pending: with a "
        "backend that refuses connections, and one that accepts them and never answers; before "
        f"that, with nothing pending. Cut off at {LIMIT:.0f} s."
    ),
    systems=systems.ALL,
    columns=(
        Column(key="idle", title="nothing pending", unit="s", cap=LIMIT, ratio=False),
        Column(key="dead", title="refused", unit="s", cap=LIMIT),
        Column(key="hole", title="black hole", unit="s", cap=LIMIT),
        Column(key="dead_over", title="refused, over nothing pending", unit="s", ratio=False),
        Column(key="hole_over", title="black hole, over nothing pending", unit="s", ratio=False),
    ),
    measure=_measure,
    budgets=(
        Budget(column="dead_over", limit=ALLOWED),
        Budget(column="hole_over", limit=ALLOWED),
    ),
    rounds=3,
)
