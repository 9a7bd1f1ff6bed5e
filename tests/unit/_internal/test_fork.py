"""After a fork, every live object is reset in the child."""

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
    """Counts its resets."""

    def __init__(self) -> None:
        self.begun = 0

    def after_fork(self) -> None:
        self.begun += 1


@_NEEDS_FORK
def test_a_watched_object_is_reset_in_the_child_only() -> None:
    """Once; in the parent it does not change."""
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
def test_a_fork_waits_for_an_import_only_for_a_limited_time() -> None:
    """An import that never ends delays the fork but does not block it."""
    code = """
import os, threading, warnings
from otel_telemetry._internal import fork

warnings.simplefilter("ignore")  # of the thread beside this one
fork._PATIENCE = 0.01
begun, end = threading.Event(), threading.Event()

def import_for_ever():
    with fork.import_lock:
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
print("child", os.waitstatus_to_exitcode(status), "free again", fork.import_lock.acquire(timeout=1))
"""
    with running([sys.executable, "-c", code]) as program:
        program.wait(within=30)

    assert program.output == "child 0 free again True\n"


def test_watching_an_object_does_not_keep_it_alive() -> None:
    """An instance without other references is collected."""
    item = _Item()
    gone = weakref.ref(item)

    fork.watch(item.after_fork)
    del item
    gc.collect()

    assert gone() is None


def test_every_live_object_is_reset() -> None:
    """One hook is enough for all."""
    items = [_Item() for _ in range(3)]
    for item in items:
        fork.watch(item.after_fork)

    # The hook itself, but for those of other tests that are still alive: they begin anew too.
    fork._after_in_child()

    assert [item.begun for item in items] == [1, 1, 1]


def test_the_module_can_be_imported_on_a_system_without_fork() -> None:
    """It registers no hook there."""
    code = "import os; vars(os).pop('register_at_fork', None); import otel_telemetry._internal.fork"

    with running([sys.executable, "-c", code]) as program:
        assert program.wait(within=30) == 0
    assert program.output == ""
