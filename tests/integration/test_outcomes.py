"""Outcomes of events when the backend fails, refuses or rejects; over HTTP and gRPC."""

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


def test_success_settles_the_receipt_as_delivered(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
) -> None:
    """The counts and the awaited receipt agree."""
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")
    assert telemetry.flush(10)

    assert receipt.outcome is Outcome.DELIVERED
    assert awaited(receipt) is True
    assert summary(telemetry.stats) == {"delivered": 1}
    assert telemetry.stats.requests == {"delivered": 1}


def test_unavailable_backend_is_retried(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
) -> None:
    """The retry comes within a second, and the flush waits for it."""
    receiver.answer(Answer.unavailable())
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")

    assert telemetry.flush(10)
    assert awaited(receipt) is True
    assert [event.name for event in receiver.events] == ["didStart"]
    assert summary(telemetry.stats) == {"delivered": 1}
    assert telemetry.stats.requests == {"retry": 1, "delivered": 1}


def test_retry_after_delays_even_a_flush(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The delay is in Retry-After or RetryInfo."""
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
def test_lost_connection_is_retried(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
    *,
    store: bool,
) -> None:
    """A store may then hold duplicates, which have equal event ids."""
    receiver.answer(Answer.dropped(store=store))
    telemetry = make_telemetry(receiver)
    for _ in range(3):
        telemetry.send("didStart")
    settle(telemetry)

    assert len(receiver.events) == (6 if store else 3)
    assert len(unique(receiver.events)) == 3
    assert summary(telemetry.stats) == {"delivered": 3}


def test_restarted_backend_gets_the_waiting_events(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
) -> None:
    """It uses the same port."""
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


def test_refused_events_are_not_retried(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
    log_messages: Callable[[], list[str]],
) -> None:
    """There is one request. The refusal is counted and logged."""
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


def test_events_after_a_refusal_are_sent(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """A refusal ends only its own batch."""
    receiver.answer(Answer.unauthenticated())
    telemetry = make_telemetry(receiver)
    telemetry.send("refused")
    assert not telemetry.flush(10)
    telemetry.send("taken")

    assert telemetry.flush(10)
    assert [event.name for event in receiver.events] == ["taken"]


def test_partial_success_is_counted_and_not_retried(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
    log_messages: Callable[[], list[str]],
) -> None:
    """The reason is the message of the backend."""
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


def test_rejected_count_beyond_the_batch_rejects_the_whole_batch(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The counts add up after every response."""
    receiver.answer(Answer.partial(1000))
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert receipt.outcome is Outcome.PARTIAL
    assert summary(telemetry.stats) == {"rejected": 1}


def test_warning_of_the_backend_is_logged(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    log_messages: Callable[[], list[str]],
) -> None:
    """No record is rejected, and every event is delivered."""
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


def test_slow_success_within_the_timeout_is_delivered(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """There is no retry."""
    answered = threading.Event()
    receiver.answer(Answer.held(answered))
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")
    assert not telemetry.flush(0.3)
    answered.set()

    assert telemetry.flush(10)
    assert receipt.outcome is Outcome.DELIVERED
    assert len(receiver.requests) == 1


def test_failing_batch_does_not_block_the_next(
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
) -> None:
    """It goes to the end of the queue."""
    receiver.answer(Answer.unavailable())
    telemetry = make_telemetry(receiver, max_batch_events=1)
    telemetry.send("first")
    telemetry.send("second")
    settle(telemetry)

    assert {event.name for event in receiver.events} == {"first", "second"}
    assert summary(telemetry.stats) == {"delivered": 2}


def test_queue_full_drops_new_events(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """They are counted, and earlier events are kept."""
    receiver.answer_always(Answer.unavailable())
    telemetry = make_telemetry(receiver, max_pending_bytes=20_000)
    receipts = [
        telemetry.send("didStart", event_properties={"text": "x" * 1_000}) for _ in range(50)
    ]

    dropped = [receipt for receipt in receipts if receipt.outcome is Outcome.DROPPED]
    assert {receipt.reason for receipt in dropped} == {"queue_full"}
    assert telemetry.stats.dropped == {"queue_full": len(dropped)}
    assert 10 < telemetry.stats.pending < 20


def test_invalid_unicode_is_replaced(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Its neighbours are sent unchanged."""
    telemetry = make_telemetry(receiver)
    for value in ("x", "\ud800", "y"):
        telemetry.send("didStart", event_properties={"key": value})
    assert telemetry.flush(10)

    assert [event.attributes["key"] for event in receiver.events] == ["x", "\ufffd", "y"]
