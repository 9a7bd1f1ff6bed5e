"""The log of the library and its dependencies, when that log is itself sent."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import urllib3
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.testing import Answer, OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry import OTLPLogRecordProcessor


class Handler(logging.Handler):
    """Makes an OpenTelemetry log record of each log record."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._logger = provider.get_logger("log")

    def emit(self, record: logging.LogRecord) -> None:
        """Export *record*."""
        self._logger.emit(LogRecord(body=f"{record.name}: {record.getMessage()}"))


@pytest.fixture
def log(
    receiver: OTLPReceiver, make_processor: Callable[..., OTLPLogRecordProcessor]
) -> Iterator[LoggerProvider]:
    """Send the whole log, at every level, to the receiver."""
    quiet_log._last_times.clear()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(make_processor(receiver))
    handler, root = Handler(provider), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield provider
    root.removeHandler(handler)
    root.setLevel(level)


def bodies(receiver: OTLPReceiver) -> list[object]:
    """Return the bodies of the arrived records."""
    return [event.body for event in receiver.events]


def test_log_records_of_a_request_cause_no_further_request(
    log: LoggerProvider, receiver: OTLPReceiver
) -> None:
    """The messages of urllib3 about the library's requests are not sent."""
    logging.getLogger("app").debug("hello")

    assert all(log.force_flush(5000) for _ in range(3))

    assert bodies(receiver) == ["app: hello"]
    assert len(receiver.requests) == 1


def test_urllib3_log_of_the_application_is_kept(
    log: LoggerProvider, receiver: OTLPReceiver
) -> None:
    """Its messages about other requests are sent."""
    with OTLPReceiver() as other:
        urllib3.PoolManager().request("POST", f"{other.http_endpoint}/v1/logs", body=b"").close()

    assert log.force_flush(5000)
    assert any("urllib3.connectionpool" in str(body) for body in bodies(receiver))


def test_failure_is_logged_once_and_causes_no_further_failure_log(
    log: LoggerProvider, receiver: OTLPReceiver
) -> None:
    """Its log message is sent like any other."""
    receiver.answer(*[Answer.unavailable()] * 2)
    logging.getLogger("app").debug("hello")

    assert log.force_flush(10_000)
    assert log.force_flush(10_000)

    log_lines = [str(body) for body in bodies(receiver) if body != "app: hello"]
    assert len(log_lines) == 1
    assert log_lines[0].startswith("otel_telemetry: telemetry is delayed")
