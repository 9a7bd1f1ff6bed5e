"""Requests over gRPC, one at a time, to a real server."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from otel_telemetry import DeliveryConfig
from otel_telemetry.export.grpc import GRPCTransport
from otel_telemetry.export.result import ExportResult
from otel_telemetry.stats import Disposition
from otel_telemetry.testing import Answer as Reply
from otel_telemetry.testing import OTLPReceiver
from tests.support.processes import LOOPBACK, free_port, refusing_port
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Unpack

    from otel_telemetry.config.keyword_arguments import DeliverySettings

SOON: Final = 5.0  # seconds: more than a busy machine needs, less than the time-out
LATE: Final = 60.0
DELIVERED: Final = ExportResult(disposition=Disposition.DELIVERED)
REQUEST: Final = ExportLogsServiceRequest(
    resource_logs=[
        ResourceLogs(scope_logs=[ScopeLogs(log_records=[LogRecord(event_name="x" * 100_000)])])
    ]
).SerializeToString()


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend."""
    with OTLPReceiver(http=False, grpc=True) as receiver:
        yield receiver


@pytest.fixture
def make_transport() -> Iterator[Callable[..., GRPCTransport]]:
    """Make transports, and close their channels after the test."""
    made: list[GRPCTransport] = []

    def make(url: str, **settings: Unpack[DeliverySettings]) -> GRPCTransport:
        config = DeliveryConfig(**{"endpoint": url, "protocol": "grpc", **settings})  # type: ignore[arg-type]  # it checks
        made.append(GRPCTransport(config))
        return made[-1]

    yield make
    for transport in made:
        transport.abort()


# -- What is sent ------------------------------------------------------------------------------


