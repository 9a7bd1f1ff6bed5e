"""The messages OTLP answers with."""

from __future__ import annotations

import json

from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from otel_telemetry.testing import Answer
from otel_telemetry.testing.receiver.responses import JSON, PROTOBUF, http_body, retry_later


def test_a_success_has_no_partial_success() -> None:
    """As OTLP asks: the field stays unset."""
    assert http_body(Answer(), PROTOBUF) == b""
    assert http_body(Answer(), JSON) == b"{}"


def test_a_partial_success_says_how_many_and_why() -> None:
    """In either content type."""
    answer = Answer.partial(2, "too old")

    message = ExportLogsServiceResponse.FromString(http_body(answer, PROTOBUF))

    assert message.partial_success.rejected_log_records == 2
    assert message.partial_success.error_message == "too old"
    assert json.loads(http_body(answer, JSON)) == {
        "partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "too old"}
    }


def test_a_warning_is_a_partial_success_that_rejects_nothing() -> None:
    """A message alone is enough."""
    message = ExportLogsServiceResponse.FromString(http_body(Answer(message="hm"), PROTOBUF))

    assert message.HasField("partial_success")
    assert message.partial_success.rejected_log_records == 0


def test_a_failure_is_a_status() -> None:
    """A google.rpc.Status, with a message for people."""
    answer = Answer.bad_data("no such thing")

    assert Status.FromString(http_body(answer, PROTOBUF)).message == "no such thing"
    assert json.loads(http_body(answer, JSON)) == {"message": "no such thing"}


def test_a_time_to_wait_is_exact_to_the_nanosecond() -> None:
    """It has whole seconds and the rest in nanoseconds."""
    status = Status.FromString(retry_later(Answer(message="wait"), 14, 1.25))
    info = RetryInfo()

    assert (status.code, status.message) == (14, "wait")
    assert status.details[0].Unpack(info)
    assert (info.retry_delay.seconds, info.retry_delay.nanos) == (1, 250_000_000)
