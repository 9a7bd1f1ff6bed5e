"""Many threads, and a failing backend."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from otel_telemetry import Outcome
from otel_telemetry.testing import Answer, unique

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Receipt, Telemetry
    from otel_telemetry.testing import OTLPReceiver

THREADS: Final = 8
EVENTS: Final = 500
TROUBLE: Final = (
    Answer.unavailable(),
    Answer(),
    Answer.dropped(store=True),
    Answer(),
    Answer(),
    Answer.dropped(),
    Answer.too_large(),
    Answer(delay=0.05),
)


def in_threads(work: Callable[[int], None]) -> None:
    """Do *work* in all threads at once, and wait for its end."""
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> None:
        barrier.wait(10)
        work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_events_of_many_threads_arrive_once_with_a_failing_backend(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
) -> None:
    """It is down, loses responses, has a small limit, is slow, and restarts."""
    receiver.answer(*TROUBLE * 3)
    telemetry = make_telemetry(receiver, flush_interval=0.01, max_batch_events=100)

    def work(thread: int) -> None:
        for number in range(EVENTS):
            telemetry.send("didStart", event_properties={"thread": thread, "number": number})
            if thread == 0 and number == EVENTS // 2:
                receiver.stop()
                receiver.start()

    in_threads(work)
    settle(telemetry)

    arrived = [
        (event.attributes["thread"], event.attributes["number"])
        for event in unique(receiver.events)
    ]
    assert len(arrived) == THREADS * EVENTS
    assert set(arrived) == {(t, n) for t in range(THREADS) for n in range(EVENTS)}
    assert telemetry.stats.accepted == telemetry.stats.delivered == THREADS * EVENTS
    assert telemetry.stats.dropped == {}


def test_concurrent_first_events_share_one_delivery(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The first `send` starts the delivery once, on any thread."""
    telemetry = make_telemetry(http_receiver)

    def work(number: int) -> None:
        telemetry.send(f"from{number}")

    in_threads(work)
    assert telemetry.flush(10)

    assert sorted(event.name for event in http_receiver.events) == [
        f"from{number}" for number in range(THREADS)
    ]
    assert len(http_receiver.requests) == 1


def test_many_threads_may_wait_for_one_receipt(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Each thread is woken when the receipt is settled."""
    telemetry = make_telemetry(http_receiver)
    receipts: list[Receipt] = [telemetry.send("didStart")]
    outcomes: list[Outcome] = []

    def work(number: int) -> None:
        if number == 0:
            telemetry.flush(10)
        outcomes.append(receipts[0].wait(10))

    in_threads(work)

    assert outcomes == [Outcome.DELIVERED] * THREADS


def test_flush_and_destroy_are_safe_from_many_threads(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Other threads send meanwhile. Events before the end are delivered, later ones dropped."""
    telemetry = make_telemetry(http_receiver, max_batch_events=20, shutdown_timeout=10)

    def work(number: int) -> None:
        for _ in range(200):
            telemetry.send("didStart")
        if number % 2:
            telemetry.flush(10)
        else:
            telemetry.destroy()

    in_threads(work)
    stats = telemetry.stats

    assert stats.accepted == THREADS * 200
    assert stats.pending == 0
    assert len(http_receiver.events) >= stats.delivered
    # Each thread may have been within `send` just then, too late for the last flush.
    at_the_end = stats.accepted - stats.delivered - stats.dropped.get("destroyed", 0)
    assert at_the_end == stats.spooled + stats.dropped.get("shutdown", 0)
    assert at_the_end <= THREADS + 20  # a batch may be on its way just then
