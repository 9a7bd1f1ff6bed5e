"""OTLP over HTTP by hand, for the tests of the receiver."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

if TYPE_CHECKING:
    from otel_telemetry.testing import OTLPReceiver

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def request_of(*names: str) -> bytes:
    """Encode a request with such events."""
    records = [LogRecord(event_name=name) for name in names]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])]
    ).SerializeToString()


def address_of(receiver: OTLPReceiver) -> tuple[str, int]:
    """Take the endpoint apart."""
    parts = urlsplit(receiver.http_endpoint)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def connect(receiver: OTLPReceiver) -> closing[HTTPConnection]:
    """Make a connection that is closed after the block."""
    return closing(HTTPConnection(*address_of(receiver), timeout=20))
