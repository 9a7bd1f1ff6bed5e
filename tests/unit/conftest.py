"""A backend, instances that send to it, and an encoder that has met no key before."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.otlp import encoder
from otel_telemetry.testing import OTLPReceiver


@pytest.fixture(autouse=True)
def _no_known_keys() -> None:
    """Let no test find the encoder's room for keys taken by others of its process."""
    encoder._record_keys.clear()


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
