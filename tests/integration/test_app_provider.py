"""Telemetry on the LoggerProvider of the application, with the stock exporter."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GRPCExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HTTPExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from otel_telemetry import ConfigurationError, Outcome, TelemetryPayload
from otel_telemetry.testing import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry import Receipt, Telemetry
    from otel_telemetry.testing import OTLPReceiver

SLACK: Final = 1.0  # seconds, for the noise of the machine


@pytest.fixture
def provider(receiver: OTLPReceiver) -> Iterator[LoggerProvider]:
    """An application's provider: the stock processor, and the stock exporter of the protocol."""
    exporter: HTTPExporter | GRPCExporter
    try:
        exporter = HTTPExporter(endpoint=f"{receiver.http_endpoint}/v1/logs")
    except RuntimeError:
        exporter = GRPCExporter(endpoint=receiver.grpc_endpoint, insecure=True)
    provider = LoggerProvider(Resource({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_log_record_processor(
        BatchLogRecordProcessor(exporter, schedule_delay_millis=60_000)
    )
    with ExitStack() as stack:
        stack.callback(provider.shutdown)
        yield provider


def test_three_buckets_arrive_beside_the_records_of_the_application(
    receiver: OTLPReceiver, provider: LoggerProvider, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The stock exporter sends them without the resource of the application."""
    telemetry = make_telemetry(logger_provider=provider)
    telemetry.send(
        "didCreateEntry",
        TelemetryPayload(
            event_properties={"model": "article", "kinds": ["a", "b"]},
            user_properties={"plan": "free", "seats": 3},
            group_properties={"database": "postgres", "beta": True},
        ),
    )
    provider.get_logger("shop").emit(LogRecord(event_name="sold"))
    assert telemetry.flush(10)

    ours, theirs = sorted(receiver.events, key=lambda event: event.name)
    assert ours.name == "didCreateEntry"
    assert ours.attributes["model"] == "article"
    assert ours.attributes["kinds"] == ["a", "b"]
    assert (ours.resource["plan"], ours.resource["seats"]) == ("free", 3)
    assert ours.resource["service.name"] == "acme-cms"
    assert ours.scope_attributes == {"database": "postgres", "beta": True}
    assert (ours.scope_name, ours.scope_version) == ("acme-cms", "5.1.0")
    assert (theirs.name, theirs.resource, theirs.scope_attributes) == (
        "sold",
        {"service.name": "shop"},
        {},
    )


def test_users_and_groups_equal_except_in_type_stay_separate(
    receiver: OTLPReceiver, provider: LoggerProvider, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The stock exporter groups by equality, and True, 1 and 1.0 are equal."""
    telemetry = make_telemetry(logger_provider=provider)
    for value in (True, 1, 1.0):
        telemetry.send(
            "didStart",
            event_properties={"v": value},
            user_properties={"v": value},
            group_properties={"v": value},
        )
    assert telemetry.flush(10)

    assert len(receiver.events) == 3
    arrived = [
        (event.attributes["v"], event.resource["v"], event.scope_attributes["v"])
        for event in receiver.events
    ]
    assert sorted(map(repr, arrived)) == ["(1, 1, 1)", "(1.0, 1.0, 1.0)", "(True, True, True)"]


def test_values_of_every_type_arrive_through_the_stock_exporter(
    receiver: OTLPReceiver, provider: LoggerProvider, make_telemetry: Callable[..., Telemetry]
) -> None:
    """No value blocks a batch of the stock exporter."""
    telemetry = make_telemetry(logger_provider=provider)
    bad: dict[str, object] = {"surrogate": "\ud800", "huge": 2**70, "object": object()}
    telemetry.send("odd\ud800", event_properties=bad, user_properties=bad, group_properties=bad)
    telemetry.send("good")
    assert telemetry.flush(10)

    odd, good = receiver.events
    assert (odd.name, good.name) == ("odd\ufffd", "good")
    for bucket in (odd.attributes, odd.resource, odd.scope_attributes):
        assert bucket["surrogate"] == "\ufffd"
        assert bucket["huge"] == str(2**70)
        assert bucket["object"] == "object"


def test_many_groups_in_one_batch_cost_linear_time(
    receiver: OTLPReceiver, provider: LoggerProvider, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Scopes that differ only in their attributes have different hashes."""
    telemetry = make_telemetry(logger_provider=provider)
    telemetry.bootstrap()
    for number in range(500):
        telemetry.send("didStart", group_properties={"n": number})
    assert telemetry.flush(20)

    assert len({event.scope_attributes["n"] for event in receiver.events}) == 500


def test_receipt_on_an_application_provider_is_delivered_at_once(
    provider: LoggerProvider,
    make_telemetry: Callable[..., Telemetry],
    awaited: Callable[[Receipt], bool],
) -> None:
    """The exporter of the application has the event from then on."""
    telemetry = make_telemetry(logger_provider=provider)
    receipt = telemetry.send("didStart")

    assert receipt.outcome is Outcome.DELIVERED
    assert "LoggerProvider" in receipt.reason
    assert awaited(receipt) is True
    assert (telemetry.stats.accepted, telemetry.stats.delivered) == (1, 1)


def test_destroy_flushes_the_provider_without_a_shutdown(
    receiver: OTLPReceiver, provider: LoggerProvider, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The application continues. Later events of the library are dropped."""
    telemetry = make_telemetry(logger_provider=provider, shutdown_timeout=10)
    telemetry.send("before")
    assert telemetry.destroy()
    assert [event.name for event in receiver.events] == ["before"]

    after = telemetry.send("after")
    provider.get_logger("shop").emit(LogRecord(event_name="sold"))
    assert provider.force_flush()

    assert (after.outcome, after.reason) == (Outcome.DROPPED, "destroyed")
    assert [event.name for event in receiver.events] == ["before", "sold"]


def test_destroy_keeps_its_timeout_while_the_exporter_of_the_application_hangs(
    receiver: OTLPReceiver, provider: LoggerProvider, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The flush of the SDK has no timeout. `destroy` returns false."""
    answered = threading.Event()
    receiver.answer_always(Answer.held(answered))
    telemetry = make_telemetry(logger_provider=provider)
    telemetry.send("didStart")
    try:
        started = time.monotonic()
        assert not telemetry.flush(0.2)
        assert not telemetry.destroy(0.2)
        assert time.monotonic() - started < 0.4 + SLACK
    finally:
        answered.set()


def test_provider_without_processors_accepts_events(
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Such an application exports no logs. No event arrives, and no error is raised."""
    telemetry = make_telemetry(logger_provider=LoggerProvider(shutdown_on_exit=False))
    telemetry.send("didStart")

    assert telemetry.flush(10)
    assert telemetry.destroy()


def test_logger_provider_of_a_wrong_type_raises_at_once(
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """The message names the required type."""
    with pytest.raises(ConfigurationError, match="LoggerProvider"):
        make_telemetry(logger_provider=object())
