"""How long the caller waits in `send`."""

from __future__ import annotations

import gc
from array import array
from typing import TYPE_CHECKING

from benchmarks import systems, workload
from benchmarks.context import Load
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

CALLS = 20_000
RING = 1_000


def _measure(context: Context) -> Measurement:
    connection = context.connect()
    load = Load(context, connection)
    source = workload.endless(workload.events(RING))
    load.warm_up()
    gc.collect()
    gc.freeze()
    taken: array[int] = array("q")
    load.send_timed(source, context.scaled(CALLS), taken)
    delivered = load.settle()
    connection.close()
    ordered = sorted(taken)
    return Measurement(
        figures={
            "p50": ordered[len(ordered) // 2] / 1_000,
            "p99": ordered[len(ordered) * 99 // 100] / 1_000,
            "worst": ordered[-1] / 1_000,
            "delivered": delivered * 100,
        }
    )


CASE = Case(
    name="latency",
    title="Latency of send",
    about=(
        f"{CALLS:,} calls, each timed, in bursts of 500 with a pause after each for the queue to "
        "drain. The same events as in the CPU case."
    ),
    systems=systems.ALL,
    columns=(
        Column(key="p50", title="p50", unit="us"),
        Column(key="p99", title="p99", unit="us"),
        Column(key="worst", title="worst", unit="us", ratio=False),
        Column(key="delivered", title="delivered", unit="%", ratio=False),
    ),
    measure=_measure,
    budgets=(
        Budget(column="p50", limit=0.4, against="stock"),
        Budget(column="p99", limit=0.5, against="stock"),
    ),
)
