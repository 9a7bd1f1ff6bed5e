"""The log of the library."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from otel_telemetry._internal.log import QuietLog, logger


class _Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def _handled_by(handler: logging.Handler) -> Iterator[None]:
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_message_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """A backend that is down does not fill the log of the application."""
    clock = _Clock()
    log = QuietLog(clock)

    log.warning("dropped: %s", "first")
    clock.now = 59.9
    log.warning("dropped: %s", "second")
    clock.now = 60
    log.warning("dropped: %s", "third")

    assert _messages(caplog) == ["dropped: first", "dropped: third"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert {record.name for record in caplog.records} == {"otel_telemetry"}


def test_another_message_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Only repeated messages are left out."""
    log = QuietLog(_Clock())

    log.warning("one")
    log.warning("two")

    assert _messages(caplog) == ["one", "two"]


def test_a_handler_that_raises_does_not_raise_in_warning() -> None:
    """A broken handler does not break `send`."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError(record.getMessage())

    log = QuietLog(_Clock())

    with _handled_by(Broken()):
        log.warning("one")


def test_a_warning_from_within_a_handler_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that sends log records as events does not go round in circles."""
    log = QuietLog(_Clock())

    class Sending(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log.warning("from the handler of %s", record.getMessage())

    with _handled_by(Sending()):
        log.warning("one")
    log.warning("two")

    assert _messages(caplog) == ["one", "two"]


def test_nothing_is_printed_unless_the_application_configures_logging() -> None:
    """The output of a command contains nothing else."""
    code = (
        "from otel_telemetry._internal.log import quiet_log\n"
        "quiet_log.warning('an event was dropped')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"", b"")
