"""Sessions: known where the application says so, and nowhere else."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.testing import OTLPReceiver

Make = Callable[..., Telemetry]


def _sessions(telemetry: Telemetry, receiver: OTLPReceiver) -> dict[str, object]:
    assert telemetry.flush(10)
    return {event.name: event.attributes.get("session.id") for event in receiver.events}


def test_events_in_a_session_share_its_id(make: Make, receiver: OTLPReceiver) -> None:
    """Those outside have none, and each session has its own."""
    telemetry = make()

    telemetry.send("before")
    with telemetry.session() as first:
        telemetry.send("first")
        with telemetry.session("given"):
            telemetry.send("inner")
        telemetry.send("first again")
    with telemetry.session() as second:
        pass
    telemetry.send("after")

    assert _sessions(telemetry, receiver) == {
        "before": None,
        "first": first,
        "inner": "given",
        "first again": first,
        "after": None,
    }
    assert first != second
    assert len(bytes.fromhex(first)) == 16


def test_a_session_is_one_applications(make: Make, receiver: OTLPReceiver) -> None:
    """Another one in the same process must not learn of it."""
    ours, theirs = make("ours"), make("theirs")

    with ours.session("secret"):
        theirs.send("x")

    assert _sessions(theirs, receiver) == {"x": None}


def test_what_a_block_starts_with_its_context_is_in_its_session(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Tasks are; a thread is if it is given the context."""
    telemetry = make()

    async def serve(name: str) -> None:
        with telemetry.session(name):
            await asyncio.gather(asyncio.to_thread(telemetry.send, f"thread of {name}"))
            telemetry.send(name)

    async def main() -> None:
        await asyncio.gather(serve("a"), serve("b"))

    asyncio.run(main())
    with telemetry.session("c"):
        context = contextvars.copy_context()
        with_it = threading.Thread(target=context.run, args=(telemetry.send, "with context"))
        without = threading.Thread(target=telemetry.send, args=("without",))
        for thread in with_it, without:
            thread.start()
            thread.join()

    assert _sessions(telemetry, receiver) == {
        "a": "a",
        "thread of a": "a",
        "b": "b",
        "thread of b": "b",
        "with context": "c",
        "without": None,
    }


@pytest.mark.parametrize("enabled", [True, False])
def test_a_block_that_raises_ends_its_session(make: Make, enabled: bool) -> None:  # noqa: FBT001 - a table
    """And the error is the application's own; also when telemetry is off."""
    telemetry = make(enabled=enabled)

    with pytest.raises(KeyError), telemetry.session("x"):
        raise KeyError


def test_a_session_of_the_events_own_wins(make: Make, receiver: OTLPReceiver) -> None:
    """Who gives it knows better."""
    telemetry = make()

    with telemetry.session("of the block"):
        telemetry.send("x", event_properties={"session.id": "its own"})

    assert _sessions(telemetry, receiver) == {"x": "its own"}
