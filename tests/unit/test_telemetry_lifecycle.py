"""register, bootstrap, send, flush, destroy: in any order, as often as one likes."""

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


def test_register_decides_and_stays_with_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided for the environment at the start holds to the end."""
    telemetry = make()
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    telemetry.register()
    telemetry.register()

    assert (telemetry.decision.enabled, telemetry.decision.source) == (True, "code")
    assert not telemetry.is_disabled


def test_to_ask_for_the_decision_is_to_register(make: Make) -> None:
    """No order has to be kept before one may ask."""
    assert make(enabled=None).is_disabled
    assert make(enabled=None).decision.source == "default"


def test_register_starts_nothing(make: Make, receiver: OTLPReceiver, tmp_path: Path) -> None:
    """No thread, no file, no request."""
    threads = threading.enumerate()
    telemetry = make(spool=tmp_path / "spool")

    telemetry.register()

    assert threading.enumerate() == threads
    assert not (tmp_path / "spool").exists()
    assert receiver.requests == ()


def test_bootstrap_sets_up_once(make: Make) -> None:
    """The second call finds the first one's work."""
    telemetry = make()

    telemetry.bootstrap()
    pipeline = telemetry._state.pipeline
    telemetry.bootstrap()

    assert pipeline is not None
    assert telemetry._state.pipeline is pipeline
    assert telemetry.decision.enabled


def test_threads_that_bootstrap_at_once_set_up_once(make: Make, receiver: OTLPReceiver) -> None:
    """The first events of many threads meet one pipeline, and all arrive."""
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
    """What is sent before the end arrives; what is sent after is counted as such."""
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
    """Send everything now."""

    def test_it_is_true_once_the_backend_has_it_all(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """And at once where there is nothing to send."""
        telemetry = make(flush_interval=3600)
        assert telemetry.flush()

        telemetry.send("x")

        assert telemetry.flush(10)
        assert len(receiver.events) == 1

    def test_it_keeps_its_deadline(self, make: Make, receiver: OTLPReceiver) -> None:
        """A backend that does not answer is not waited for: this returns while it is silent."""
        answered = threading.Event()
        receiver.answer(Answer.held(answered))
        telemetry = make()
        telemetry.send("x")

        assert not telemetry.flush(0.05)

        answered.set()
        assert telemetry.flush(10)

    def test_it_is_false_if_anything_was_lost(self, make: Make, receiver: OTLPReceiver) -> None:
        """A refusal is an answer, but no success."""
        receiver.answer(Answer.bad_data())
        telemetry = make()

        telemetry.send("x")

        assert not telemetry.flush(10)

    def test_a_deadline_that_is_none_raises_nothing(self, make: Make) -> None:
        """The host never pays for a wrong argument."""
        telemetry = make()
        telemetry.send("x")

        assert not telemetry.flush("soon")  # type: ignore[arg-type]  # what is tested


def test_its_repr_tells_its_state(make: Make) -> None:
    """Who it is, and whether it is on."""
    on, off = make(), make(enabled=False)

    assert repr(on) == "<Telemetry 'acme-cms': undecided>"
    on.register()
    off.register()
    assert repr(on) == "<Telemetry 'acme-cms': on>"
    assert repr(off) == "<Telemetry 'acme-cms': off>"
    on.destroy()
    assert repr(on) == "<Telemetry 'acme-cms': destroyed>"


class TestDestroy:
    """The end, which is final."""

    def test_it_sends_what_is_pending(self, make: Make, receiver: OTLPReceiver) -> None:
        """True says that nothing was left behind, however often one asks."""
        telemetry = make(flush_interval=3600)
        telemetry.send("x")

        assert telemetry.destroy(10)
        assert telemetry.destroy()

        assert len(receiver.events) == 1

    def test_a_later_event_is_dropped_and_counted(self, make: Make, receiver: OTLPReceiver) -> None:
        """Nothing comes to life again."""
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

    def test_what_was_never_set_up_has_nothing_to_leave(self, make: Make) -> None:
        """And is not set up by a later event."""
        telemetry = make()

        assert telemetry.destroy()
        assert telemetry.send("x").reason == "destroyed"
        assert telemetry._state.pipeline is None

    def test_what_is_off_stays_off(self, make: Make) -> None:
        """An event after the end of nothing is no drop."""
        telemetry = make(enabled=False)

        assert telemetry.destroy()
        assert telemetry.send("x").outcome is Outcome.DISABLED
        assert telemetry.stats.accepted == 0

    @pytest.mark.parametrize("spool", [False, True])
    def test_it_says_every_time_that_something_was_left(
        self,
        make: Make,
        spool: bool,  # noqa: FBT001 - a table
    ) -> None:
        """A dead backend: dropped and counted, or left on disk and counted."""
        with refusing_port() as port:
            telemetry = make(endpoint=f"http://127.0.0.1:{port}", spool=spool)
            telemetry.send("x")

            assert not telemetry.destroy(0.05)
            assert not telemetry.destroy(0.05)

        stats = telemetry.stats
        assert (stats.accepted, stats.pending) == (1, 0)
        assert (stats.spooled, stats.dropped) == ((1, {}) if spool else (0, {"shutdown": 1}))

    def test_a_second_one_meanwhile_does_not_claim_that_it_is_over(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """Two threads may end the program: only what was acknowledged is not left behind."""
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

    def test_it_keeps_the_deadline_of_the_settings(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """It returns while the backend is silent, and its thread ends."""
        answered = threading.Event()
        receiver.answer_always(Answer.held(answered))
        telemetry = make(shutdown_timeout=0.05, spool=False)
        receipt = telemetry.send("x")

        assert not telemetry.destroy()

        assert (receipt.wait(10), receipt.reason) == (Outcome.DROPPED, "shutdown")
        answered.set()

    def test_a_deadline_that_is_none_raises_nothing_and_leaves_no_thread(self, make: Make) -> None:
        """The host never pays for a wrong argument."""
        telemetry = make(spool=False)
        telemetry.send("x")

        telemetry.destroy("soon")  # type: ignore[arg-type]  # what is tested

        assert telemetry.send("x").reason == "destroyed"

    def test_a_destroyed_instance_is_let_go(self, receiver: OTLPReceiver) -> None:
        """Neither the interpreter's exit nor a fork keeps it alive."""
        telemetry = Telemetry("acme", enabled=True, endpoint=receiver.http_endpoint)
        telemetry.send("x")
        gone = weakref.ref(telemetry)

        telemetry.destroy(10)
        del telemetry
        gc.collect()

        assert gone() is None

    def test_the_end_of_the_interpreter_destroys_what_nobody_did(
        self, receiver: OTLPReceiver
    ) -> None:
        """A command that forgets it loses nothing."""
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
    """Begin and end by the block."""

    def test_it_bootstraps_and_destroys(self, make: Make, receiver: OTLPReceiver) -> None:
        """What is sent within the block has arrived after it."""
        with make(flush_interval=3600) as telemetry:
            assert telemetry._state.pipeline is not None
            telemetry.send("x")

        assert len(receiver.events) == 1
        assert telemetry.send("x").reason == "destroyed"

    def test_an_error_in_the_block_comes_out_of_it(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """And the events before it are sent."""

        def fail() -> None:
            with make() as telemetry:
                telemetry.send("x")
                raise KeyError

        with pytest.raises(KeyError):
            fail()

        assert len(receiver.events) == 1

    def test_async_with_does_the_same(self, make: Make, receiver: OTLPReceiver) -> None:
        """Without blocking the loop; `aflush` within it."""

        async def main() -> bool:
            async with make(flush_interval=3600) as telemetry:
                telemetry.send("x")
                is_flushed = await telemetry.aflush(10)
                telemetry.send("y")
            return is_flushed

        assert asyncio.run(main())
        assert [event.name for event in receiver.events] == ["x", "y"]

    def test_adestroy_lets_the_loop_run(self, make: Make, receiver: OTLPReceiver) -> None:
        """Others go on while the last request is on its way."""
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
def test_each_event_is_sent_once_by_the_process_that_has_it(
    receiver: OTLPReceiver, moment: str
) -> None:
    """The child begins with nothing and sends its own; the parent goes on as before."""
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
def test_a_new_process_counts_from_zero(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    is_set_up: bool,  # noqa: FBT001 - a table
) -> None:
    """Whether or not anything was sent before."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")  # no thread, so nothing is lost with it here
    telemetry = make()
    if is_set_up:
        telemetry.send("x", {"another_bucket": {}})
        assert telemetry.stats != Stats()

    telemetry._after_fork()

    assert telemetry.stats == Stats()
