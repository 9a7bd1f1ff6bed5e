"""What becomes of events is known and counted, whatever is sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_telemetry import Outcome, Telemetry
from otel_telemetry.testing import Answer, OTLPReceiver

Make = Callable[..., Telemetry]


def test_many_threads_send_at_once(make: Make, receiver: OTLPReceiver) -> None:
    """Nothing is lost, nothing doubled, and the counts agree."""
    telemetry = make(flush_interval=0.01)

    def send() -> None:
        for number in range(200):
            telemetry.send("x", event_properties={"number": number}, user_properties={"u": number})

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert telemetry.flush(10)
    assert len({event.uid for event in receiver.events}) == 1600
    assert (telemetry.stats.accepted, telemetry.stats.delivered) == (1600, 1600)


def test_a_receipt_tells_that_it_arrived(make: Make) -> None:
    """At once, by waiting, and by awaiting."""
    telemetry = make(flush_interval=0.01)

    async def main() -> bool:
        return await telemetry.send("x")

    assert asyncio.run(main()) is True
    assert telemetry.send("x").wait(10) is Outcome.DELIVERED


def test_a_receipt_tells_that_it_was_refused(make: Make, receiver: OTLPReceiver) -> None:
    """With the reason in words, and False for who awaits it."""
    telemetry = make(flush_interval=0.01)
    receiver.answer_always(Answer.bad_data())

    async def main() -> bool:
        return await telemetry.send("x")

    assert asyncio.run(main()) is False
    receipt = telemetry.send("x")
    assert receipt.wait(10) is Outcome.REFUSED
    assert receipt.reason == "HTTP status 400"


def test_the_counts_always_add_up(make: Make, receiver: OTLPReceiver) -> None:
    """Delivered, rejected, refused and dropped together are what was accepted."""
    telemetry = make(before_send=lambda event: None if event.name == "private" else event)

    def send() -> None:
        for name in ("x", "x", "private", ""):
            telemetry.send(name)
        telemetry.flush(10)

    receiver.answer(Answer(), Answer.partial(1, "no"), Answer.bad_data())
    for _ in range(3):
        send()

    stats = telemetry.stats
    assert stats.accepted == 12
    assert (stats.delivered, stats.rejected, stats.refused, stats.pending) == (3, 1, 2, 0)
    assert stats.dropped == {"before_send": 3, "invalid": 3}
    assert stats.requests == {"delivered": 1, "partial": 1, "refused": 1}


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_no_input_whatever_raises_or_harms_its_neighbours(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Whatever is sent between two good events, both arrive, and all is counted."""
    telemetry = make(spool=False)
    examples = 0

    @settings(max_examples=200)
    @given(_ANYTHING, _ANYTHING, _ANYTHING, _ANYTHING)
    def send(name: object, payload: object, properties: object, timestamp: object) -> None:
        nonlocal examples
        examples += 1
        telemetry.send("good")
        telemetry.send(name, payload, user_properties=properties, timestamp=timestamp)  # type: ignore[arg-type]  # what is tested
        telemetry.send("good", {"event_properties": properties})  # type: ignore[dict-item]  # too

    send()

    assert telemetry.flush(10)
    assert sum(event.name == "good" for event in receiver.events) >= 2 * examples
    stats = telemetry.stats
    assert stats.accepted == 3 * examples == stats.delivered + sum(stats.dropped.values())
    assert set(stats.dropped) <= {"invalid"}


def test_a_signal_handler_may_send_in_the_midst_of_a_send(make: Make) -> None:
    """It runs in the thread that it interrupts, which may hold our lock."""
    telemetry = make()
    telemetry.bootstrap()

    with telemetry._counters.lock:
        receipt = telemetry.send("x")

    assert telemetry.flush(10)
    assert receipt.outcome is Outcome.DELIVERED
