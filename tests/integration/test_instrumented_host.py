"""A host that traces everything: its traces have its own requests, and none of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.backends import place

if TYPE_CHECKING:
    from otel_telemetry.testing import OTLPReceiver

# Its own process: there is one global provider of each kind, for good.
_SET_UP: Final = """
import json, logging, sys, threading
from opentelemetry import _logs, metrics, propagate, trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
providers = TracerProvider(), LoggerProvider(), MeterProvider()

log_messages = []
class Kept(logging.Handler):
    def emit(self, record):
        log_messages.append(record.getMessage())

def instrument():
    from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient
    from opentelemetry.instrumentation.logging import LoggingInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.instrumentation.threading import ThreadingInstrumentor
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
    providers[0].add_span_processor(SimpleSpanProcessor(spans))
    providers[1].add_log_record_processor(SimpleLogRecordProcessor(logs))
    trace.set_tracer_provider(providers[0])
    _logs.set_logger_provider(providers[1])
    metrics.set_meter_provider(providers[2])
    for each in (ThreadingInstrumentor, URLLib3Instrumentor, RequestsInstrumentor,
                 GrpcInstrumentorClient, LoggingInstrumentor):
        each().instrument()
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(Kept())
"""
_LIFE: Final = """
from otel_telemetry import Telemetry

endpoint, protocol, theirs, order = sys.argv[1:]
if order == "first":
    instrument()
telemetry = Telemetry("acme-cms", enabled=True, endpoint=endpoint, protocol=protocol,
                      shutdown_timeout=5, flush_interval=60)
if order == "last":
    telemetry.send("before")
    assert telemetry.flush(10)
    instrument()
tracer = trace.get_tracer("theirs")
with tracer.start_as_current_span("their work"):
    telemetry.send("within")
    assert telemetry.flush(10)
    import requests, urllib3
    requests.get(theirs)
    urllib3.PoolManager().request("GET", theirs)
    thread = threading.Thread(target=lambda: telemetry.send("in a thread"))
    thread.start(); thread.join()
    logging.getLogger("theirs").warning("their word")
telemetry.destroy()
print(json.dumps({
    "spans": [[span.name, span.attributes.get("http.url") or span.attributes.get("url.full") or ""]
              for span in spans.get_finished_spans()],
    "theirs": [trace.get_tracer_provider() is providers[0],
               _logs.get_logger_provider() is providers[1],
               metrics.get_meter_provider() is providers[2]],
    "log": log_messages,
    "trace": format(spans.get_finished_spans()[-1].context.trace_id, "032x"),
}))
"""


@pytest.mark.parametrize("order", ["first", "last"])
def test_library_requests_appear_in_no_trace_of_the_host(
    receiver: OTLPReceiver, http_receiver: OTLPReceiver, order: str
) -> None:
    """Instrumentation comes before or after, over HTTP and gRPC, with context in threads."""
    endpoint, protocol = place(receiver)
    theirs = f"{http_receiver.http_endpoint}/theirs"

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _SET_UP + _LIFE,
            endpoint,
            protocol,
            theirs,
            order,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["theirs"] == [True, True, True]
    # Theirs are traced, and carry their trace on; nothing of ours is, nor does.
    assert sorted(url for _, url in report["spans"]) == ["", theirs, theirs]
    assert [request.headers["traceparent"][3:35] for request in http_receiver.requests] == [
        report["trace"]
    ] * 2
    names = {event.name: event.trace_id for event in receiver.events}
    assert names == {
        **({"before": ""} if order == "last" else {}),
        "within": report["trace"],
        "in a thread": report["trace"],
    }
    for request in receiver.requests:
        assert not {"traceparent", "tracestate", "baggage"} & set(request.headers)
    # The same in its log, at the level of DEBUG.
    assert "their word" in report["log"]
    assert any("/theirs" in word for word in report["log"])
    assert not [word for word in report["log"] if endpoint.rpartition(":")[2] in word]


def test_library_sets_no_global_opentelemetry_provider(receiver: OTLPReceiver) -> None:
    """`set_…_provider` warns if a provider is set before."""
    program = """
import sys
from otel_telemetry import Telemetry
telemetry = Telemetry("acme-cms", enabled=True, endpoint=sys.argv[1], protocol=sys.argv[2])
telemetry.send("before")
assert telemetry.flush(10)
from opentelemetry import _logs, metrics, propagate, trace
kinds = [type(get()).__name__ for get in (
    trace.get_tracer_provider, _logs.get_logger_provider, metrics.get_meter_provider)]
assert all("Proxy" in kind for kind in kinds), kinds
"""
    # Not through its own exit handlers: one starts a thread, which Python 3.12 refuses by then.
    leave = "\nsys.stderr.flush()\nimport os\nos._exit(0)"
    endpoint, protocol = place(receiver)
    done = subprocess.run(
        [sys.executable, "-c", program + _SET_UP + "instrument()" + leave, endpoint, protocol],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
