"""Telemetry in an event loop."""

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


def test_await_of_a_receipt_returns_true_after_delivery(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The event loop runs on meanwhile."""
    telemetry = make_telemetry(receiver, flush_interval=0.05)

    async def main() -> bool:
        return await asyncio.wait_for(settled(telemetry.send("didStart")), 10)

    assert asyncio.run(main()) is True
    assert [event.name for event in receiver.events] == ["didStart"]


def test_settled_receipt_can_be_awaited_again(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """It returns the same at once, each time."""
    http_receiver.answer(Answer.bad_data())
    telemetry = make_telemetry(http_receiver)
    receipt = telemetry.send("didStart")
    telemetry.flush(10)

    async def main() -> list[bool]:
        return [await receipt, await receipt]

    assert asyncio.run(main()) == [False, False]


def test_receipt_of_disabled_telemetry_is_true(make_telemetry: Callable[..., Telemetry]) -> None:
    """The receipt of a disabled instance is no failure."""
    telemetry = make_telemetry(enabled=False)

    async def main() -> bool:
        return await telemetry.send("didStart")

    assert asyncio.run(main()) is True


def test_send_does_not_block_the_event_loop(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The backend hangs, and the queue grows."""
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
    """Each task is woken."""
    telemetry = make_telemetry(http_receiver)

    async def main() -> list[bool]:
        tasks = [asyncio.create_task(settled(telemetry.send("didStart"))) for _ in range(20)]
        await asyncio.sleep(0)
        assert await telemetry.aflush(10)
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [True] * 20


@pytest.mark.parametrize("how", ["aflush", "adestroy"])
def test_flush_and_destroy_do_not_block_the_event_loop(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry], how: str
) -> None:
    """They keep their timeout, and other tasks run meanwhile."""
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


def test_cancelled_task_is_removed_from_the_receipt(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The event is delivered all the same."""
    telemetry = make_telemetry(http_receiver)
    receipt = telemetry.send("didStart")

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(settled(receipt), 0.05)
        assert await telemetry.aflush(10)

    asyncio.run(main())

    assert receipt.outcome is Outcome.DELIVERED


def test_closed_event_loop_does_not_stop_delivery(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Its tasks ended with it."""
    telemetry = make_telemetry(http_receiver)
    receipts = [telemetry.send("didStart")]

    async def main() -> None:
        task = asyncio.create_task(settled(receipts[0]))
        await asyncio.sleep(0)
        assert not task.done()

    asyncio.run(main())

    assert telemetry.flush(10)
    assert receipts[0].outcome is Outcome.DELIVERED


def test_async_with_flushes_and_destroys_on_exit(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Telemetry is set up on entry."""

    async def main() -> Telemetry:
        async with make_telemetry(http_receiver, shutdown_timeout=10) as telemetry:
            telemetry.send("didStart")
        return telemetry

    telemetry = asyncio.run(main())

    assert [event.name for event in http_receiver.events] == ["didStart"]
    assert telemetry.send("late").reason == "destroyed"
