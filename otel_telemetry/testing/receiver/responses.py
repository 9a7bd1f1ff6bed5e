"""The messages OTLP answers with, of a success and of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from otel_telemetry.testing.receiver.answers import Answer

    Response: TypeAlias = Message

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"


def success(answer: Answer) -> Response:
    """Make the message of a success, with what it rejects.

    The responses of the three signals have the same bytes, so that of the logs stands for all.
    """
    message = ExportLogsServiceResponse()
    if answer.rejected or answer.message:
        message.partial_success.rejected_log_records = answer.rejected
        message.partial_success.error_message = answer.message
    return message


def failure(answer: Answer, grpc_code: int = 0) -> Response:
    """Make the google.rpc.Status of a failure; over HTTP, OTLP leaves its code open."""
    status: Response = Status(code=grpc_code, message=answer.message)
    return status


def retry_later(answer: Answer, grpc_code: int, seconds: float) -> bytes:
    """Make the google.rpc.Status that says when to try again."""
    nanoseconds = round(seconds * 1e9)
    delay = Duration(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
    detail = AnyMessage()
    detail.Pack(RetryInfo(retry_delay=delay))
    status = Status(code=grpc_code, message=answer.message, details=[detail])
    return bytes(status.SerializeToString())


def http_body(answer: Answer, content_type: str) -> bytes:
    """Write the body of an HTTP response; where OTLP has no say, the message as text."""
    message = success(answer) if answer.status < 300 else failure(answer)
    if content_type == PROTOBUF:
        return message.SerializeToString()
    if content_type == JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return answer.message.encode()
