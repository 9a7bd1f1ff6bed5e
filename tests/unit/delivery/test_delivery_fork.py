"""Delivery in a forked child: anew, whatever the parent was at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_FORK = """
import os, sys, threading
from otel_telemetry import DeliveryConfig
from otel_telemetry._internal import fork
from otel_telemetry.export.engine import Delivery
from otel_telemetry.stats import Counters
from tests.support.scripted import RESOURCE, SCOPE, ScriptedTransport, assert_adds_up, record

spool = False if sys.argv[1] == "memory" else sys.argv[1]
transport = ScriptedTransport()
config = DeliveryConfig(endpoint="http://localhost:1", spool=spool)
delivery = Delivery(config, Counters(), app="acme", connect=lambda _: transport)
fork.watch(delivery)
delivery.append(RESOURCE, SCOPE, record("first"))
assert delivery.flush(5)
delivery.append(RESOURCE, SCOPE, record("parent"))
with delivery.counters.lock:  # as another thread might hold it
    child = os.fork()
if child == 0:
    assert delivery.counters.snapshot().accepted == 0
    assert threading.active_count() == 1
    delivery.append(RESOURCE, SCOPE, record("child"))
    assert delivery.shutdown(5)
    assert transport.requests == [["first"], ["child"]], transport.requests
    assert transport.processes == 1
    assert_adds_up(delivery.counters.snapshot())
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert delivery.shutdown(5)
assert transport.requests == [["first"], ["parent"]], transport.requests
"""


@pytest.mark.parametrize("spool", ["spool", "memory"])
def test_a_forked_child_begins_anew(tmp_path: Path, spool: str) -> None:
    """Each event is sent by the process in which it happened, and once."""
    where = str(tmp_path) if spool == "spool" else spool

    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORK, where],
        check=True,
        timeout=30,
        cwd=Path(__file__).parents[3],
    )


_FORK_WHILE_IMPORTING = """
import os, sys, threading
from otel_telemetry import DeliveryConfig
from otel_telemetry.export.engine import Delivery
from otel_telemetry.stats import Counters

config = DeliveryConfig(endpoint="http://localhost:1", spool=False)
delivery = Delivery(config, Counters(), app="acme")
importing, begun = threading.Event(), []
def note(event, arguments):
    if event == "import" and arguments[0] == "urllib3" and not begun:
        begun.append(True)
        importing.set()
sys.addaudithook(note)
delivery.append(b"", b"", b"")
threading.Thread(target=delivery.flush, args=(5,)).start()
assert importing.wait(5)
child = os.fork()
if child == 0:
    import urllib3
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
delivery.shutdown(0)
"""


def test_a_fork_waits_while_the_transport_is_imported() -> None:
    """Else the child would inherit half a module, and a lock on it that is never let go of."""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORK_WHILE_IMPORTING],
        check=True,
        timeout=30,
    )
