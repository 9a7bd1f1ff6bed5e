"""The answers of the receiver, and their OTLP messages."""

from __future__ import annotations

import json
import threading

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from otel_telemetry.testing import Answer
from otel_telemetry.testing.receiver.answers import JSON, PROTOBUF, http_body, retry_later


def test_an_answer_can_have_every_grpc_status_code() -> None:
    """The names are those of grpc.StatusCode."""
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
def test_an_answer_that_cannot_be_sent_raises_value_error(
    settings: dict[str, int], complaint: str
) -> None:
    """A mistake raises in the test, not in a thread of the receiver."""
    with pytest.raises(ValueError, match=complaint):
        Answer(**settings)  # type: ignore[arg-type]


def test_an_unknown_grpc_code_raises_value_error() -> None:
    """The check does not import gRPC."""
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
def test_a_named_answer_has_the_status_of_both_protocols(
    answer: Answer, status: int, grpc_code: str
) -> None:
    """Each sets the HTTP status and the gRPC code that OTLP pairs."""
    assert (answer.status, answer.grpc_code) == (status, grpc_code)


def test_named_answers_keep_their_arguments() -> None:
    """Delays, messages, counts, locations and events become fields of the answer."""
    gate = threading.Event()

    assert Answer.unavailable(3).retry_after == 3
    assert Answer.throttled("soon").retry_after == "soon"
    assert Answer.partial(2, "too old") == Answer(rejected=2, message="too old")
    assert Answer.bad_data("no").message == "no"
    assert Answer.redirect("http://x", 302).headers == {"Location": "http://x"}
    assert Answer.dropped() == Answer(drop=True, store=False)
    assert Answer.dropped(store=True) == Answer(drop=True, store=True)
    assert Answer.held(gate) == Answer(until=gate)


def test_a_success_has_no_partial_success() -> None:
    """OTLP requires that the field stays unset."""
    assert http_body(Answer(), PROTOBUF) == b""
    assert http_body(Answer(), JSON) == b"{}"


def test_a_partial_success_has_a_count_and_a_message() -> None:
    """In either content type."""
    answer = Answer.partial(2, "too old")

    message = ExportLogsServiceResponse.FromString(http_body(answer, PROTOBUF))

    assert message.partial_success.rejected_log_records == 2
    assert message.partial_success.error_message == "too old"
    assert json.loads(http_body(answer, JSON)) == {
        "partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "too old"}
    }


def test_a_warning_is_a_partial_success_that_rejects_nothing() -> None:
    """An answer with a message alone is a warning."""
    message = ExportLogsServiceResponse.FromString(http_body(Answer(message="hm"), PROTOBUF))

    assert message.HasField("partial_success")
    assert message.partial_success.rejected_log_records == 0


def test_a_failure_is_a_google_rpc_status() -> None:
    """It carries the message."""
    answer = Answer.bad_data("no such thing")

    assert Status.FromString(http_body(answer, PROTOBUF)).message == "no such thing"
    assert json.loads(http_body(answer, JSON)) == {"message": "no such thing"}


def test_a_retry_delay_is_exact_to_the_nanosecond() -> None:
    """It consists of whole seconds and nanoseconds."""
    status = Status.FromString(retry_later(Answer(message="wait"), 14, 1.25))
    info = RetryInfo()

    assert (status.code, status.message) == (14, "wait")
    assert status.details[0].Unpack(info)
    assert (info.retry_delay.seconds, info.retry_delay.nanos) == (1, 250_000_000)
