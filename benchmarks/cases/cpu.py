"""Processor time per delivered event: the caller's and the sender's together."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from benchmarks import systems, workload
from benchmarks.context import Load
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

EVENTS = 20_000
RING = 1_000


def _measure(context: Context) -> Measurement:
    connection = context.connect()
    load = Load(context, connection)
    source = workload.endless(workload.events(RING))
    load.warm_up()
    # What the set-up left behind is nobody's garbage to go through again and again.
    gc.collect()
    gc.freeze()
    count = context.scaled(EVENTS)
    start = time.process_time_ns()
    load.send(source, count)
    delivered = load.settle()
    spent = time.process_time_ns() - start
    connection.close()
    return Measurement(
        figures={
            "cpu": spent / count / 1_000,
            "delivered": delivered * 100,
            "wire": load.bytes_per_event,
        }
    )


CASE = Case(
    name="cpu",
    title="CPU per delivered event",
    about=(
        f"User and system time of the whole process, from the first of {EVENTS:,} events until the "
        "last has arrived at a local sink (after 1,000 events to warm up). 100 users, 10 groups, "
        "6 event, 5 user and 4 group properties; in bursts that no queue overflows."
    ),
    systems=systems.ALL,
    columns=(
        Column(key="cpu", title="CPU", unit="us"),
        Column(key="delivered", title="delivered", unit="%", ratio=False),
        Column(key="wire", title="on the wire", unit="B", ratio=False),
    ),
    measure=_measure,
    budgets=(
        Budget(column="cpu", limit=0.15, against="stock"),
        Budget(column="cpu", limit=0.25, against="peers"),
        Budget(column="cpu", limit=0.20, against="stock", system="ours-spool"),
    ),
)
