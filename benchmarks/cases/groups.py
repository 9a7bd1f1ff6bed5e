"""Many distinct groups in one batch: the cost per event must not grow with their number."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from benchmarks import workload
from benchmarks.context import Load
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

GROUPS = (1, 64, 256, 512, 4_000)
EVENTS = 8_000
# The stock encoder takes time in the square of the groups: at 512 it needs a second per batch, and
# no more than a few batches are needed to see it.
STOCK_EVENTS = 2_048
STOCK_GROUPS = 512


def _measure(context: Context) -> Measurement:
    load = Load(context, context.connect())
    load.warm_up()
    stock = context.system == "stock"
    figures: dict[str, float] = {}
    for groups in GROUPS:
        if stock and groups > STOCK_GROUPS:
            continue
        count = STOCK_EVENTS if stock else EVENTS
        ring = workload.events_over_groups(max(groups, 1_000 // groups * groups), groups=groups)
        source = workload.endless(ring)
        # Every set is met once before the clock starts: this case is about batches, not caches.
        load.send(source, len(ring))
        load.settle()
        gc.collect()
        gc.freeze()
        start = time.process_time_ns()
        load.send(source, count)
        load.settle()
        figures[f"groups{groups}"] = (time.process_time_ns() - start) / count / 1_000
    return Measurement(figures=figures)


CASE = Case(
    name="groups",
    title="Distinct groups in a batch",
    about=(
        "CPU per delivered event of one user in a growing number of groups, taken in turn; 512 or "
        "more of them make every event of a batch a group of its own."
    ),
    systems=("ours", "stock"),
    columns=tuple(
        Column(key=f"groups{groups}", title=f"{groups:,} groups", unit="us") for groups in GROUPS
    ),
    measure=_measure,
    budgets=(
        Budget(column="groups512", limit=1.5, against="", against_column="groups256"),
        Budget(column="groups4000", limit=1.5, against="", against_column="groups256"),
    ),
    rounds=3,
)
