"""Events have the ids of the current span."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

from opentelemetry.context import get_value
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_telemetry.testing import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span, Tracer

    from otel_telemetry import Telemetry
    from otel_telemetry.testing import OTLPReceiver, ReceivedEvent


def make_tracer() -> Tracer:
    """Make the tracer of an application."""
    return TracerProvider(shutdown_on_exit=False).get_tracer("app")


def ids(span: Span) -> tuple[str, str, int]:
    """Return the ids of a span as they arrive."""
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags


def arrived_ids(event: ReceivedEvent) -> tuple[str, str, int]:
    """Return the span ids of an event."""
    return event.trace_id, event.span_id, event.trace_flags


def test_event_has_the_ids_of_the_current_span(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The innermost span counts, and it is sampled."""
    telemetry = make_telemetry(receiver)
    tracer = make_tracer()
    with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner") as inner:
        telemetry.send("didStart")
    assert telemetry.flush(10)

    (event,) = receiver.events
    assert arrived_ids(event) == ids(inner)
    assert event.trace_flags & 1


def test_event_outside_a_span_has_no_span_ids(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Both ids are empty."""
    telemetry = make_telemetry(receiver)
    with make_tracer().start_as_current_span("over"):
        pass
    telemetry.send("didStart")
    assert telemetry.flush(10)

    assert arrived_ids(receiver.events[0]) == ("", "", 0)


def test_event_in_an_unsampled_span_has_no_sampled_flag(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The event is sent all the same: sampling is for traces."""
    telemetry = make_telemetry(receiver)
    tracer = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False).get_tracer("app")
    with tracer.start_as_current_span("unseen") as span:
        telemetry.send("didStart")
    assert telemetry.flush(10)

    (event,) = receiver.events
    assert arrived_ids(event) == ids(span)
    assert not event.trace_flags & 1


def test_tasks_and_threads_keep_their_own_spans(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Each event has the span of its own context, also within one batch."""
    telemetry = make_telemetry(http_receiver)
    tracer = make_tracer()
    spans: dict[str, Span] = {}

    async def task(name: str) -> None:
        with tracer.start_as_current_span(name) as spans[name]:
            await asyncio.sleep(0)
            telemetry.send(name)

    async def main() -> None:
        await asyncio.gather(*(task(f"task{number}") for number in range(5)))

    def thread() -> None:
        with tracer.start_as_current_span("thread") as spans["thread"]:
            telemetry.send("thread")

    asyncio.run(main())
    worker = threading.Thread(target=thread)
    worker.start()
    worker.join()
    assert telemetry.flush(10)

    assert {event.name: arrived_ids(event) for event in http_receiver.events} == {
        name: ids(span) for name, span in spans.items()
    }


def test_worker_suppresses_instrumentation(
    receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Instrumentations check this key in the context and ignore the worker thread."""
    seen: list[object] = []

    class Handler(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            seen.append(get_value("suppress_instrumentation"))

    receiver.answer(Answer.bad_data())  # of which the sending thread speaks
    handler = Handler()
    logging.getLogger("otel_telemetry").addHandler(handler)
    try:
        telemetry = make_telemetry(receiver)
        with make_tracer().start_as_current_span("work"):
            telemetry.send("didStart")
            assert not telemetry.flush(10)
            assert get_value("suppress_instrumentation") is None
        telemetry.destroy()
    finally:
        logging.getLogger("otel_telemetry").removeHandler(handler)

    assert seen == [True]
