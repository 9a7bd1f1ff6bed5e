"""Memory that one undelivered event holds."""

from __future__ import annotations

import gc
import time
import tracemalloc
from typing import TYPE_CHECKING

from benchmarks import workload
from benchmarks.network import dead_endpoint
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

# Together they stay below 2,048, where the stock processor begins to drop.
WARM_UP = 24
EVENTS = 2_000
# Whoever sends in the background has tried to, and failed, by then.
SETTLE = 2.5


def _measure(context: Context) -> Measurement:
    connection = context.connect(dead_endpoint())
    for index in range(WARM_UP):
        connection.send(workload.make_event(index, user=index, group=index % 10))
    # What the first attempt to send loads and builds is there once, however many events wait.
    time.sleep(SETTLE)
    gc.collect()
    tracemalloc.start()
    for index in range(EVENTS):
        # Made here and kept nowhere: what a queue holds on to is counted as the queue's.
        connection.send(workload.make_event(index, user=index % 100, group=index % 10))
    time.sleep(SETTLE)
    gc.collect()
    held, peak = tracemalloc.get_traced_memory()
    return Measurement(figures={"held": held / EVENTS, "peak": peak / EVENTS})


CASE = Case(
    name="memory",
    title="Memory per pending event",
    about=(
        f"{EVENTS:,} events of 100 users in 10 groups, while the backend refuses connections: what "
        f"tracemalloc finds alive after {SETTLE:g} s, and at most, per event. What the first "
        "attempt to send needs, once, is not counted."
    ),
    systems=("ours", "stock", "posthog", "segment"),
    columns=(
        Column(key="held", title="held", unit="B"),
        Column(key="peak", title="peak", unit="B"),
    ),
    measure=_measure,
    budgets=(Budget(column="held", limit=0.15, against="stock"),),
    rounds=3,
)
