"""The log record processor in an ordinary LoggerProvider."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import get_value
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_telemetry import ConfigurationError, OTLPLogRecordProcessor
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.testing import Answer, OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Unpack

    from otel_telemetry.config.keyword_arguments import DeliverySettings

    MakeProvider = Callable[..., tuple[LoggerProvider, OTLPLogRecordProcessor]]

SLACK: Final = 1.0  # seconds, for the noise of the machine


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend."""
    with OTLPReceiver() as receiver:
        yield receiver


@pytest.fixture
def make_provider(
    receiver: OTLPReceiver,
) -> Iterator[MakeProvider]:
    """Make a LoggerProvider on a processor of its own, and shut it down after the test."""
    with ExitStack() as made:

        def make(
            resource: Resource | None = None, **settings: Unpack[DeliverySettings]
        ) -> tuple[LoggerProvider, OTLPLogRecordProcessor]:
            all_settings: DeliverySettings = {
                "endpoint": receiver.http_endpoint,
                "flush_interval": 60,
                "shutdown_timeout": 0.2,
                **settings,
            }
            processor = OTLPLogRecordProcessor(**all_settings)
            provider = LoggerProvider(resource or Resource({"r": 1}), shutdown_on_exit=False)
            provider.add_log_record_processor(processor)
            made.callback(provider.shutdown)
            return provider, processor

        yield make


# -- Records of all kinds ----------------------------------------------------------------------


def test_record_arrives_with_every_field(
    receiver: OTLPReceiver, make_provider: MakeProvider
) -> None:
    """Every field of the data model, with its type."""
    provider, processor = make_provider(Resource({"service.name": "acme"}, "https://r.example"))
    logger = provider.get_logger("scope", "1.2", "https://s.example", {"team": "cms", "size": 3})

    logger.emit(
        LogRecord(
            timestamp=1,
            observed_timestamp=2,
            severity_number=SeverityNumber.WARN,
            severity_text="warning",
            body={"text": "hello", "list": [1, 2.5, None]},
            attributes={"s": "x", "b": True, "i": 1, "f": 1.0, "l": ["a", "b"]},
            event_name="greeted",
        )
    )
    assert processor.force_flush()

    (event,) = receiver.events
    assert (event.name, event.timestamp, event.observed_timestamp) == ("greeted", 1, 2)
    assert (event.severity_number, event.severity_text) == (13, "warning")
    assert event.body == {"text": "hello", "list": [1, 2.5, None]}
    assert repr(event.attributes) == repr({"s": "x", "b": True, "i": 1, "f": 1.0, "l": ["a", "b"]})
    assert event.resource == {"service.name": "acme"}
    assert (event.scope_name, event.scope_version) == ("scope", "1.2")
    assert event.scope_attributes == {"team": "cms", "size": 3}
    assert b"https://r.example" in receiver.requests[0].protobuf
    assert b"https://s.example" in receiver.requests[0].protobuf


def test_empty_record_arrives(receiver: OTLPReceiver, make_provider: MakeProvider) -> None:
    """No field is required."""
    provider, processor = make_provider()
    provider.get_logger("scope").emit(LogRecord())
    assert processor.force_flush()

    (event,) = receiver.events
    assert (event.name, event.body, event.attributes) == ("", None, {})
    assert (event.severity_number, event.trace_id) == (0, "")


def test_a_record_without_resource_or_scope_arrives(
    receiver: OTLPReceiver, make_provider: MakeProvider
) -> None:
    """Records made by hand may leave both out."""
    _, processor = make_provider()
    record = ReadWriteLogRecord(LogRecord(event_name="bare"), None, None)
    record.resource = None  # some SDK versions put a default there
    processor.on_emit(record)
    assert processor.force_flush()

    (event,) = receiver.events
    assert (event.name, event.resource, event.scope_name) == ("bare", {}, "")


def test_a_record_carries_its_span(receiver: OTLPReceiver, make_provider: MakeProvider) -> None:
    """Trace id, span id and flags of the span that was active."""
    provider, processor = make_provider()
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("work") as span:
        provider.get_logger("scope").emit(LogRecord())
    assert processor.force_flush()

    context = span.get_span_context()
    (event,) = receiver.events
    assert (event.trace_id, event.span_id, event.trace_flags) == (
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        context.trace_flags,
    )


def test_records_of_the_logging_module_arrive(
    receiver: OTLPReceiver, make_provider: MakeProvider
) -> None:
    """Through the SDK's handler: the whole log of an application, exceptions included."""
    provider, processor = make_provider()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # moved elsewhere in newer versions
        handler = LoggingHandler(logger_provider=provider)
    log = logging.Logger("app.module")  # noqa: LOG001 - a logger outside the hierarchy
    log.addHandler(handler)

    log.warning("%d entries", 3, extra={"tenant": "a"})
    try:
        dict[str, str]()["gone"]
    except KeyError:
        log.exception("failed")
    assert processor.force_flush()

    first, second = receiver.events
    assert (first.body, first.severity_text, first.scope_name) == (
        "3 entries",
        "WARN",
        "app.module",
    )
    assert first.attributes["tenant"] == "a"
    assert second.attributes["exception.type"] == "KeyError"


