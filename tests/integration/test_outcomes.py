"""What becomes of events when the backend does not simply take them; over HTTP and gRPC alike."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from otel_telemetry import Outcome
from otel_telemetry.testing import Answer, unique
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Receipt, Stats, Telemetry
    from otel_telemetry.testing import OTLPReceiver

BOTH_STORES = pytest.mark.parametrize("store", [True, False], ids=["stored", "lost"])


def summary(stats: Stats) -> dict[str, object]:
    """Return the counts that are not zero."""
    counts = {
        "delivered": stats.delivered,
        "pending": stats.pending,
        "rejected": stats.rejected,
        "refused": stats.refused,
        **stats.dropped,
    }
    return {name: count for name, count in counts.items() if count}


def test_a_success_is_a_delivery(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
) -> None:
    """The receipt, what awaiting it gives, and the counts say so."""
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")
    assert telemetry.flush(10)

    assert receipt.outcome is Outcome.DELIVERED
    assert awaited(receipt) is True
    assert summary(telemetry.stats) == {"delivered": 1}
    assert telemetry.stats.requests == {"delivered": 1}


def test_a_backend_that_is_down_for_a_moment_is_asked_again(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
) -> None:
    """By itself, after a second at most; the flush waits for it."""
    receiver.answer(Answer.unavailable())
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")

    assert telemetry.flush(10)
    assert awaited(receipt) is True
    assert [event.name for event in receiver.events] == ["didStart"]
    assert summary(telemetry.stats) == {"delivered": 1}
    assert telemetry.stats.requests == {"retry": 1, "delivered": 1}


def test_a_backend_that_asks_for_time_gets_it(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Retry-After, or RetryInfo: not even a flush comes sooner."""
    receiver.answer(Answer.throttled(retry_after=1))
    telemetry = make_telemetry(receiver)
    telemetry.send("didStart")

    started = time.monotonic()
    assert not telemetry.flush(0.3)
    assert not telemetry.flush(0.1)
    assert len(receiver.requests) == 1
    assert telemetry.flush(10)
    assert time.monotonic() - started > 0.95


@BOTH_STORES
def test_a_lost_connection_is_no_answer(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
    *,
    store: bool,
) -> None:
    """The events go again: a store may then have copies, which their ids tell."""
    receiver.answer(Answer.dropped(store=store))
    telemetry = make_telemetry(receiver)
    for _ in range(3):
        telemetry.send("didStart")
    settle(telemetry)

    assert len(receiver.events) == (6 if store else 3)
    assert len(unique(receiver.events)) == 3
    assert summary(telemetry.stats) == {"delivered": 3}


def test_a_backend_that_is_gone_is_found_when_it_is_back(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
) -> None:
    """On the same port, with what was sent in the meantime."""
    telemetry = make_telemetry(receiver)
    telemetry.send("before")
    assert telemetry.flush(10)
    receiver.stop()
    receipt = telemetry.send("meanwhile")
    assert not telemetry.flush(0.2)
    assert summary(telemetry.stats) == {"delivered": 1, "pending": 1}
    receiver.start()
    settle(telemetry)

    assert [event.name for event in receiver.events] == ["before", "meanwhile"]
    assert receipt.outcome is Outcome.DELIVERED


def test_bad_data_is_refused_for_good(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
    log_messages: Callable[[], list[str]],
) -> None:
    """One request, counted and logged."""
    receiver.answer(Answer.bad_data("secret"))
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")
    telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert awaited(receipt) is False
    assert (receipt.outcome, receipt.reason) in {
        (Outcome.REFUSED, "HTTP status 400"),
        (Outcome.REFUSED, "gRPC status INVALID_ARGUMENT"),
    }
    assert summary(telemetry.stats) == {"refused": 2}
    assert len(receiver.requests) == 1
    wait_until(
        lambda: f"telemetry was refused: {receipt.reason}" in log_messages(),
        within=5,
        what="the word",
    )
    assert not any("secret" in text for text in log_messages())


