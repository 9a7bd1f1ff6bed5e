"""The public surface as type checkers see it. Checked, never run."""

from __future__ import annotations

import argparse
import asyncio
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click
import typer
from opentelemetry.sdk._logs import LoggerProvider
from typing_extensions import Unpack, assert_type

from otel_telemetry import (
    ConfigurationError,
    Decision,
    DeliveryConfig,
    DeliverySettings,
    Event,
    InvalidEventError,
    OTLPLogRecordProcessor,
    Outcome,
    Receipt,
    Stats,
    Telemetry,
    TelemetryConfig,
    TelemetryError,
    TelemetryPayload,
    TelemetrySettings,
    create_telemetry_instance,
)
from otel_telemetry.hooks import BeforeSend, redaction, sampling
from otel_telemetry.hooks.exceptions import describe_exception
from otel_telemetry.integrations.argparse import add_telemetry_command
from otel_telemetry.integrations.click import telemetry_group
from otel_telemetry.integrations.typer import telemetry_app
from otel_telemetry.testing import (
    Captured,
    CapturedEvent,
    OTLPReceiver,
    ReceivedEvent,
    capture_events,
)
from otel_telemetry.types import App, AttributeValue, Properties


@dataclass(frozen=True)
class _Application:
    """An application that names itself; frozen, for `App` asks for no more."""

    name: str
    version: str


def redact(event: Event) -> Event | None:
    """Be a hook."""
    assert_type(event.name, str)
    assert_type(event.timestamp, int)
    assert_type(event.event_properties, Mapping[str, AttributeValue])
    return None if event.name == "private" else replace(event, user_properties={})


def describe(error: Exception) -> None:
    """Describe an exception."""
    assert_type(describe_exception(error, own=["acme"]), Mapping[str, AttributeValue])


def construct() -> None:
    """Every way to make an instance."""
    app: App = _Application("acme-cms", "5.1.0")
    hook: BeforeSend = redact
    hooks: list[BeforeSend] = [
        redaction.redact(redaction.redact_secrets, redaction.truncate(9), str.upper),
        redaction.allow_only("a", user=["b"]),
        sampling.sample(0.5, "a", key=lambda: None),
        sampling.rate_limit(1, 60),
        sampling.once_per_day("a", state=Path("x")),
    ]
    assert_type(Telemetry("acme-cms"), Telemetry)
    assert_type(Telemetry(app, enabled=True), Telemetry)
    assert_type(create_telemetry_instance(app, before_send=hook), Telemetry)
    assert_type(create_telemetry_instance(app, before_send=hooks), Telemetry)
    create_telemetry_instance(
        "acme-cms",
        version=None,
        enabled=None,
        endpoint="https://telemetry.acme.dev",
        logs_endpoint=None,
        insecure=False,
        protocol="grpc",
        headers={"x-api-key": "k"},
        timeout=2.5,
        compression="none",
        spool=Path("/var/spool/acme"),
        resource_attributes={"deployment": object()},
        properties_on="record",
        before_send=[hook, lambda event: event],
        logger_provider=LoggerProvider(),
        attribute_count_limit=None,
    )
    Telemetry("acme-cms", endpont="https://a.example")  # type: ignore[call-arg]  # a typing error
    Telemetry("acme-cms", protocol="http/json")  # type: ignore[arg-type]  # another word
    Telemetry("acme-cms", timeout="10")  # type: ignore[arg-type]  # a number in quotes
    Telemetry("acme-cms", before_send=len)  # type: ignore[arg-type]  # another callable
    Telemetry(5)  # type: ignore[arg-type]  # no application


def acme_telemetry(**settings: Unpack[TelemetrySettings]) -> Telemetry:
    """Pass settings on, by name and type."""
    delivery: DeliverySettings = {"endpoint": "https://a.example", "timeout": 2}
    OTLPLogRecordProcessor(**delivery)
    return Telemetry("acme-cms", **settings)


def call_the_wrapper() -> None:
    """Its keyword arguments are checked as those of the constructor are."""
    acme_telemetry(timeout=2.5, spool=Path("/var/spool/acme"), before_send=redact)
    acme_telemetry(timeout="10")  # type: ignore[arg-type]  # not a number
    acme_telemetry(endpont="https://a.example")  # type: ignore[call-arg]  # misspelled