def test_request_arrives_unchanged(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The backend reads the same bytes that the client encoded."""
    answer = make_transport(receiver.grpc_endpoint).send(REQUEST)

    (request,) = receiver.requests
    assert answer == DELIVERED
    assert request.protobuf == REQUEST
    assert request.path == "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    assert request.headers["user-agent"].startswith("otel-telemetry/")


def test_configured_headers_are_sent_as_metadata(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The keys are in lower case, as gRPC requires."""
    make_transport(receiver.grpc_endpoint, headers={"X-Api-Key": "k"}).send(b"")

    assert receiver.requests[0].headers["x-api-key"] == "k"


@pytest.mark.parametrize(("compression", "is_short"), [("gzip", True), ("none", False)])
def test_compression_follows_the_setting(
    receiver: OTLPReceiver,
    make_transport: Callable[..., GRPCTransport],
    monkeypatch: pytest.MonkeyPatch,
    *,
    compression: str,
    is_short: bool,
) -> None:
    """The request is sent with gzip or without compression."""
    with Proxy() as tunnel:  # which counts the bytes
        monkeypatch.setenv("http_proxy", tunnel.url)
        transport = make_transport(receiver.grpc_endpoint, compression=compression)
        assert transport.send(REQUEST) == DELIVERED
        transport.abort()

    assert (tunnel.bytes_passed_on < len(REQUEST) / 10) is is_short


def test_ipv6_endpoint_is_reached(make_transport: Callable[..., GRPCTransport]) -> None:
    """The address is in brackets in the URL and in the gRPC target."""
    try:
        receiver = OTLPReceiver(http=False, grpc=True, host="::1")
        receiver.start()
    except OSError:
        pytest.skip("missing: IPv6 on this machine's loopback")
    with receiver:
        assert make_transport(receiver.grpc_endpoint).send(b"") == DELIVERED


# -- Answers -----------------------------------------------------------------------------------


def test_partial_success_is_read(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The result is the same as over HTTP."""
    receiver.answer(Reply.partial(2, "bad luck"))

    answer = make_transport(receiver.grpc_endpoint).send(REQUEST)

    assert answer == ExportResult(disposition=Disposition.PARTIAL, rejected=2, reason="bad luck")


def test_retry_info_delay_is_read(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The delay is in the trailer that carries google.rpc.Status."""
    receiver.answer(Reply.throttled(retry_after=2.5))

    answer = make_transport(receiver.grpc_endpoint).send(b"")

    assert answer == ExportResult(
        disposition=Disposition.RETRY, reason="gRPC status RESOURCE_EXHAUSTED", retry_after=2.5
    )


def test_transport_never_retries(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """Neither the transport nor gRPC retries: the worker decides when to retry."""
    receiver.answer_always(Reply.unavailable())

    answer = make_transport(receiver.grpc_endpoint).send(b"")

    assert answer == ExportResult(disposition=Disposition.RETRY, reason="gRPC status UNAVAILABLE")
    assert len(receiver.requests) == 1


def test_channel_reconnects_after_an_outage(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The next request reaches the backend, without the long backoff of gRPC."""
    transport = make_transport(receiver.grpc_endpoint)
    transport.send(b"")
    receiver.stop()
    assert transport.send(b"").disposition is Disposition.RETRY
    receiver.start()

    deadline = time.monotonic() + SOON
    pause = threading.Event()
    while (answer := transport.send(b"")) != DELIVERED and time.monotonic() < deadline:
        pause.wait(0.05)

    assert answer == DELIVERED


def test_refused_connection_is_retryable(
    make_transport: Callable[..., GRPCTransport],
) -> None:
    """The result comes soon."""
    with refusing_port() as port:
        answer = make_transport(f"http://{LOOPBACK}:{port}", timeout=LATE).send(b"")

    assert answer == ExportResult(disposition=Disposition.RETRY, reason="gRPC status UNAVAILABLE")


def test_silent_server_costs_the_timeout_and_no_more(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The request ends when the timeout ends."""
    receiver.answer(Reply.held(threading.Event()))

    answer = make_transport(receiver.grpc_endpoint, timeout=0.2).send(b"")

    assert answer == ExportResult(
        disposition=Disposition.RETRY, reason="gRPC status DEADLINE_EXCEEDED"
    )


def test_exception_of_grpc_is_a_failure_with_a_reason(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """A closed channel, for instance, raises instead of answering."""
    transport = make_transport(receiver.grpc_endpoint)
    transport.abort()

    answer = transport.send(b"")

    assert answer == ExportResult(disposition=Disposition.RETRY, reason="ValueError")
    assert receiver.requests == ()


# -- Ends and beginnings -----------------------------------------------------------------------


def test_abort_cancels_the_request_under_way(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The thread that waits for the response returns."""
    receiver.answer(Reply.held(threading.Event()))
    transport = make_transport(receiver.grpc_endpoint, timeout=LATE)
    answers: list[ExportResult] = []
    thread = threading.Thread(target=lambda: answers.append(transport.send(b"")))
    thread.start()
    receiver.wait_for_requests(1)

    transport.abort()

    thread.join(SOON)
    assert not thread.is_alive()
    assert [answer.disposition for answer in answers] == [Disposition.RETRY]


@pytest.mark.parametrize("sent_before", [True, False])
def test_after_abort_no_request_is_sent(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport], *, sent_before: bool
) -> None:
    """This is final, with and without an open channel."""
    transport = make_transport(receiver.grpc_endpoint)
    if sent_before:
        transport.send(b"")
    else:
        transport.after_fork()
    transport.abort()

    assert transport.send(b"").disposition is Disposition.RETRY
    assert len(receiver.requests) == int(sent_before)


@pytest.mark.parametrize("generations", [1, 2])
def test_forked_child_opens_its_own_channel(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport], generations: int
) -> None:
    """The channel of the parent stays open, also after a fork of the child."""
    transport = make_transport(receiver.grpc_endpoint)
    transport.send(b"")

    for _ in range(generations):
        transport.after_fork()

    assert transport.send(b"") == DELIVERED
    assert len(receiver.requests) == 2


def test_default_port_follows_the_scheme(
    make_transport: Callable[..., GRPCTransport],
) -> None:
    """The port is 443 with TLS and 80 without."""
    assert make_transport("https://collector.example")._server == "collector.example:443"
    assert make_transport("http://collector.example")._server == "collector.example:80"
    assert make_transport(f"http://[::1]:{free_port()}")._server.startswith("[::1]:")
