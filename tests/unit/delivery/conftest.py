"""A spool's directory, what works on it, and what the log said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.export.backoff import Backoff
from otel_telemetry.spool.spool import Spool
from tests.support.outboxes import Box
from tests.support.scripted import Clock
from tests.support.spools import AGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the spool is; it is not there yet."""
    return tmp_path / "state" / "spool"


@pytest.fixture
def make_spool(directory: Path) -> Iterator[Callable[..., Spool]]:
    """Make spools, on one directory unless told otherwise; all are closed after the test."""
    made: list[Spool] = []

    def make_one(path: Path = directory, **changed: object) -> Spool:
        made.append(Spool(str(path), **{"max_age": AGE, **changed}))  # type: ignore[arg-type]  # checked when it runs
        return made[-1]

    yield make_one
    for spool in made:
        spool.close()


@pytest.fixture
def make_box(make_spool: Callable[..., Spool]) -> Callable[..., Box]:
    """Make outboxes on one directory."""
    return lambda **limits: Box(make_spool(), **limits)


@pytest.fixture
def wall() -> Clock:
    """The wall clock of all processes."""
    return Clock(1.8e9)


@pytest.fixture
def process(tmp_path: Path, wall: Clock) -> Callable[[], Backoff]:
    """Make the backoff of another process; its waits are the longest that chance permits."""
    tmp_path.chmod(0o700)
    return lambda: Backoff(str(tmp_path), now=wall, uniform=lambda _, highest: highest)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the library logged so far, but for what comes before a colon."""
    quiet_log._said.clear()
    caplog.set_level(logging.DEBUG, logger="otel_telemetry")
    return lambda: [record.getMessage().rpartition(": ")[2] for record in caplog.records]
