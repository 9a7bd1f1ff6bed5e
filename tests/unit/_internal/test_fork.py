"""After a fork, every live object begins anew."""

from __future__ import annotations

import gc
import os
import sys
import weakref

import pytest

from otel_telemetry._internal import fork
from tests.support.processes import plain_environment, running

_NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class _Item:
    """Counts how often it began anew."""

    def __init__(self) -> None:
        self.begun = 0

    def after_fork(self) -> None:
        self.begun += 1


@_NEEDS_FORK
def test_a_watched_object_begins_anew_in_the_child_alone() -> None:
    """The child is told once; the parent is not."""
    code = """
import os
from otel_telemetry._internal import fork

class Item:
    begun = 0
    def after_fork(self):
        self.begun += 1

item = Item()
fork.watch(item.after_fork)
fork.watch(item.after_fork)
child = os.fork()
if child == 0:
    os._exit(10 + item.begun)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status), "parent", item.begun)
"""
    with running([sys.executable, "-c", code], env=plain_environment()) as program:
        program.wait(within=30)

    assert program.output == "child 11 parent 0\n"


@_NEEDS_FORK
def test_a_fork_does_not_wait_for_an_import_for_good() -> None:
    """An import that does not end costs the host's fork its patience, and no more."""
    code = """
import os, threading, warnings
from otel_telemetry._internal import fork

warnings.simplefilter("ignore")  # of the thread beside this one
fork._PATIENCE = 0.01
begun, end = threading.Event(), threading.Event()

def import_for_ever():
    with fork.importing:
        begun.set()
        end.wait()

thread = threading.Thread(target=import_for_ever)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    os._exit(0)
_, status = os.waitpid(child, 0)
end.set()
thread.join()
print("child", os.waitstatus_to_exitcode(status), "free again", fork.importing.acquire(timeout=1))
"""
    with running([sys.executable, "-c", code]) as program:
        program.wait(within=30)

    assert program.output == "child 0 free again True\n"


def test_to_be_watched_keeps_nothing_alive() -> None:
    """An instance that the application let go of is gone."""
    item = _Item()
    gone = weakref.ref(item)

    fork.watch(item.after_fork)
    del item
    gc.collect()

    assert gone() is None


def test_every_live_object_is_told() -> None:
    """One hook serves them all."""
    items = [_Item() for _ in range(3)]
    for item in items:
        fork.watch(item.after_fork)

    # The hook itself, but for those of other tests that are still alive: they begin anew too.
    fork._after_in_child()

    assert [item.begun for item in items] == [1, 1, 1]


def test_a_system_without_fork_has_no_hook() -> None:
    """Importing us works where there is nothing to hook into."""
    code = "import os; vars(os).pop('register_at_fork', None); import otel_telemetry._internal.fork"

    with running([sys.executable, "-c", code]) as program:
        assert program.wait(within=30) == 0
    assert program.output == ""
