"""The receipt of an event, before and after it is settled."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from otel_telemetry.receipt import DISABLED, Outcome, Receipt, dropped
from otel_telemetry.stats import DropReason

_LONG = 30


class TestNow:
    """What is known at once."""

    def test_a_new_one_is_pending(self) -> None:
        """A new receipt has no outcome."""
        receipt = Receipt()

        assert (receipt.outcome, receipt.reason) == (Outcome.PENDING, "")

    def test_it_is_settled_once(self) -> None:
        """Later outcomes are ignored."""
        receipt = Receipt()

        receipt.settle(Outcome.REFUSED, "HTTP status 400")
        receipt.settle(Outcome.DELIVERED)

        assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "HTTP status 400")

    def test_one_that_began_settled_stays_so(self) -> None:
        """No caller can change a shared receipt."""
        DISABLED.settle(Outcome.REFUSED, "no")

        assert DISABLED.outcome is Outcome.DISABLED

    def test_dropped_ones_with_a_reason_are_one(self) -> None:
        """A flood of drops makes no object each."""
        assert dropped(DropReason.QUEUE_FULL) is dropped(DropReason.QUEUE_FULL)
        assert dropped(DropReason.QUEUE_FULL).outcome is Outcome.DROPPED
        assert dropped(DropReason.QUEUE_FULL).reason == "queue_full"

    @pytest.mark.parametrize(
        ("receipt", "text"),
        [
            (Receipt(), "Receipt(PENDING)"),
            (Receipt(Outcome.DROPPED, "invalid"), "Receipt(DROPPED, 'invalid')"),
        ],
    )
    def test_its_repr_says_it_all(self, receipt: Receipt, text: str) -> None:
        """A receipt in a log or at the prompt needs no further questions."""
        assert repr(receipt) == text


class TestWait:
    """Waiting in a thread."""

    def test_a_settled_one_answers_at_once(self) -> None:
        """There is nothing to wait for."""
        assert Receipt(Outcome.DELIVERED).wait() is Outcome.DELIVERED

    def test_the_time_is_kept(self) -> None:
        """PENDING says that the time was up first."""
        assert Receipt().wait(timeout=0) is Outcome.PENDING

    def test_all_who_wait_are_woken(self) -> None:
        """The events of a batch share one receipt, and many may wait for it."""
        receipt = Receipt()
        found: list[Outcome] = []
        threads = [
            threading.Thread(target=lambda: found.append(receipt.wait(_LONG))) for _ in range(4)
        ]

        for thread in threads:
            thread.start()
        receipt.settle(Outcome.DELIVERED)
        for thread in threads:
            thread.join()

        assert found == [Outcome.DELIVERED] * 4

    def test_who_gave_up_leaves_nothing_behind(self) -> None:
        """Asking again and again, while the backend is away, does not fill the memory."""
        receipt = Receipt()

        for _ in range(3):
            receipt.wait(timeout=0)

        assert receipt._waiting == []


class TestAwait:
    """Waiting in an event loop."""

    @pytest.mark.parametrize(
        ("outcome", "good"),
        [
            (Outcome.DELIVERED, True),
            (Outcome.SPOOLED, True),
            (Outcome.DISABLED, True),
            (Outcome.PARTIAL, False),
            (Outcome.REFUSED, False),
            (Outcome.DROPPED, False),
        ],
    )
    def test_it_gives_a_bool(self, outcome: Outcome, good: bool) -> None:  # noqa: FBT001 - a table
        """True if the event is safe, or there was nothing to do."""

        async def main() -> bool:
            return await Receipt(outcome)

        assert asyncio.run(main()) is good

    def test_another_thread_settles_it(self) -> None:
        """The loop is woken from the worker's thread."""

        async def main() -> bool:
            receipt = Receipt()
            settler = threading.Thread(target=receipt.settle, args=(Outcome.DELIVERED,))
            asyncio.get_running_loop().call_soon(settler.start)
            try:
                return await receipt
            finally:
                settler.join()

        assert asyncio.run(main()) is True

    def test_many_tasks_wait_for_one(self) -> None:
        """Each gets the answer."""

        async def wait(receipt: Receipt) -> bool:
            return await receipt

        async def main() -> list[bool]:
            receipt = Receipt()
            asyncio.get_running_loop().call_soon(receipt.settle, Outcome.REFUSED)
            return await asyncio.gather(*(wait(receipt) for _ in range(3)))

        assert asyncio.run(main()) == [False] * 3

    def test_a_cancelled_task_leaves_nothing_behind(self) -> None:
        """A time-out in the application frees its task and its loop, however long the outage."""

        class Marker:
            """Referenced by this task alone."""

        async def wait(receipt: Receipt, _marker: Marker) -> bool:
            return await receipt

        async def main(receipt: Receipt) -> weakref.ref[Marker]:
            marker = Marker()
            gone = weakref.ref(marker)
            task = asyncio.ensure_future(wait(receipt, marker))
            del marker
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return gone

        receipt = Receipt()
        gone = asyncio.run(main(receipt))
        gc.collect()

        assert gone() is None
        assert receipt._waiting == []

    def test_settling_for_a_task_that_was_cancelled_meanwhile_is_harmless(self) -> None:
        """The answer and the cancellation may cross."""

        async def wait(receipt: Receipt) -> bool:
            return await receipt

        async def main() -> None:
            receipt = Receipt()
            task = asyncio.ensure_future(wait(receipt))
            await asyncio.sleep(0)
            receipt.settle(Outcome.DELIVERED)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())

    def test_settling_after_the_loop_has_ended_is_harmless(self) -> None:
        """The worker does not pay for an application that went without waiting."""
        receipt = Receipt()
        other = Receipt()
        loop = asyncio.new_event_loop()

        async def wait() -> bool:
            return await receipt

        task = loop.create_task(wait())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        receipt.settle(Outcome.DELIVERED)
        other.settle(Outcome.DELIVERED)

        assert receipt.outcome is Outcome.DELIVERED
        # Let the task go without its complaint that it was never finished.
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch
