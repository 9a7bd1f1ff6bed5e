"""The lifecycle: register, bootstrap, send, flush and destroy, in any order and number."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import subprocess
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry import Outcome, Stats, Telemetry
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.processes import refusing_port

Make = Callable[..., Telemetry]


def test_a_decision_holds_until_the_end(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable set after `register` has no effect."""
    telemetry = make()
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    telemetry.register()
    telemetry.register()

    assert (telemetry.decision.enabled, telemetry.decision.source) == (True, "code")
    assert not telemetry.is_disabled


def test_reading_the_decision_registers(make: Make) -> None:
    """`register` need not be called first."""
    assert make(enabled=None).is_disabled
    assert make(enabled=None).decision.source == "default"


def test_register_starts_nothing(make: Make, receiver: OTLPReceiver, tmp_path: Path) -> None:
    """No thread, no directory and no request."""
    threads = threading.enumerate()
    telemetry = make(spool=tmp_path / "spool")

    telemetry.register()

    assert threading.enumerate() == threads
    assert not (tmp_path / "spool").exists()
    assert receiver.requests == ()


def test_bootstrap_sets_up_once(make: Make) -> None:
    """The second call changes nothing."""
    telemetry = make()

    telemetry.bootstrap()
    pipeline = telemetry._state.pipeline
    telemetry.bootstrap()

    assert pipeline is not None
    assert telemetry._state.pipeline is pipeline
    assert telemetry.decision.enabled


def test_threads_that_bootstrap_at_once_set_up_once(make: Make, receiver: OTLPReceiver) -> None:
    """The first events of many threads go through one pipeline, and all arrive."""
    telemetry = make()
    together = threading.Barrier(8)

    def send() -> None:
        together.wait()
        telemetry.send("x")

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert telemetry.flush(10)
    assert len(receiver.events) == telemetry.stats.delivered == 8


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations(("register", "bootstrap", "send", "flush", "destroy"))),
    ids="-".join,
)
def test_every_order_is_safe(make: Make, receiver: OTLPReceiver, order: tuple[str, ...]) -> None:
    """Events before `destroy` arrive; later ones are counted as dropped."""
    telemetry = make()
    calls: dict[str, Callable[[], object]] = {
        "register": telemetry.register,
        "bootstrap": telemetry.bootstrap,
        "send": lambda: telemetry.send("x"),
        "flush": lambda: telemetry.flush(10),
        "destroy": lambda: telemetry.destroy(10),
    }

    for name in order:
        calls[name]()

    was_in_time = order.index("send") < order.index("destroy")
    assert telemetry.stats.dropped == ({} if was_in_time else {"destroyed": 1})
    assert telemetry.stats.delivered == len(receiver.events) == int(was_in_time)