def use(telemetry: Telemetry) -> None:
    """Every call and every property."""
    assert_type(telemetry.config, TelemetryConfig)
    assert_type(telemetry.decision, Decision)
    assert_type(telemetry.decision.enabled, bool)
    assert_type(telemetry.is_disabled, bool)
    assert_type(telemetry.stats, Stats)
    assert_type(telemetry.stats.dropped, Mapping[str, int])
    assert_type(telemetry.flush(), bool)
    assert_type(telemetry.flush(0.2), bool)
    assert_type(telemetry.destroy(timeout=1), bool)
    with telemetry as entered:
        assert_type(entered, Telemetry)


def send(telemetry: Telemetry) -> None:
    """Every way to send."""
    properties: Properties = {"model": "article", "anything": object()}
    receipt = telemetry.send("x", TelemetryPayload(event_properties=properties))
    assert_type(receipt, Receipt)
    assert_type(receipt.outcome, Outcome)
    assert_type(receipt.reason, str)
    assert_type(receipt.wait(1), Outcome)
    telemetry.send("x", {"event_properties": {"a": 1}, "userProperties": {"b": "c"}})
    telemetry.send("x", event_properties={"a": 1}, user_properties={}, group_properties=None)
    telemetry.send("x", timestamp=datetime.datetime.now(datetime.timezone.utc))
    telemetry.send("x", timestamp=1_700_000_000_000_000_000)
    telemetry.send(5)  # type: ignore[arg-type]  # no name
    telemetry.send("x", timestamp="now")  # type: ignore[arg-type]  # no time
    telemetry.send("x", None, {"a": 1})  # type: ignore[call-arg]  # by keyword only


async def use_async(telemetry: Telemetry) -> None:
    """The same in an event loop."""
    async with telemetry as entered:
        assert_type(entered, Telemetry)
        assert_type(await telemetry.send("x"), bool)
        assert_type(await asyncio.wait_for(_wait(telemetry.send("x")), 1), bool)
    assert_type(await telemetry.aflush(1), bool)
    assert_type(await telemetry.adestroy(), bool)


async def _wait(receipt: Receipt) -> bool:
    return await receipt


def catch() -> str:
    """One class for all errors, and one for each."""
    try:
        Telemetry("acme-cms")
    except ConfigurationError as error:
        assert_type(error, ConfigurationError)
        return str(error)
    except InvalidEventError:
        return "invalid"
    except TelemetryError as error:
        return str(error)
    return ""


def deliver() -> None:
    """The processor by itself."""
    processor = OTLPLogRecordProcessor(endpoint="https://a.example", max_batch_events=64)
    assert_type(processor.stats, Stats)
    provider = LoggerProvider()
    provider.add_log_record_processor(processor)
    OTLPLogRecordProcessor(strict=True)  # type: ignore[call-arg]  # a setting of Telemetry
    config: DeliveryConfig = TelemetryConfig(name="acme-cms")
    config.timeout = 5  # type: ignore[misc]  # frozen


def test() -> None:
    """The backend for users' tests."""
    with OTLPReceiver() as receiver:
        assert_type(receiver.http_endpoint, str)
        assert_type(receiver.wait_for_events(1), tuple[ReceivedEvent, ...])


def test_by_capturing(telemetry: Telemetry) -> None:
    """The events of instances, in users' tests."""
    with capture_events(telemetry, telemetry) as events:
        assert_type(events, Captured)
        assert_type(events.names, tuple[str, ...])
        assert_type(events.only("x"), CapturedEvent)
        assert_type(events[0].event_properties, Mapping[str, AttributeValue])
        assert_type(events.assert_sent("x", event_properties={"a": object()}), CapturedEvent)
        assert_type(events.dropped, Mapping[str, int])
        events.assert_not_sent()
    capture_events()  # type: ignore[call-arg]  # whose events?
    events.assert_sent("x", {"a": 1})  # type: ignore[call-arg]  # by keyword only


def the_command_is_mounted_in_one_line(
    telemetry: Telemetry, commands: argparse._SubParsersAction[argparse.ArgumentParser]
) -> None:
    """Give argparse, click and typer what each of them takes."""
    assert_type(add_telemetry_command(commands, telemetry), argparse.ArgumentParser)
    assert_type(telemetry_group(lambda: telemetry, name="usage"), click.Group)
    assert_type(telemetry_app(telemetry), typer.Typer)


def a_choice_is_one_of_three(telemetry: Telemetry) -> None:
    """Refuse every other word."""
    assert_type(telemetry.choose("log", by="admin"), Decision)
    telemetry.choose("maybe")  # type: ignore[arg-type]
