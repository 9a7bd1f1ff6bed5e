"""Many processes on one spool share the backoff of the backend."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.spool.layout import BACKOFF_STATE
from otel_telemetry.testing import Answer
from tests.support.apps import app, files_below, run, sent, wait_for_numbers
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_telemetry import Telemetry
    from otel_telemetry.testing import OTLPReceiver


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "spool"


def test_retry_after_outlives_the_process_that_received_it(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """The next process sends nothing before, not even in a flush. Then everything is delivered."""
    where = {"spool": str(spool), "endpoint": http_receiver.http_endpoint}
    http_receiver.answer(Answer.throttled(retry_after=3))
    _, events = run("send(5); telemetry.flush(0.3); die()", **where)
    until = time.monotonic() + 2
    assert len(http_receiver.requests) == 1

    status, more = run("send(5); assert not telemetry.flush(0.3)", **where)
    assert status == 0
    assert time.monotonic() < until
    assert len(http_receiver.requests) == 1
    status, late = run("send(5); assert telemetry.flush(10)", **where)
    assert status == 0
    assert time.monotonic() > until
    make_telemetry(http_receiver, spool=str(spool)).bootstrap()

    wait_for_numbers(http_receiver, events + more + late)
    assert len(http_receiver.events) == 15
    assert not any(name.startswith(BACKOFF_STATE) for name in files_below(spool))


def test_repeated_runs_share_one_backoff(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """In a long outage each run leaves its events on disk and ends without a delay."""
    where = {"spool": str(spool), "endpoint": http_receiver.http_endpoint}
    _, events = run("send(); die()", **where)
    (directory,) = spool.glob("*/*")
    now = time.time()
    for _ in range(3):
        (directory / BACKOFF_STATE).write_text(f"1 {now - 3600} {now} {now + 600} 0\n")
        status, more = run("send(2)", **where)
        assert status == 0
        events += more
    assert http_receiver.requests == ()

    heir = make_telemetry(http_receiver, spool=str(spool))
    heir.bootstrap()
    heir.flush(10)

    wait_for_numbers(http_receiver, events)


def test_one_process_retries_and_its_success_ends_the_backoff_of_all(
    make_telemetry: Callable[..., Telemetry], http_receiver: OTLPReceiver, spool: Path
) -> None:
    """Six processes and the segments of six dead ones make one request, not a hundred."""
    where = {"spool": str(spool), "endpoint": http_receiver.http_endpoint, "flush_interval": 0.01}
    http_receiver.stop()
    _, events = run("for _ in range(6):\n    if os.fork() == 0: send(5); die()\nsend()", **where)
    (directory,) = spool.glob("*/*")
    note = directory / BACKOFF_STATE
    http_receiver.start()
    http_receiver.answer_always(Answer.unavailable())
    now = time.time()
    note.write_text(f"1 {now - 3600} {now} {now + 1} 0\n")
    with ExitStack() as stack:
        program = "while True: send(); time.sleep(0.01)"
        children = [stack.enter_context(app(program, **where)) for _ in range(6)]
        wait_until(lambda: len(http_receiver.requests) > 0, within=20, what="the one that tries")
        threading.Event().wait(2)
        # The next try is up to five minutes away; it may by chance be near.
        assert len(http_receiver.requests) <= 3
        http_receiver.answer_always(None)
        note.write_text(f"1 {now - 3600} {now} {now} 0\n")
        for child in children:
            child.kill()
            events += sent(child)

    make_telemetry(http_receiver, spool=str(spool)).bootstrap()

    wait_for_numbers(http_receiver, events)