class TestFlush:
    """`flush`."""

    def test_it_is_true_once_the_backend_has_every_event(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """And at once where no event is pending."""
        telemetry = make(flush_interval=3600)
        assert telemetry.flush()

        telemetry.send("x")

        assert telemetry.flush(10)
        assert len(receiver.events) == 1

    def test_it_keeps_its_timeout(self, make: Make, receiver: OTLPReceiver) -> None:
        """It returns while the backend does not answer."""
        answered = threading.Event()
        receiver.answer(Answer.held(answered))
        telemetry = make()
        telemetry.send("x")

        assert not telemetry.flush(0.05)

        answered.set()
        assert telemetry.flush(10)

    def test_it_is_false_if_the_backend_refuses(self, make: Make, receiver: OTLPReceiver) -> None:
        """A refusal is an answer, but not a success."""
        receiver.answer(Answer.bad_data())
        telemetry = make()

        telemetry.send("x")

        assert not telemetry.flush(10)

    def test_an_invalid_timeout_raises_nothing(self, make: Make) -> None:
        """The result is False."""
        telemetry = make()
        telemetry.send("x")

        assert not telemetry.flush("soon")  # type: ignore[arg-type]  # what is tested


def test_the_repr_shows_the_state(make: Make) -> None:
    """The name, and whether telemetry is on."""
    on, off = make(), make(enabled=False)

    assert repr(on) == "<Telemetry 'acme-cms': undecided>"
    on.register()
    off.register()
    assert repr(on) == "<Telemetry 'acme-cms': on>"
    assert repr(off) == "<Telemetry 'acme-cms': off>"
    on.destroy()
    assert repr(on) == "<Telemetry 'acme-cms': destroyed>"


class TestDestroy:
    """`destroy`, which is final."""

    def test_it_sends_what_is_pending(self, make: Make, receiver: OTLPReceiver) -> None:
        """It returns True, and so does a second call."""
        telemetry = make(flush_interval=3600)
        telemetry.send("x")

        assert telemetry.destroy(10)
        assert telemetry.destroy()

        assert len(receiver.events) == 1

    def test_a_later_event_is_dropped_and_counted(self, make: Make, receiver: OTLPReceiver) -> None:
        """`bootstrap` does not begin anew."""
        telemetry = make()
        telemetry.bootstrap()
        telemetry.destroy()

        receipt = telemetry.send("x")
        telemetry.bootstrap()

        assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "destroyed")
        assert telemetry.send("x").outcome is Outcome.DROPPED
        assert telemetry.stats.dropped == {"destroyed": 2}
        assert telemetry.stats.accepted == 2
        assert telemetry.flush(10)
        assert receiver.requests == ()

    def test_it_is_true_before_the_first_event(self, make: Make) -> None:
        """A later event sets up no pipeline."""
        telemetry = make()

        assert telemetry.destroy()
        assert telemetry.send("x").reason == "destroyed"
        assert telemetry._state.pipeline is None

    def test_it_is_true_while_telemetry_is_off(self, make: Make) -> None:
        """A later event is disabled, and not dropped."""
        telemetry = make(enabled=False)

        assert telemetry.destroy()
        assert telemetry.send("x").outcome is Outcome.DISABLED
        assert telemetry.stats.accepted == 0

    @pytest.mark.parametrize("spool", [False, True])
    def test_every_call_is_false_if_an_event_is_left(
        self,
        make: Make,
        spool: bool,  # noqa: FBT001 - a table
    ) -> None:
        """Without a backend, events are dropped or stay on disk, and are counted."""
        with refusing_port() as port:
            telemetry = make(endpoint=f"http://127.0.0.1:{port}", spool=spool)
            telemetry.send("x")

            assert not telemetry.destroy(0.05)
            assert not telemetry.destroy(0.05)

        stats = telemetry.stats
        assert (stats.accepted, stats.pending) == (1, 0)
        assert (stats.spooled, stats.dropped) == ((1, {}) if spool else (0, {"shutdown": 1}))

    def test_a_second_call_during_the_first_is_false(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """The event is not acknowledged yet."""
        answered = threading.Event()
        receiver.answer(Answer.held(answered))
        telemetry = make(spool=False)
        telemetry.send("x")
        results: list[bool] = []
        first = threading.Thread(target=lambda: results.append(telemetry.destroy(10)))
        first.start()
        receiver.wait_for_requests(1)

        assert not telemetry.destroy(10)
        answered.set()
        first.join(10)

        assert results == [True]
        assert telemetry.destroy()

    def test_it_keeps_the_setting_shutdown_timeout(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """It returns while the backend does not answer, and its thread ends."""
        answered = threading.Event()
        receiver.answer_always(Answer.held(answered))
        telemetry = make(shutdown_timeout=0.05, spool=False)
        receipt = telemetry.send("x")

        assert not telemetry.destroy()

        assert (receipt.wait(10), receipt.reason) == (Outcome.DROPPED, "shutdown")
        answered.set()

    def test_an_invalid_timeout_raises_nothing_and_leaves_no_thread(self, make: Make) -> None:
        """The result is False."""
        telemetry = make(spool=False)
        telemetry.send("x")

        telemetry.destroy("soon")  # type: ignore[arg-type]  # what is tested

        assert telemetry.send("x").reason == "destroyed"

    def test_a_destroyed_instance_is_garbage_collected(self, receiver: OTLPReceiver) -> None:
        """Neither the exit hook nor the fork hook keeps it alive."""
        telemetry = Telemetry("acme", enabled=True, endpoint=receiver.http_endpoint)
        telemetry.send("x")
        gone = weakref.ref(telemetry)

        telemetry.destroy(10)
        del telemetry
        gc.collect()

        assert gone() is None

    def test_the_exit_of_the_interpreter_destroys_an_instance(self, receiver: OTLPReceiver) -> None:
        """A program that does not call `destroy` loses no event."""
        code = (
            "import sys; from otel_telemetry import Telemetry\n"
            "Telemetry('acme', enabled=True, endpoint=sys.argv[1], flush_interval=3600).send('x')"
        )

        done = subprocess.run(
            [sys.executable, "-c", code, receiver.http_endpoint], capture_output=True, check=True
        )

        assert (done.stdout, done.stderr) == (b"", b"")
        assert [event.name for event in receiver.events] == ["x"]


class TestWith:
    """`with` and `async with`."""

    def test_it_bootstraps_and_destroys(self, make: Make, receiver: OTLPReceiver) -> None:
        """Events of the block have arrived after it."""
        with make(flush_interval=3600) as telemetry:
            assert telemetry._state.pipeline is not None
            telemetry.send("x")

        assert len(receiver.events) == 1
        assert telemetry.send("x").reason == "destroyed"

    def test_an_error_in_the_block_propagates(self, make: Make, receiver: OTLPReceiver) -> None:
        """Events before it are sent."""

        def fail() -> None:
            with make() as telemetry:
                telemetry.send("x")
                raise KeyError

        with pytest.raises(KeyError):
            fail()

        assert len(receiver.events) == 1

    def test_async_with_does_the_same(self, make: Make, receiver: OTLPReceiver) -> None:
        """And `aflush` within the block."""

        async def main() -> bool:
            async with make(flush_interval=3600) as telemetry:
                telemetry.send("x")
                is_flushed = await telemetry.aflush(10)
                telemetry.send("y")
            return is_flushed

        assert asyncio.run(main())
        assert [event.name for event in receiver.events] == ["x", "y"]

    def test_adestroy_lets_the_loop_run(self, make: Make, receiver: OTLPReceiver) -> None:
        """Other tasks run while the last request is sent."""
        answered = threading.Event()
        receiver.answer(Answer.held(answered))

        async def main() -> bool:
            telemetry = make()
            telemetry.send("x")
            end = asyncio.ensure_future(telemetry.adestroy(10))
            await asyncio.sleep(0)
            answered.set()  # by this loop, which would wait for ever if it were blocked
            return await end

        assert asyncio.run(main())


_FORKING = """
import json, os, sys
from otel_telemetry import Telemetry

telemetry = Telemetry("acme-cms", enabled=True, endpoint=sys.argv[1], flush_interval=3600)
if sys.argv[2] != "at first use":
    telemetry.send("before")
if sys.argv[2] == "while connected":
    telemetry.flush(10)

child = os.fork()
if child == 0:
    telemetry.send("child")
    is_sent = telemetry.flush(10)
    stats = telemetry.stats
    os._exit(0 if is_sent and stats.accepted == stats.delivered == 1 else 1)
_, status = os.waitpid(child, 0)
telemetry.send("parent")
telemetry.destroy(10)
print(json.dumps([status, telemetry.stats.accepted, telemetry.stats.delivered]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("moment", ["at first use", "while pending", "while connected"])
def test_after_a_fork_each_event_is_sent_once(receiver: OTLPReceiver, moment: str) -> None:
    """The child begins without events and sends its own; the parent sends the others."""
    done = subprocess.run(
        # Python itself warns of threads at a fork; what it warns of is tested here.
        [sys.executable, "-W", "ignore", "-c", _FORKING, receiver.http_endpoint, moment],
        capture_output=True,
        check=True,
    )

    sent = ["child", "parent"] if moment == "at first use" else ["before", "child", "parent"]
    assert Counter(event.name for event in receiver.events) == Counter(sent)
    assert len({event.uid for event in receiver.events}) == len(sent)
    in_parent = len(sent) - 1
    assert json.loads(done.stdout) == [0, in_parent, in_parent]
    assert done.stderr == b""


@pytest.mark.parametrize("is_set_up", [False, True])
def test_a_forked_child_counts_from_zero(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    is_set_up: bool,  # noqa: FBT001 - a table
) -> None:
    """Whether or not an event was sent before."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")  # no thread, so nothing is lost with it here
    telemetry = make()
    if is_set_up:
        telemetry.send("x", {"another_bucket": {}})
        assert telemetry.stats != Stats()

    telemetry._after_fork()

    assert telemetry.stats == Stats()
