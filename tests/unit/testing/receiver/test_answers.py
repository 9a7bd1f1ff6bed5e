"""What a receiver can be told to answer."""

from __future__ import annotations

import threading

import grpc
import pytest

from otel_telemetry.testing import Answer


def test_every_grpc_status_code_can_be_answered() -> None:
    """The names are those of grpc.StatusCode, all of them."""
    answers = [Answer(grpc_code=code.name) for code in grpc.StatusCode]

    assert [answer.grpc_code for answer in answers] == [code.name for code in grpc.StatusCode]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"status": 100}, "status must be 200 to 599, not 100", id="interim status"),
        pytest.param({"status": 600}, "status must be 200 to 599, not 600", id="no status"),
        pytest.param({"rejected": -1}, "cannot be negative", id="rejected"),
        pytest.param({"delay": -1}, "cannot be negative", id="delay"),
        pytest.param({"bytes_per_second": 0}, "more than 0", id="speed"),
    ],
)
def test_an_answer_that_cannot_be_sent_is_refused_where_it_is_made(
    settings: dict[str, int], complaint: str
) -> None:
    """A mistake in a test shows in the test, not in a thread of the receiver."""
    with pytest.raises(ValueError, match=complaint):
        Answer(**settings)  # type: ignore[arg-type]


def test_an_unknown_grpc_code_is_refused() -> None:
    """Names are checked without gRPC."""
    with pytest.raises(ValueError, match="not 'BROKEN'"):
        Answer(grpc_code="BROKEN")


@pytest.mark.parametrize(
    ("answer", "status", "grpc_code"),
    [
        pytest.param(Answer(), 200, "OK", id="success"),
        pytest.param(Answer.partial(2, "too old"), 200, "OK", id="partial"),
        pytest.param(Answer.unavailable(3), 503, "UNAVAILABLE", id="unavailable"),
        pytest.param(Answer.throttled(3), 429, "RESOURCE_EXHAUSTED", id="throttled"),
        pytest.param(Answer.too_large(), 413, "RESOURCE_EXHAUSTED", id="too large"),
        pytest.param(Answer.bad_data(), 400, "INVALID_ARGUMENT", id="bad data"),
        pytest.param(Answer.unauthenticated(), 401, "UNAUTHENTICATED", id="unauthenticated"),
        pytest.param(Answer.redirect("http://x"), 308, "FAILED_PRECONDITION", id="redirect"),
    ],
)
def test_a_named_answer_means_the_same_in_both_protocols(
    answer: Answer, status: int, grpc_code: str
) -> None:
    """Each has the HTTP status and the gRPC code that OTLP pairs."""
    assert (answer.status, answer.grpc_code) == (status, grpc_code)


def test_named_answers_carry_what_they_are_given() -> None:
    """Times, messages, counts, places and events end up in their fields."""
    gate = threading.Event()

    assert Answer.unavailable(3).retry_after == 3
    assert Answer.throttled("soon").retry_after == "soon"
    assert Answer.partial(2, "too old") == Answer(rejected=2, message="too old")
    assert Answer.bad_data("no").message == "no"
    assert Answer.redirect("http://x", 302).headers == {"Location": "http://x"}
    assert Answer.dropped() == Answer(drop=True, store=False)
    assert Answer.dropped(store=True) == Answer(drop=True, store=True)
    assert Answer.held(gate) == Answer(until=gate)
