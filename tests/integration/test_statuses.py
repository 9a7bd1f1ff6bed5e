"""Outcomes that only one of the two protocols has: HTTP statuses, gRPC codes, sizes, redirects."""

from __future__ import annotations

import datetime
import time
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from otel_telemetry import Outcome
from otel_telemetry.testing import Answer, OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Receipt, Telemetry


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retryable_http_statuses_are_retried(
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
    status: int,
) -> None:
    """No event is lost."""
    http_receiver.answer(Answer(status=status))
    telemetry = make_telemetry(http_receiver)
    receipt = telemetry.send("didStart")
    settle(telemetry)

    assert receipt.outcome is Outcome.DELIVERED
    assert telemetry.stats.requests == {"retry": 1, "delivered": 1}


@pytest.mark.parametrize(
    "status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 409, 415, 422, 500, 501, 505]
)
def test_other_http_statuses_are_not_retried(
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
    status: int,
) -> None:
    """There is one request. The refusal is counted, and the receipt has the reason."""
    http_receiver.answer(Answer(status=status, retry_after=0))
    telemetry = make_telemetry(http_receiver)
    receipt = telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, f"HTTP status {status}")
    assert awaited(receipt) is False
    assert telemetry.stats.refused == 1
    assert len(http_receiver.requests) == 1


@pytest.mark.parametrize(
    "code",
    ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"],
)
def test_retryable_grpc_codes_are_retried(
    grpc_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    settle: Callable[[Telemetry], None],
    code: str,
) -> None:
    """No event is lost."""
    grpc_receiver.answer(Answer(grpc_code=code))
    telemetry = make_telemetry(grpc_receiver)
    receipt = telemetry.send("didStart")
    settle(telemetry)

    assert receipt.outcome is Outcome.DELIVERED
    assert telemetry.stats.requests == {"retry": 1, "delivered": 1}


@pytest.mark.parametrize(
    "code",
    [
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAUTHENTICATED",
    ],
)
def test_other_grpc_codes_are_not_retried(
    grpc_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
    code: str,
) -> None:
    """There is one request. The refusal is counted, and the receipt has the reason."""
    grpc_receiver.answer(Answer(grpc_code=code))
    telemetry = make_telemetry(grpc_receiver)
    receipt = telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, f"gRPC status {code}")
    assert awaited(receipt) is False
    assert telemetry.stats.refused == 1
    assert len(grpc_receiver.requests) == 1


def test_retry_after_with_a_date_delays_the_retry(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Retry-After may also be a number of seconds."""
    # To the second: a date of the next one but one lies between one and two seconds ahead.
    when = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    when += datetime.timedelta(seconds=2)
    http_receiver.answer(Answer.throttled(retry_after=format_datetime(when, usegmt=True)))
    telemetry = make_telemetry(http_receiver)
    telemetry.send("didStart")

    assert not telemetry.flush(0.1)
    assert telemetry.flush(10)
    assert time.time() >= when.timestamp() - 0.05


@pytest.mark.parametrize("is_grpc", [False, True], ids=["http", "grpc"])
def test_too_large_event_is_dropped_and_its_neighbours_arrive(
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
    *,
    is_grpc: bool,
) -> None:
    """The request is halved until the too large event is alone."""
    with OTLPReceiver(
        http=not is_grpc,
        grpc=is_grpc,
        http_max_request_bytes=4_000,
        grpc_max_request_bytes=4_000,
    ) as receiver:
        telemetry = make_telemetry(receiver, compression="none")
        for number in range(8):
            size = 10_000 if number == 5 else 10
            receipt = telemetry.send(
                "didStart", event_properties={"number": number, "text": "x" * size}
            )
        assert not telemetry.flush(10)

    arrived = sorted(str(event.attributes["number"]) for event in receiver.events)
    assert arrived == ["0", "1", "2", "3", "4", "6", "7"]
    assert telemetry.stats.delivered == 7
    assert telemetry.stats.dropped == {"too_large": 1}
    assert telemetry.stats.requests == {"too_large": 4, "delivered": 3}
    assert receipt.outcome is Outcome.PARTIAL
    assert awaited(receipt) is False


def test_single_event_too_large_is_dropped(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """A batch of one event cannot be split."""
    receiver.answer(Answer.too_large())
    telemetry = make_telemetry(receiver)
    receipt = telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "too_large")
    assert telemetry.stats.dropped == {"too_large": 1}


def test_halves_with_different_results_are_partial(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The backend accepts one half and refuses the other."""
    http_receiver.answer(Answer.too_large(), Answer(), Answer.bad_data())
    telemetry = make_telemetry(http_receiver)
    for _ in range(4):
        receipt = telemetry.send("didStart")

    assert not telemetry.flush(10)
    assert receipt.outcome is Outcome.PARTIAL
    assert (telemetry.stats.delivered, telemetry.stats.refused) == (2, 2)


def test_redirect_is_not_followed(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """No redirect is followed, so no header reaches another server."""
    with OTLPReceiver() as elsewhere:
        http_receiver.answer(Answer.redirect(f"{elsewhere.http_endpoint}/v1/logs"))
        telemetry = make_telemetry(http_receiver, headers={"X-Api-Key": "k"})
        receipt = telemetry.send("didStart")

        assert not telemetry.flush(10)
        assert receipt.outcome is Outcome.REFUSED
        assert elsewhere.requests == ()
