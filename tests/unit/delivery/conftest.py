"""A spool's directory, spools that are closed for sure, and what the log said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.delivery.spool import Spool
from otel_telemetry.log import quiet_log
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
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the library logged so far, but for what comes before a colon."""
    quiet_log._said.clear()
    caplog.set_level(logging.DEBUG, logger="otel_telemetry")
    return lambda: [record.getMessage().rpartition(": ")[2] for record in caplog.records]
