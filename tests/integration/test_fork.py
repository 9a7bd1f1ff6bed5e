"""After a fork: each process sends its own events, once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry.testing import Answer
from tests.support.processes import running

if TYPE_CHECKING:
    from otel_telemetry.testing import OTLPReceiver

PROGRAM: Final = """\
import os, sys, threading
from otel_telemetry import create_telemetry_instance

telemetry = create_telemetry_instance(
    "acme-cms", enabled=True, endpoint=sys.argv[1], protocol=sys.argv[2], flush_interval=60,
    shutdown_timeout=10,
)

def fork(name, events=1, end=sys.exit):
    child = os.fork()
    if child == 0:
        for _ in range(events):
            telemetry.send(name)
        end(0)
    return child

def wait(*children):
    for child in children:
        _, status = os.waitpid(child, 0)
        if status:
            print("child ended with", status)

def destroy_and_vanish(status):
    telemetry.destroy()
    os._exit(status)

"""


def run(body: str, receiver: OTLPReceiver) -> tuple[str, list[str]]:
    """Run the program with that body; return its output, and the names of all that arrived."""
    try:
        endpoint, protocol = receiver.http_endpoint, "http/protobuf"
    except RuntimeError:
        endpoint, protocol = receiver.grpc_endpoint, "grpc"
    # Newer Pythons warn of every fork beside threads: that it goes well is the point here.
    ignoring = ("-W", "ignore::DeprecationWarning")
    with running((sys.executable, *ignoring, "-c", PROGRAM + body, endpoint, protocol)) as child:
        status = child.wait(within=20)
    assert status == 0, child.output
    return child.output, sorted(event.name for event in receiver.events)


def test_pending_events_are_sent_by_the_parent_only(receiver: OTLPReceiver) -> None:
    """The child starts with an empty queue, and both end normally."""
    output, arrived = run(
        "telemetry.send('parent')\nwait(fork('child'))\ntelemetry.send('parent')", receiver
    )

    assert output == ""
    assert arrived == ["child", "parent", "parent"]


def test_child_opens_its_own_connection(receiver: OTLPReceiver) -> None:
    """Parent and children send at the same time, after the parent has sent before."""
    output, arrived = run(
        "telemetry.send('before')\n"
        "assert telemetry.flush(10)\n"
        "children = [fork('child', 5) for _ in range(4)]\n"
        "for _ in range(5):\n"
        "    telemetry.send('parent')\n"
        "    assert telemetry.flush(10)\n"
        "wait(*children)\n",
        receiver,
    )

    assert output == ""
    assert arrived == ["before", *["child"] * 20, *["parent"] * 5]


def test_request_under_way_is_not_repeated_by_the_child(http_receiver: OTLPReceiver) -> None:
    """The test uses HTTP: gRPC permits no such fork."""
    http_receiver.answer(Answer(delay=0.5))
    output, arrived = run(
        "telemetry.send('parent')\n"
        "telemetry.flush(0.2)\n"
        "wait(fork('child'))\n"
        "assert telemetry.flush(10)\n",
        http_receiver,
    )

    assert output == ""
    assert arrived == ["child", "parent"]


def test_fork_in_a_thread_leaves_no_lock_held(http_receiver: OTLPReceiver) -> None:
    """Other threads send meanwhile. The test uses HTTP: gRPC permits no such fork."""
    output, arrived = run(
        "telemetry.bootstrap()\n"
        "def busy():\n"
        "    for _ in range(4000):\n"
        "        telemetry.send('busy')\n"
        "threads = [threading.Thread(target=busy) for _ in range(3)]\n"
        "for thread in threads:\n"
        "    thread.start()\n"
        "def forks():\n"
        "    wait(*[fork('child', 3, destroy_and_vanish) for _ in range(5)])\n"
        "forking = threading.Thread(target=forks)\n"
        "forking.start()\n"
        "forking.join()\n"
        "for thread in threads:\n"
        "    thread.join()\n"
        "assert telemetry.flush(30)\n"
        "print(telemetry.stats.accepted, telemetry.stats.delivered)\n",
        http_receiver,
    )

    accepted, delivered = map(int, output.split())
    assert arrived.count("child") == 15
    assert arrived.count("busy") == accepted == delivered


def test_child_of_a_child_sends_its_own_events(receiver: OTLPReceiver) -> None:
    """So does each generation."""
    output, arrived = run(
        "telemetry.send('parent')\n"
        "def end(status):\n"
        "    wait(fork('grandchild', 2))\n"
        "    sys.exit(status)\n"
        "wait(fork('child', 2, end))\n",
        receiver,
    )

    assert output == ""
    assert arrived == ["child", "child", "grandchild", "grandchild", "parent"]


def test_multiprocessing_workers_deliver_their_own_events(receiver: OTLPReceiver) -> None:
    """They end without exit handlers, so their work ends with `destroy`."""
    output, arrived = run(
        "import multiprocessing\n"
        "telemetry.send('parent')\n"
        "def work(name):\n"
        "    telemetry.send(name)\n"
        "    assert telemetry.destroy()\n"
        "context = multiprocessing.get_context('fork')\n"
        "workers = [context.Process(target=work, args=('worker',)) for _ in range(3)]\n"
        "for worker in workers:\n"
        "    worker.start()\n"
        "for worker in workers:\n"
        "    worker.join()\n",
        receiver,
    )

    assert output == ""
    assert arrived == ["parent", "worker", "worker", "worker"]


@pytest.mark.parametrize("child_sends", [True, False], ids=["used", "unused"])
def test_counts_start_at_zero_in_a_child(http_receiver: OTLPReceiver, *, child_sends: bool) -> None:
    """They count its own events, and the counts of the parent continue."""
    output, arrived = run(
        "telemetry.send('parent')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        f"    if {child_sends}:\n"
        "        telemetry.send('child')\n"
        "    print('child', telemetry.stats.accepted, telemetry.stats.pending, flush=True)\n"
        "    sys.exit()\n"
        "wait(child)\n"
        "print('parent', telemetry.stats.accepted, telemetry.stats.pending)\n",
        http_receiver,
    )

    count = int(child_sends)
    assert output.split("\n") == [f"child {count} {count}", "parent 1 1", ""]
    assert arrived == [*["child"] * count, "parent"]
