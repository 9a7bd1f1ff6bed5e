"""The library's own log."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from otel_telemetry._internal.log import QuietLog, logger


class _Clock:
    """Monotonic seconds that pass when told."""

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


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_thing_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """A dead backend does not fill the host's log."""
    clock = _Clock()
    log = QuietLog(clock)

    log.warning("dropped: %s", "first")
    clock.now = 59.9
    log.warning("dropped: %s", "second")
    clock.now = 60
    log.warning("dropped: %s", "third")

    assert _said(caplog) == ["dropped: first", "dropped: third"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert {record.name for record in caplog.records} == {"otel_telemetry"}


def test_another_thing_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Only repetition is silenced."""
    log = QuietLog(_Clock())

    log.warning("one")
    log.warning("two")

    assert _said(caplog) == ["one", "two"]


def test_a_handler_that_raises_costs_nothing() -> None:
    """A host's broken handler does not reach the caller of `send`."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError(record.getMessage())

    log = QuietLog(_Clock())

    with _handled_by(Broken()):
        log.warning("one")


def test_what_a_handler_causes_us_to_say_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that sends log records through us does not go round in circles."""
    log = QuietLog(_Clock())

    class Sending(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log.warning("from the handler of %s", record.getMessage())

    with _handled_by(Sending()):
        log.warning("one")
    log.warning("two")

    assert _said(caplog) == ["one", "two"]


def test_nothing_is_printed_unless_the_application_configures_logging() -> None:
    """A command's output stays its own."""
    code = (
        "from otel_telemetry._internal.log import quiet_log\n"
        "quiet_log.warning('an event was dropped')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"", b"")
