"""A backend, instances that send to it, a spool's directory, and what the log says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otel_telemetry import Telemetry
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.export.backoff import Backoff
from otel_telemetry.otlp import encoder
from otel_telemetry.spool.spool import Spool
from otel_telemetry.testing import OTLPReceiver
from tests.support.queues import QueueHarness
from tests.support.scripted import Clock
from tests.support.spools import AGE


@pytest.fixture(autouse=True)
def _no_known_keys() -> None:
    """Let no test find the encoder's room for keys taken by others of its process."""
    encoder._encoders.clear()


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend."""
    with OTLPReceiver() as started:
        yield started


@pytest.fixture
def make(receiver: OTLPReceiver) -> Iterator[Callable[..., Telemetry]]:
    """Make instances that are on and send to the receiver; they are destroyed after the test."""
    made: list[Telemetry] = []

    def make_one(app: object = "acme-cms", **changed: object) -> Telemetry:
        given = {"enabled": True, "endpoint": receiver.http_endpoint, **changed}
        made.append(Telemetry(app, **given))  # type: ignore[arg-type]  # checked when it runs
        return made[-1]

    yield make_one
    for telemetry in made:
        telemetry.destroy()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the spool is; it is not there yet."""
    return tmp_path / "state" / "spool"


@pytest.fixture
def make_spool(directory: Path) -> Iterator[Callable[..., Spool]]:
    """Make spools, by default on one directory, and close them all after the test."""
    made: list[Spool] = []

    def make_one(path: Path = directory, **changed: object) -> Spool:
        made.append(Spool(str(path), **{"max_age": AGE, **changed}))  # type: ignore[arg-type]  # checked when it runs
        return made[-1]

    yield make_one
    for spool in made:
        spool.close()


@pytest.fixture
def make_queue(make_spool: Callable[..., Spool]) -> Callable[..., QueueHarness]:
    """Make queues on one directory."""
    return lambda **limits: QueueHarness(make_spool(), **limits)


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
def log_messages(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the library logged so far, but for what comes before a colon."""
    quiet_log._last_times.clear()
    caplog.set_level(logging.DEBUG, logger="otel_telemetry")
    return lambda: [record.getMessage().rpartition(": ")[2] for record in caplog.records]
