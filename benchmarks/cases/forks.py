"""What becomes of the events of a forked child that ends without a flush."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING

from benchmarks import systems
from benchmarks.cases.kills import (
    Backend,
    attempt,
    hangs,
    has_ended,
    line_of,
    started,
    successor,
)
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context
    from benchmarks.systems.base import Connection

EVENTS = 5
PATIENCE = 10.0
NEXT_RUN = 5.0
# Shorter than a process's limit: the child must be gone before its parent.
CHILD_LIMIT = 12.0
OF_CHILD = range(1, EVENTS + 1)


def _child(connection: Connection) -> None:
    for user in OF_CHILD:
        attempt(connection, user)


def program(system: str, endpoint: str, state: str) -> None:
    """Send and flush, as a server does that has begun its work; then have a child do the rest."""
    connection = systems.find(system).connect(endpoint, state)
    attempt(connection, 0)
    connection.flush()
    child = multiprocessing.get_context("fork").Process(target=_child, args=(connection,))
    child.start()
    child.join(CHILD_LIMIT)
    print("ended" if child.exitcode == 0 else "hangs", flush=True)
    child.kill()
    sys.stdin.read()
    connection.close()


def _measure(context: Context) -> Measurement:
    backend = Backend(context.described())
    backend.open()
    notes: tuple[str, ...] = ()
    arguments = (context.system, backend.endpoint, context.state)
    with started(program, *arguments) as process:
        said = line_of(process).strip()
        if said != "ended":
            notes += hangs(context, "in the child" if said else "before the fork")
        arrived = backend.wait_for_users(OF_CHILD, PATIENCE)
        if not has_ended(process):
            notes += hangs(context, "when the parent ends")
        ended = backend.wait_for_users(OF_CHILD, 0)
    with started(successor, *arguments) as process:
        final = backend.wait_for_users(OF_CHILD, NEXT_RUN)
        if not has_ended(process):
            notes += hangs(context, "when it runs again")
    figures = {"arrived": arrived, "ended": ended, "final": final, "lost": 100 - final}
    if final:
        figures["copies"] = backend.copies
    return Measurement(figures=figures, notes=notes)


CASE = Case(
    name="forks",
    title="A forked child that does not flush",
    about=(
        "A process sends one event and flushes; its `multiprocessing` child, forked, sends "
        f"{EVENTS} and ends at once, without the exit hooks, as such children do. What has arrived "
        f"of the {EVENTS} within {PATIENCE:g} s of its end, the parent alive; once the parent has "
        f"ended, too; and once the program has run again, for up to {NEXT_RUN:g} s."
    ),
    systems=systems.ALL,
    columns=(
        Column(key="arrived", title=f"within {PATIENCE:g} s", unit="%", ratio=False),
        Column(key="ended", title="with the parent's end", unit="%", ratio=False),
        Column(key="final", title="with the next run", unit="%", ratio=False),
        Column(key="lost", title="lost", unit="%", ratio=False),
        Column(key="copies", title="copies of each", unit="", ratio=False),
    ),
    measure=_measure,
    budgets=(Budget(column="lost", limit=0, system="ours-spool"),),
    rounds=1,
    concurrent=True,
)
