"""In an event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry import Outcome
from otel_telemetry.testing import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Receipt, Telemetry
    from otel_telemetry.testing import OTLPReceiver

SLACK: Final = 1.0  # seconds, for the noise of the machine


async def settled(receipt: Receipt) -> bool:
    """Await a receipt as a coroutine, which tasks can be made of."""
    return await receipt


def test_a_receipt_can_be_awaited(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """It gives True once the event is delivered, and the loop runs on meanwhile."""
    telemetry = make_telemetry(receiver, flush_interval=0.05)

    async def main() -> bool:
        return await asyncio.wait_for(settled(telemetry.send("didStart")), 10)

    assert asyncio.run(main()) is True
    assert [event.name for event in receiver.events] == ["didStart"]


def test_a_receipt_of_the_past_can_be_awaited(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """It gives the same, at once, as often as one likes."""
    http_receiver.answer(Answer.bad_data())
    telemetry = make_telemetry(http_receiver)
    receipt = telemetry.send("didStart")
    telemetry.flush(10)

    async def main() -> list[bool]:
        return [await receipt, await receipt]

    assert asyncio.run(main()) == [False, False]


def test_off_is_no_failure(make_telemetry: Callable[..., Telemetry]) -> None:
    """Whoever awaits the receipt of a switched-off telemetry hears that all is well."""
    telemetry = make_telemetry(enabled=False)

    async def main() -> bool:
        return await telemetry.send("didStart")

    assert asyncio.run(main()) is True


def test_sending_does_not_hold_the_loop_up(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Though the backend hangs, and the queue grows."""
    http_receiver.answer_always(Answer.held(threading.Event()))
    telemetry = make_telemetry(http_receiver, max_batch_events=10)
    telemetry.bootstrap()

    async def main() -> float:
        started = time.monotonic()
        for _ in range(1_000):
            telemetry.send("didStart")
            await asyncio.sleep(0)
        return time.monotonic() - started

    assert asyncio.run(main()) < SLACK


def test_many_tasks_may_await_one_receipt(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Each is woken."""
    telemetry = make_telemetry(http_receiver)

    async def main() -> list[bool]:
        tasks = [asyncio.create_task(settled(telemetry.send("didStart"))) for _ in range(20)]
        await asyncio.sleep(0)
        assert await telemetry.aflush(10)
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [True] * 20


@pytest.mark.parametrize("how", ["aflush", "adestroy"])
def test_flush_and_destroy_do_not_hold_the_loop_up(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry], how: str
) -> None:
    """They keep their deadline, and other tasks run meanwhile."""
    http_receiver.answer_always(Answer.held(threading.Event()))
    telemetry = make_telemetry(http_receiver)
    telemetry.send("didStart")

    async def main() -> tuple[bool, int, float]:
        started = time.monotonic()
        ending = asyncio.create_task(getattr(telemetry, how)(0.2))
        turns = 0
        while not ending.done():
            await asyncio.sleep(0.001)
            turns += 1
        return await ending, turns, time.monotonic() - started

    is_done, turns, took = asyncio.run(main())

    assert is_done is False
    assert turns > 10
    assert took < 0.3 + SLACK


def test_who_stops_waiting_is_forgotten(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """A task that was cancelled leaves nothing behind, and the event is delivered all the same."""
    telemetry = make_telemetry(http_receiver)
    receipt = telemetry.send("didStart")

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(settled(receipt), 0.05)
        assert await telemetry.aflush(10)

    asyncio.run(main())

    assert receipt.outcome is Outcome.DELIVERED


def test_a_loop_that_is_gone_does_not_matter(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Its tasks ended with it; the event is delivered after."""
    telemetry = make_telemetry(http_receiver)
    receipts = [telemetry.send("didStart")]

    async def main() -> None:
        task = asyncio.create_task(settled(receipts[0]))
        await asyncio.sleep(0)
        assert not task.done()

    asyncio.run(main())

    assert telemetry.flush(10)
    assert receipts[0].outcome is Outcome.DELIVERED


def test_the_whole_life_fits_an_async_with(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Set up on entering, flushed and destroyed on leaving."""

    async def main() -> Telemetry:
        async with make_telemetry(http_receiver, shutdown_timeout=10) as telemetry:
            telemetry.send("didStart")
        return telemetry

    telemetry = asyncio.run(main())

    assert [event.name for event in http_receiver.events] == ["didStart"]
    assert telemetry.send("late").reason == "destroyed"
