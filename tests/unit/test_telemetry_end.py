"""The end: in time, for good, and honest about what was left."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable

import pytest

from otel_telemetry import Outcome, Telemetry
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.processes import refusing_port

Make = Callable[..., Telemetry]


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
        assert telemetry._pipeline is None

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
            assert telemetry._pipeline is not None
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
