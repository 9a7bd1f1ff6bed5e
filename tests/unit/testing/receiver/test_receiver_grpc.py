"""The receiver over gRPC, on real sockets."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from otel_telemetry.testing import Answer, OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.certificates import Certificates

LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


def request_of(*names: str) -> bytes:
    """Return a request with these events."""
    records = [LogRecord(event_name=name) for name in names]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])]
    ).SerializeToString()


def target_of(receiver: OTLPReceiver) -> str:
    """Return the endpoint without its scheme."""
    return receiver.grpc_endpoint.partition("://")[2]


def method_of(
    channel: grpc.Channel, method: str = LOGS
) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
    """Return a method that takes and returns bytes."""
    return channel.unary_unary(method, None, None)


def call(channel: grpc.Channel, data: bytes, method: str = LOGS, *, gzip: bool = False) -> bytes:
    """Call a method."""
    return method_of(channel, method)(
        data,
        timeout=20,
        metadata=(("x-key", "secret"), ("x-key-bin", b"\0\xff")),
        compression=grpc.Compression.Gzip if gzip else None,
    )


def failure(channel: grpc.Channel, data: bytes) -> grpc.CallFuture[bytes]:
    """Export, and return the failed call."""
    future = method_of(channel).future(data, timeout=20)
    assert isinstance(future.exception(), grpc.RpcError)
    return future


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A receiver over gRPC only."""
    with OTLPReceiver(http=False, grpc=True) as receiver:
        yield receiver


@pytest.fixture
def channel(receiver: OTLPReceiver) -> Iterator[grpc.Channel]:
    """A channel to the receiver."""
    # After an outage the first new attempt would otherwise come after a second.
    options = [("grpc.initial_reconnect_backoff_ms", 50)]
    channel = grpc.insecure_channel(target_of(receiver), options)
    yield channel
    channel.close()


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_a_request_is_recorded(
    receiver: OTLPReceiver, channel: grpc.Channel, *, gzip: bool
) -> None:
    """With its metadata, its size and its events."""
    data = request_of("a", "b")

    assert call(channel, data, gzip=gzip) == b""

    (request,) = receiver.requests
    assert request.protocol == "grpc"
    assert request.signal == "logs"
    assert request.path == LOGS
    assert request.headers["x-key"] == "secret"
    assert request.headers["x-key-bin"] == "AP8="
    assert request.size == len(data)
    assert request.protobuf == data
    assert [event.name for event in receiver.events] == ["a", "b"]


def test_spans_and_metrics_are_accepted(receiver: OTLPReceiver, channel: grpc.Channel) -> None:
    """An app under test may send them beside its events."""
    span = Span(name="GET /", trace_id=b"\1" * 16, span_id=b"\2" * 8)
    traces = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])]
    )
    receiver.answer(Answer.unavailable())

    call(channel, traces.SerializeToString(), TRACES)
    call(channel, b"", METRICS)

    assert [span.name for span in receiver.spans] == ["GET /"]
    assert [request.signal for request in receiver.requests] == ["traces", "metrics"]


