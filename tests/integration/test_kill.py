"""Killed processes lose no event whose `send` returned."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry import Outcome
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.apps import (
    app,
    files_below,
    run,
    sent,
    wait_for_no_files,
    wait_for_numbers,
)
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Telemetry
    from tests.support.processes import Child

ENDS: Final = {
    "killed": ("die()", -signal.SIGKILL),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM); signal.pause()", -signal.SIGTERM),
    "exit without a word": ("os._exit(3)", 3),
    "unhandled exception": ("raise LookupError('by design')", 1),
}
SOON: Final = 1.0 + 0.1 + 2.0  # seconds: shutdown_timeout, 0.1 more, and a busy machine


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "spool"


def take_over(
    make_telemetry: Callable[..., Telemetry], receiver: OTLPReceiver, spool: Path
) -> None:
    """Start the process that delivers the events of dead ones."""
    make_telemetry(receiver, spool=str(spool)).bootstrap()


@pytest.mark.parametrize("end", ENDS)
def test_events_for_a_dead_backend_arrive_once_it_is_back(
    make_telemetry: Callable[..., Telemetry], receiver: OTLPReceiver, spool: Path, end: str
) -> None:
    """Every way to end the process is covered."""
    endpoint = place_of(receiver)
    receiver.stop()
    how, expected = ENDS[end]
    status, events = run(
        f"send(20); telemetry.flush(0.05); send(5); {how}", spool=str(spool), **endpoint
    )
    assert status == expected
    assert len(events) == 25
    receiver.start()

    take_over(make_telemetry, receiver, spool)

    wait_for_numbers(receiver, events)
    wait_for_no_files_but_ours(spool)


def place_of(receiver: OTLPReceiver) -> dict[str, object]:
    """Return the endpoint and the protocol of *receiver*, as settings."""
    try:
        return {"endpoint": receiver.http_endpoint}
    except RuntimeError:
        return {"endpoint": receiver.grpc_endpoint, "protocol": "grpc"}


def wait_for_no_files_but_ours(spool: Path) -> None:
    """Wait until all segments are deleted; locks may stay for a while."""
    wait_until(
        lambda: not any(name.endswith(".seg") for name in files_below(spool)),
        within=10,
        what="all segments deleted",
    )


@pytest.mark.parametrize("end", ["killed", "unhandled exception"])
@pytest.mark.parametrize("is_stored", [False, True], ids=["not stored", "stored"])
def test_events_for_a_backend_that_never_responds_arrive_once(
    make_telemetry: Callable[..., Telemetry],
    http_receiver: OTLPReceiver,
    spool: Path,
    end: str,
    *,
    is_stored: bool,
) -> None:
    """It accepts the request without a response. Requests that it stored are stored once."""
    is_over = threading.Event()
    http_receiver.answer_always(Answer(until=is_over, store=is_stored))
    how, _ = ENDS[end]
    _, events = run(
        f"send(20); telemetry.flush(0.2); send(5); {how}",
        spool=str(spool),
        endpoint=http_receiver.http_endpoint,
    )
    http_receiver.answer_always(None)

    take_over(make_telemetry, http_receiver, spool)

    wait_for_numbers(http_receiver, events)
    is_over.set()


@pytest.mark.parametrize("end", ENDS)
def test_killed_process_with_a_live_backend_delivers_each_event_once(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path, end: str
) -> None:
    """Some events arrive before the kill, the others after it."""
    how, _ = ENDS[end]
    _, events = run(f"send(600); {how}", spool=str(spool), endpoint=http_receiver.http_endpoint)

    take_over(make_telemetry, http_receiver, spool)

    wait_for_numbers(http_receiver, events)


def test_kill_at_any_moment_loses_no_event(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """The event of a `send` that did not return may arrive or not."""
    events: list[str] = []
    for moment in (1, 500, 2000):
        with app(
            "while True: send()",
            spool=str(spool),
            endpoint=http_receiver.http_endpoint,
            flush_interval=0.001,
        ) as child:
            wait_until(partial(has_sent, child, moment), within=20, what=f"{moment} events")
            child.kill()
            events += sent(child)

    take_over(make_telemetry, http_receiver, spool)

    arrived = http_receiver.wait_for_events(len(events), 20, distinct=True)
    wait_for_no_files_but_ours(spool)
    found = [str(event.attributes["number"]) for event in http_receiver.events]
    assert set(events) <= set(found)
    assert len(set(found)) <= len(events) + 3
    assert len(arrived) == len({event.uid for event in arrived})


def has_sent(child: Child, count: int) -> bool:
    """Return whether a program has sent this many events."""
    return len(sent(child)) >= count


def test_running_process_claims_the_segments_of_a_killed_one(
    http_receiver: OTLPReceiver, spool: Path
) -> None:
    """It scans for them from time to time, here more often than once a minute."""
    where = {"spool": str(spool), "endpoint": http_receiver.http_endpoint}
    with app(
        "from otel_telemetry.export import worker\n"
        "worker._SCAN_INTERVAL = 0.1\n"
        "telemetry.bootstrap(); print('ready', flush=True); threading.Event().wait()",
        **where,
    ) as survivor:
        survivor.wait_for_output("ready", within=20)

        _, events = run("send(20); die()", **where)

        wait_for_numbers(http_receiver, events)


def test_segments_of_many_killed_processes_are_sent_in_few_requests(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """A hundred small segments do not make a hundred requests."""
    _, events = run(
        "for _ in range(100):\n    send(5)\ndie()",
        spool=str(spool),
        endpoint=http_receiver.http_endpoint,
        max_batch_events=5,
    )
    before = len(http_receiver.requests)

    take_over(make_telemetry, http_receiver, spool)

    wait_for_numbers(http_receiver, events)
    assert len(http_receiver.requests) - before <= 2


def test_many_processes_on_one_directory_deliver_each_event_once(
    http_receiver: OTLPReceiver, spool: Path
) -> None:
    """No segment is delivered by two processes."""
    where = {"spool": str(spool), "endpoint": http_receiver.http_endpoint}
    http_receiver.stop()
    _, events = run(
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        send(10); die()\n"
        "for _ in range(6): os.wait()\n"
        "send(10); die()",
        **where,
    )
    assert len(events) == 70
    http_receiver.start()

    # No copies: no id comes twice, although all look for the dead at once.
    _, more = run(
        "import glob\n"
        "gate = multiprocessing.get_context('fork').Event()\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        gate.wait(); send(10); telemetry.flush(10)\n"
        "        while glob.glob(f'{settings[\"spool\"]}/*/*/*.seg'): telemetry.flush(0.01)\n"
        "        telemetry.destroy(10); os._exit(0)\n"
        "gate.set()\n"
        "for _ in range(5): os.wait()",
        max_batch_events=10,
        **where,
    )

    wait_for_numbers(http_receiver, events + more)
    assert len(http_receiver.events) == 120
    wait_for_no_files(spool)


def test_two_apps_never_deliver_each_others_events(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """They share a directory and have different backends."""
    with OTLPReceiver() as other:
        _, ours = run("send(5); die()", spool=str(spool), endpoint=http_receiver.http_endpoint)
        _, theirs = run("send(5); die()", spool=str(spool), endpoint=other.http_endpoint)

        take_over(make_telemetry, http_receiver, spool)
        wait_for_numbers(http_receiver, ours)
        assert other.events == ()
        take_over(make_telemetry, other, spool)

        wait_for_numbers(other, theirs)
        wait_for_numbers(http_receiver, ours)


def test_destroy_with_a_dead_backend_is_quick_and_leaves_events_to_the_next_process(
    make_telemetry: Callable[..., Telemetry], receiver: OTLPReceiver, spool: Path
) -> None:
    """Receipts report it, and the process keeps no lock."""
    first = make_telemetry(receiver, spool=str(spool), shutdown_timeout=30)
    receiver.stop()
    receipts = [first.send("didWork", {"event_properties": {"number": str(n)}}) for n in range(9)]
    began = time.monotonic()

    assert not first.destroy()

    assert time.monotonic() - began < 5
    assert {receipt.outcome for receipt in receipts} == {Outcome.SPOOLED}
    assert (first.stats.spooled, first.stats.pending) == (9, 0)
    receiver.start()
    take_over(make_telemetry, receiver, spool)
    wait_for_numbers(receiver, [str(n) for n in range(9)])


@pytest.mark.parametrize("backend", ["dead", "black hole", "live"])
def test_process_with_many_events_ends_within_the_timeout(
    http_receiver: OTLPReceiver, spool: Path, backend: str
) -> None:
    """No event is left on disk if the backend responds."""
    is_over = threading.Event()
    if backend == "dead":
        http_receiver.stop()
    elif backend == "black hole":
        http_receiver.answer_always(Answer(until=is_over, store=False))
    with app(
        "send(2000); print('done', flush=True)",
        spool=str(spool),
        endpoint=http_receiver.http_endpoint,
    ) as child:
        child.wait_for_output("done", within=20)
        began = time.monotonic()
        assert child.wait(within=20) == 0
        took = time.monotonic() - began
        events = sent(child)
    is_over.set()

    assert took < SOON
    if backend == "live":
        wait_for_numbers(http_receiver, events)
        wait_for_no_files(spool)
