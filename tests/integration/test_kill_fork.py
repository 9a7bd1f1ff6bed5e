"""Forks of every kind: each event is sent once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.apps import run, run_file, wait_for_numbers
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Telemetry
    from otel_telemetry.testing import OTLPReceiver

# Processes of multiprocessing end by `os._exit`: no exit handler runs in them.
WORKERS: Final = """
def work():
    send(5)

if __name__ == "__main__":
    send(5)
    started = [multiprocessing.get_context(METHOD).Process(target=work) for _ in range(3)]
    for process in started: process.start()
    for process in started: process.join()
    sys.exit(sum(process.exitcode for process in started))
"""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "spool"


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_children_without_exit_handlers_lose_no_event(
    make_telemetry: Callable[..., Telemetry],
    http_receiver: OTLPReceiver,
    spool: Path,
    tmp_path: Path,
    method: str,
) -> None:
    """This holds for every start method."""
    status, events = run_file(
        tmp_path / "workers.py",
        WORKERS.replace("METHOD", repr(method)),
        spool=str(spool),
        endpoint=http_receiver.http_endpoint,
    )
    make_telemetry(http_receiver, spool=str(spool)).bootstrap()

    assert status == 0
    assert len(events) == 20
    wait_for_numbers(http_receiver, events)


def test_fork_while_other_threads_send_and_deliver_is_safe(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """They may hold any lock. The fork may come from a thread or from a child."""
    _, events = run(
        "send()\n"
        "def work(): send(1000)\n"
        "threads = [threading.Thread(target=work) for _ in range(2)]\n"
        "def fork():\n"
        "    for _ in range(10):\n"
        "        child = os.fork()\n"
        "        if child == 0:\n"
        "            signal.alarm(10)\n"
        "            send(3)\n"
        "            if os.fork() == 0:\n"
        "                send(2); os._exit(0)\n"
        "            os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "        assert os.waitpid(child, 0)[1] == 0\n"
        "threads.append(threading.Thread(target=fork))\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "telemetry.flush(0.5); die()",
        spool=str(spool),
        endpoint=http_receiver.http_endpoint,
        flush_interval=0.001,
    )
    make_telemetry(http_receiver, spool=str(spool)).bootstrap()

    assert len({number.split("-")[0] for number in events}) == 21
    wait_for_numbers(http_receiver, events)


def test_child_without_a_spool_delivers_its_own_events(http_receiver: OTLPReceiver) -> None:
    """The parent delivers its own as well."""
    status, events = run(
        "send(3)\n"
        "child = os.fork()\n"
        "send(2)\n"
        "assert telemetry.destroy(10)\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n",
        spool=False,
        endpoint=http_receiver.http_endpoint,
    )

    assert status == 0
    wait_for_numbers(http_receiver, events)
    assert len(http_receiver.events) == len(events) == 7


def test_end_of_a_child_releases_no_lock_of_its_parent(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """The parent process keeps its locks after every end of a child."""
    _, events = run(
        "send(5)\n"
        "for _ in range(3):\n"
        "    child = os.fork()\n"
        "    if child == 0: send(2); die()\n"
        "    os.waitpid(child, 0)\n"
        "send(5)\n"
        "assert telemetry.destroy(10)",
        spool=str(spool),
        endpoint=http_receiver.http_endpoint,
    )

    make_telemetry(http_receiver, spool=str(spool)).bootstrap()

    wait_for_numbers(http_receiver, events)
    assert len(http_receiver.events) == 16
    wait_until(lambda: not list(spool.rglob("*.seg")), within=10, what="all segments deleted")
