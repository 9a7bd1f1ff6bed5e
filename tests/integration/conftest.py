"""Telemetry and processors in front of real backends, with a shutdown after each test."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry import OTLPLogRecordProcessor, Telemetry
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.testing import OTLPReceiver
from tests.support.scripted import assert_adds_up
from tests.support.tools import Tool, tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Unpack

    from otel_telemetry import Receipt
    from otel_telemetry.config.keyword_arguments import DeliverySettings, TelemetrySettings

# Nothing is sent before the test says so, and an end without success takes no second.
COMMON: Final[DeliverySettings] = {"flush_interval": 60, "shutdown_timeout": 0.2}


def place(backend: OTLPReceiver | str | None) -> DeliverySettings:
    """Return the endpoint and the protocol of *backend*."""
    if isinstance(backend, OTLPReceiver):
        try:
            return {"endpoint": backend.http_endpoint}
        except RuntimeError:
            return {"endpoint": backend.grpc_endpoint, "protocol": "grpc"}
    return {} if backend is None else {"endpoint": backend}


@pytest.fixture
def make_telemetry() -> Iterator[Callable[..., Telemetry]]:
    """Make a Telemetry for a receiver or a URL; at the end, its counts add up, and it ends."""
    made: list[Telemetry] = []

    def make(
        backend: OTLPReceiver | str | None = None, **settings: Unpack[TelemetrySettings]
    ) -> Telemetry:
        all_settings: TelemetrySettings = {
            "version": "5.1.0",
            "enabled": True,
            **COMMON,
            **place(backend),
            **settings,
        }
        made.append(Telemetry("acme-cms", **all_settings))
        return made[-1]

    yield make

    for telemetry in made:
        assert_adds_up(telemetry.stats)
        telemetry.destroy(0)
        assert_adds_up(telemetry.stats)
        assert telemetry.stats.pending == 0


@pytest.fixture
def make_processor() -> Iterator[Callable[..., OTLPLogRecordProcessor]]:
    """Make a processor for a receiver or a URL; at the end, its counts add up, and it ends."""
    made: list[OTLPLogRecordProcessor] = []

    def make(
        backend: OTLPReceiver | str | None = None, **settings: Unpack[DeliverySettings]
    ) -> OTLPLogRecordProcessor:
        all_settings: DeliverySettings = {**COMMON, **place(backend), **settings}
        made.append(OTLPLogRecordProcessor(**all_settings))
        return made[-1]

    yield make

    for processor in made:
        processor.shutdown()
        assert_adds_up(processor.stats)


@pytest.fixture
def http_receiver() -> Iterator[OTLPReceiver]:
    """A backend that speaks OTLP over HTTP."""
    with OTLPReceiver() as receiver:
        yield receiver


@pytest.fixture
def grpc_receiver() -> Iterator[OTLPReceiver]:
    """A backend that speaks OTLP over gRPC."""
    with OTLPReceiver(http=False, grpc=True) as receiver:
        yield receiver


@pytest.fixture(params=["http", "grpc"])
def receiver(request: pytest.FixtureRequest) -> Iterator[OTLPReceiver]:
    """A backend, once of each protocol."""
    with OTLPReceiver(http=request.param == "http", grpc=request.param == "grpc") as receiver:
        yield receiver


@pytest.fixture
def settle() -> Callable[[Telemetry], None]:
    """Flush again and again, which cuts every backoff short, until nothing is pending."""

    def settle(telemetry: Telemetry) -> None:
        def nothing_pending() -> bool:
            telemetry.flush(0.05)
            return telemetry.stats.pending == 0

        wait_until(nothing_pending, within=20, what=f"end of {telemetry.stats}")

    return settle


@pytest.fixture
def awaited() -> Callable[[Receipt], bool]:
    """Await a receipt in an event loop of its own."""

    async def settled(receipt: Receipt) -> bool:
        return await asyncio.wait_for(_as_coroutine(receipt), timeout=10)

    return lambda receipt: asyncio.run(settled(receipt))


async def _as_coroutine(receipt: Receipt) -> bool:
    return await receipt


@pytest.fixture
def log_messages(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the library logged so far."""
    caplog.set_level(logging.DEBUG, logger="otel_telemetry")
    return lambda: [
        record.getMessage() for record in caplog.records if record.name == "otel_telemetry"
    ]


@pytest.fixture(autouse=True)
def _fresh_log() -> None:
    """Let the log repeat messages of an earlier test within a minute."""
    quiet_log._last_times.clear()


@pytest.fixture
def make_tool(tmp_path: Path) -> Iterator[Callable[..., Tool]]:
    """Make a tool for a receiver or a URL; its processes end before the test does."""
    with ExitStack() as made:

        def make(backend: OTLPReceiver | str, **settings: object) -> Tool:
            return made.enter_context(tool(tmp_path / "home", **{**place(backend), **settings}))

        yield make