def test_a_partial_success_has_a_count_and_a_message(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """As over HTTP."""
    receiver.answer(Answer.partial(1, "too old"))

    message = ExportLogsServiceResponse.FromString(call(channel, request_of("a", "b")))

    assert message.partial_success.rejected_log_records == 1
    assert message.partial_success.error_message == "too old"
    assert [event.name for event in receiver.events] == ["a"]


def test_the_response_has_the_body_and_headers_of_the_answer(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """Headers are trailing metadata."""
    receiver.answer(Answer(body=b"\x0a\x00", headers={"X-Quota": "0"}))

    answer, details = method_of(channel).with_call(request_of("a"), timeout=20)

    assert answer == b"\x0a\x00"
    assert ("x-quota", "0") in tuple(details.trailing_metadata())


def test_a_failure_has_the_code_and_message_of_the_answer(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """And no details, if its retry delay is not a number."""
    receiver.answer(Answer.bad_data("no such thing"), Answer.throttled("soon"))

    refused = failure(channel, request_of("a"))
    throttled = failure(channel, request_of("a"))

    assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.details() == "no such thing"
    assert throttled.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(throttled.trailing_metadata())
    assert receiver.events == ()


def test_a_failure_has_the_retry_delay_in_the_standard_trailer(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """A google.rpc.Status with a RetryInfo."""
    receiver.answer(Answer.unavailable(1.5))

    error = failure(channel, request_of("a"))

    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    info = RetryInfo()
    assert status.code == 14
    assert status.details[0].Unpack(info)
    assert info.retry_delay.ToTimedelta().total_seconds() == 1.5


def test_an_unreadable_request_is_refused_and_recorded(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """It takes no answer from the queue."""
    receiver.answer(Answer.unavailable())

    assert failure(channel, b"\xff").code() is grpc.StatusCode.INVALID_ARGUMENT

    (request,) = receiver.requests
    assert (request.protobuf, request.answer.status) == (b"", 400)


def test_a_message_over_the_limit_gets_resource_exhausted(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """The default is 4 MiB, as in the Collector, and gRPC itself answers."""
    error = failure(channel, request_of("a" * (4 * 1024 * 1024)))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert receiver.requests == ()


def test_the_limit_can_be_set() -> None:
    """For a backend with another limit."""
    with OTLPReceiver(http=False, grpc=True, grpc_max_request_bytes=100) as receiver:
        channel = grpc.insecure_channel(target_of(receiver))
        error = failure(channel, request_of("a" * 100))
        call(channel, request_of("b"))
        channel.close()

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [event.name for event in receiver.events] == ["b"]


def test_a_dropped_answer_is_unavailable(receiver: OTLPReceiver, channel: grpc.Channel) -> None:
    """Before or after the events are stored."""
    receiver.answer(Answer.dropped(), Answer.dropped(store=True))

    codes = [failure(channel, request_of(name)).code() for name in "ab"]

    assert codes == [grpc.StatusCode.UNAVAILABLE] * 2
    assert [event.name for event in receiver.events] == ["b"]


def test_answers_that_wait_do_not_delay_others(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """With any number of them."""
    gate = threading.Event()
    receiver.answer(*(Answer.held(gate) for _ in range(20)))

    with ThreadPoolExecutor(20) as pool:
        held = [pool.submit(call, channel, request_of("a")) for _ in range(20)]
        receiver.wait_for_requests(20)
        assert call(channel, request_of("b")) == b""
        gate.set()
        assert [future.result() for future in held] == [b""] * 20


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer.held(threading.Event()), id="held"),
        pytest.param(Answer(delay=600), id="delayed"),
    ],
)
def test_stop_does_not_wait_for_an_answer(
    receiver: OTLPReceiver,
    channel: grpc.Channel,
    answer: Answer,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Clients see UNAVAILABLE, and nothing is written to stderr."""
    receiver.answer(answer)
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(failure, channel, request_of("a"))
        receiver.wait_for_requests(1)

        began = time.monotonic()
        receiver.stop()

        # The promise is half a second; a loaded machine gets more, the answers would need minutes.
        assert time.monotonic() - began < 5
        assert error.result().code() is grpc.StatusCode.UNAVAILABLE
    assert not [t for t in threading.enumerate() if "receiver" in t.name or "_serve" in t.name]
    assert capfd.readouterr() == ("", "")


def test_a_client_reconnects_to_a_restarted_receiver(
    receiver: OTLPReceiver, channel: grpc.Channel
) -> None:
    """Over the same channel."""
    call(channel, request_of("a"))
    receiver.stop()
    assert failure(channel, request_of("lost")).code() is grpc.StatusCode.UNAVAILABLE

    receiver.start()
    method_of(channel)(request_of("b"), timeout=20, wait_for_ready=True)

    assert [event.name for event in receiver.events] == ["a", "b"]


def test_a_receiver_with_credentials_uses_tls(certificates: Certificates) -> None:
    """With the certificate of the test."""
    pair = (certificates.server_key.read_bytes(), certificates.server.read_bytes())
    credentials = grpc.ssl_server_credentials([pair])
    trust = grpc.ssl_channel_credentials(certificates.authority.read_bytes())

    with OTLPReceiver(http=False, grpc=True, grpc_credentials=credentials) as receiver:
        assert receiver.grpc_endpoint.startswith("https://127.0.0.1:")
        channel = grpc.secure_channel(target_of(receiver), trust)
        call(channel, request_of("a"))
        channel.close()

    assert [event.name for event in receiver.events] == ["a"]
