"""What becomes of events that are sent while the backend is down for a while."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING

from benchmarks import systems
from benchmarks.cases.kills import Backend, attempt, hangs, has_ended, line_of, started
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

PACE = 5  # events per second
OUTAGE = 12.0
QUICK_OUTAGE = 6.0
# After the outage the program lives on, and then ends: some send what is left only then.
ALIVE = 15.0
PATIENCE = 20.0
START = 5.0
LIMIT = START + OUTAGE + PATIENCE + 5


def program(system: str, endpoint: str, state: str, seconds: str) -> None:
    """Send at an even pace, say what was accepted, and end when told so."""
    connection = systems.find(system).connect(endpoint, state)
    print("ready", flush=True)
    begun = time.monotonic()
    accepted: list[int] = []
    for user in range(int(float(seconds) * PACE)):
        time.sleep(max(0.0, begun + user / PACE - time.monotonic()))
        if time.monotonic() - begun > float(seconds):
            break  # whoever sends in the caller's thread has kept it waiting
        if attempt(connection, user):
            accepted.append(user)
    print(json.dumps(accepted), flush=True)
    sys.stdin.read()
    connection.close()


def _measure(context: Context) -> Measurement:
    outage = QUICK_OUTAGE if context.quick else OUTAGE
    backend = Backend(context.described())
    notes: tuple[str, ...] = ()
    arguments = (context.system, backend.endpoint, context.state, str(outage))
    with started(program, *arguments, limit=LIMIT) as process:
        line_of(process)
        # By the clock, not by the program's word: a call that waits for the backend meets its
        # return while it waits.
        recovery = threading.Timer(outage, backend.open)
        recovery.start()
        said = line_of(process)
        recovery.join()
        back = time.monotonic()
        if not said:
            return Measurement(figures={}, notes=hangs(context, "in send"))
        accepted: list[int] = json.loads(said)
        arrived = backend.wait_for_users(accepted, ALIVE)
        taken = time.monotonic() - back
        ending = threading.Thread(target=has_ended, args=(process,), daemon=True)
        ending.start()
        if arrived < 100:
            backend.wait_for_users(accepted, PATIENCE - ALIVE)
        ending.join(PATIENCE - ALIVE)
        if ending.is_alive():
            notes += hangs(context, "when it ends")
        # Once more: what was on its way when everything had arrived may have been a copy.
        final = backend.wait_for_users(accepted, 0)
    figures = {
        "accepted": float(len(accepted)),
        "arrived": arrived,
        "final": final,
        "lost": 100 - final,
        "copies": backend.copies,
    }
    if arrived == 100:
        figures["seconds"] = taken
    return Measurement(figures=figures, notes=notes)


CASE = Case(
    name="outages",
    title="Through a short outage",
    about=(
        f"{PACE} events per second to a backend that refuses connections for {OUTAGE:g} s "
        f"(--quick: {QUICK_OUTAGE:g} s), and then answers, on the same port. The program sends "
        f"nothing more, lives on for up to {ALIVE:g} s and then shuts the client down: of the "
        f"events whose `send` returned, what has arrived before that, and {PATIENCE:g} s after the "
        "outage, each counted once; and how often each."
    ),
    systems=systems.ALL,
    columns=(
        Column(key="accepted", title="accepted", unit="", ratio=False),
        Column(key="arrived", title="arrived, while it lives", unit="%", ratio=False),
        Column(key="final", title="arrived in all", unit="%", ratio=False),
        Column(key="lost", title="lost", unit="%", ratio=False),
        Column(key="copies", title="copies of each", unit="", ratio=False),
        Column(key="seconds", title="all there after", unit="s", ratio=False),
    ),
    measure=_measure,
    budgets=(
        Budget(column="lost", limit=0),
        Budget(column="lost", limit=0, system="ours-spool"),
    ),
    rounds=1,
    concurrent=True,
)