def test_the_next_events_after_a_refusal_are_sent(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """One bad request is not the end."""
    receiver.answer(Answer.unauthenticated())
    telemetry = make_telemetry(receiver)
    telemetry.send("refused")
    assert not telemetry.flush(10)
    telemetry.send("taken")

    assert telemetry.flush(10)
    assert [event.name for event in receiver.events] == ["taken"]


def test_what_the_backend_rejects_is_counted_and_not_sent_again(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
    log_messages: Callable[[], list[str]],
) -> None:
    """A partial success, with the backend's own words."""
    receiver.answer(Answer.partial(1, "no such tenant"))
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")
    for _ in range(2):
        telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert (receipt.outcome, receipt.reason) == (Outcome.PARTIAL, "no such tenant")
    assert awaited(receipt) is False
    assert summary(telemetry.stats) == {"delivered": 2, "rejected": 1}
    assert telemetry.stats.requests == {"partial": 1}
    assert len(receiver.requests) == 1
    wait_until(
        lambda: "the telemetry backend sent a warning: no such tenant" in log_messages(),
        within=5,
        what="the word",
    )


def test_a_backend_that_rejects_more_than_it_got_rejects_all(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The counts add up after every response."""
    receiver.answer(Answer.partial(1000))
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert receipt.outcome is Outcome.PARTIAL
    assert summary(telemetry.stats) == {"rejected": 1}


def test_a_warning_is_passed_on(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    log_messages: Callable[[], list[str]],
) -> None:
    """With nothing rejected, the backend's words go to the log, and all is delivered."""
    receiver.answer(Answer(message="this format is old"))
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")

    assert telemetry.flush(10)
    assert receipt.outcome is Outcome.DELIVERED
    assert summary(telemetry.stats) == {"delivered": 1}
    wait_until(
        lambda: "the telemetry backend sent a warning: this format is old" in log_messages(),
        within=5,
        what="the word",
    )


def test_a_slow_success_is_a_success(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """As long as it comes within the time-out."""
    answered = threading.Event()
    receiver.answer(Answer.held(answered))
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")
    assert not telemetry.flush(0.3)
    answered.set()

    assert telemetry.flush(10)
    assert receipt.outcome is Outcome.DELIVERED
    assert len(receiver.requests) == 1


def test_one_batch_that_cannot_be_sent_does_not_block_the_next(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
) -> None:
    """It goes to the end of the line."""
    receiver.answer(Answer.unavailable())
    telemetry = make_telemetry(receiver, max_batch_events=1)
    telemetry.send("first")
    telemetry.send("second")
    settle(telemetry)

    assert {event.name for event in receiver.events} == {"first", "second"}
    assert summary(telemetry.stats) == {"delivered": 2}


def test_beyond_the_memory_for_them_events_are_dropped(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """New ones, and counted; what was accepted before is kept."""
    receiver.answer_always(Answer.unavailable())
    telemetry = make_telemetry(receiver, max_pending_bytes=20_000)
    receipts = [
        telemetry.send("didStart", event_properties={"text": "x" * 1_000}) for _ in range(50)
    ]

    dropped = [receipt for receipt in receipts if receipt.outcome is Outcome.DROPPED]
    assert {receipt.reason for receipt in dropped} == {"queue_full"}
    assert telemetry.stats.dropped == {"queue_full": len(dropped)}
    assert 10 < telemetry.stats.pending < 20


def test_a_text_that_is_no_unicode_is_mended(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """And its neighbours go as they are."""
    telemetry = make_telemetry(receiver)
    for value in ("x", "\ud800", "y"):
        telemetry.send("didStart", event_properties={"key": value})
    assert telemetry.flush(10)

    assert [event.attributes["key"] for event in receiver.events] == ["x", "\ufffd", "y"]