def test_many_scopes_and_resources_travel_in_one_request(
    receiver: OTLPReceiver, make_provider: MakeProvider
) -> None:
    """More of them than are remembered, and each record keeps its own."""
    _, processor = make_provider(max_batch_events=2000)
    for number in range(600):
        scope = InstrumentationScope("scope", attributes={"n": number})
        processor.on_emit(ReadWriteLogRecord(LogRecord(), Resource({"n": number}), scope))
    assert processor.force_flush()

    assert len(receiver.requests) == 1
    assert [(event.resource["n"], event.scope_attributes["n"]) for event in receiver.events] == [
        (number, number) for number in range(600)
    ]


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_provider_is_shared_with_other_processors(
    receiver: OTLPReceiver,
    make_provider: MakeProvider,
    *,
    first: bool,
) -> None:
    """What others see does not depend on us, nor the other way round."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
    other = SimpleLogRecordProcessor(exporter)
    if first:
        provider, processor = make_provider()
        provider.add_log_record_processor(other)
    else:
        _, processor = make_provider()
        provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
        provider.add_log_record_processor(other)
        provider.add_log_record_processor(processor)

    provider.get_logger("scope").emit(LogRecord(event_name="shared", attributes={"a": 1}))
    assert provider.force_flush()

    (seen,) = exporter.get_finished_logs()
    assert seen.log_record.event_name == receiver.events[0].name == "shared"
    assert dict(seen.log_record.attributes or {}) == receiver.events[0].attributes


def test_without_a_spool_no_thread_starts_before_the_first_record(
    receiver: OTLPReceiver, make_provider: MakeProvider, tmp_path: Path
) -> None:
    """Without a spool there is neither thread nor file. With a spool, recovery needs the thread."""
    before = set(threading.enumerate())
    provider, processor = make_provider(spool=False)
    after = set(threading.enumerate())
    provider.get_logger("scope").emit(LogRecord(event_name="kept in memory"))
    assert processor.force_flush()
    processor.shutdown()
    make_provider(spool=str(tmp_path))

    assert after == before
    assert set(threading.enumerate()) - before
    assert [event.name for event in receiver.events] == ["kept in memory"]


# -- Its manners -------------------------------------------------------------------------------


def test_force_flush_keeps_its_timeout_in_milliseconds(
    receiver: OTLPReceiver, make_provider: MakeProvider
) -> None:
    """The timeout holds also when the backend hangs."""
    provider, _ = make_provider()
    receiver.answer_always(Answer.held(threading.Event()))
    provider.get_logger("scope").emit(LogRecord())

    started = time.monotonic()
    is_flushed = provider.force_flush(200)
    took = time.monotonic() - started

    assert not is_flushed
    assert 0.19 < took < 0.2 + SLACK


def test_shutdown_flushes_and_drops_later_records(
    receiver: OTLPReceiver, make_provider: MakeProvider
) -> None:
    """Later records are counted as dropped."""
    provider, processor = make_provider(shutdown_timeout=10)
    provider.get_logger("scope").emit(LogRecord(event_name="before"))
    processor.shutdown()
    processor.shutdown()
    provider.get_logger("scope").emit(LogRecord(event_name="after"))

    assert [event.name for event in receiver.events] == ["before"]
    assert (processor.stats.accepted, processor.stats.delivered) == (2, 1)
    assert processor.stats.dropped == {"destroyed": 1}


def test_worker_thread_is_exempt_from_instrumentation(
    receiver: OTLPReceiver, make_provider: MakeProvider
) -> None:
    """Only the application's own threads are traced."""
    seen: dict[str, object] = {}

    class Handler(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            seen[threading.current_thread().name] = get_value("suppress_instrumentation")

    quiet_log._last_times.clear()
    provider, processor = make_provider()
    receiver.answer(Answer.bad_data())  # of which the sending thread speaks
    handler = Handler()
    logging.getLogger("otel_telemetry").addHandler(handler)
    try:
        provider.get_logger("scope").emit(LogRecord())
        processor.force_flush()
        processor.shutdown()
    finally:
        logging.getLogger("otel_telemetry").removeHandler(handler)

    assert list(seen.values()) == [True]
    assert threading.current_thread().name not in seen
    assert get_value("suppress_instrumentation") is None


def test_invalid_setting_raises_in_the_constructor() -> None:
    """No setting is first checked when a record is sent."""
    with pytest.raises(ConfigurationError, match="did you mean 'flush_interval'"):
        OTLPLogRecordProcessor(flush_intervall=1)  # type: ignore[call-arg]
