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


def test_a_request_arrives_as_it_is(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """The bytes that were encoded are the bytes that the backend reads."""
    answer = make_transport(receiver.grpc_endpoint).send(REQUEST)

    (request,) = receiver.requests
    assert answer == DELIVERED
    assert request.protobuf == REQUEST
    assert request.path == "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    assert request.headers["user-agent"].startswith("otel-telemetry/")


def test_headers_of_the_settings_are_metadata(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """In lower case, as gRPC wants it."""
    make_transport(receiver.grpc_endpoint, headers={"X-Api-Key": "k"}).send(b"")

    assert receiver.requests[0].headers["x-api-key"] == "k"


@pytest.mark.parametrize(("compression", "is_short"), [("gzip", True), ("none", False)])
def test_requests_are_compressed_as_the_settings_say(
    receiver: OTLPReceiver,
    make_transport: Callable[..., GRPCTransport],
    monkeypatch: pytest.MonkeyPatch,
    *,
    compression: str,
    is_short: bool,
) -> None:
    """With gzip on the wire, or not at all."""
    with Proxy() as tunnel:  # which counts the bytes
        monkeypatch.setenv("http_proxy", tunnel.url)
        transport = make_transport(receiver.grpc_endpoint, compression=compression)
        assert transport.send(REQUEST) == DELIVERED
        transport.abort()

    assert (tunnel.bytes_passed_on < len(REQUEST) / 10) is is_short


def test_an_ipv6_address_is_an_address(make_transport: Callable[..., GRPCTransport]) -> None:
    """In brackets in the URL, and for gRPC as well."""
    try:
        receiver = OTLPReceiver(http=False, grpc=True, host="::1")
        receiver.start()
    except OSError:
        pytest.skip("missing: IPv6 on this machine's loopback")
    with receiver:
        assert make_transport(receiver.grpc_endpoint).send(b"") == DELIVERED


# -- Answers -----------------------------------------------------------------------------------


def test_a_partial_success_is_read(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """As over HTTP."""
    receiver.answer(Reply.partial(2, "bad luck"))

    answer = make_transport(receiver.grpc_endpoint).send(REQUEST)

    assert answer == ExportResult(disposition=Disposition.PARTIAL, rejected=2, reason="bad luck")


def test_the_delay_that_a_backend_asks_for_is_read(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """Out of the trailer that carries google.rpc.Status."""
    receiver.answer(Reply.throttled(retry_after=2.5))

    answer = make_transport(receiver.grpc_endpoint).send(b"")

    assert answer == ExportResult(
        disposition=Disposition.RETRY, reason="gRPC status RESOURCE_EXHAUSTED", retry_after=2.5
    )


def test_nothing_is_tried_twice(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """Neither by us nor by gRPC: when to try again is not decided here."""
    receiver.answer_always(Reply.unavailable())

    answer = make_transport(receiver.grpc_endpoint).send(b"")

    assert answer == ExportResult(disposition=Disposition.RETRY, reason="gRPC status UNAVAILABLE")
    assert len(receiver.requests) == 1


def test_one_channel_serves_a_backend_that_comes_back(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """After an outage the next request that asks finds it, without a long backoff of gRPC's."""
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


def test_a_connection_that_is_refused_may_succeed_later(
    make_transport: Callable[..., GRPCTransport],
) -> None:
    """The answer comes soon."""
    with refusing_port() as port:
        answer = make_transport(f"http://{LOOPBACK}:{port}", timeout=LATE).send(b"")

    assert answer == ExportResult(disposition=Disposition.RETRY, reason="gRPC status UNAVAILABLE")


def test_a_server_that_never_answers_costs_the_timeout(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """And no more."""
    receiver.answer(Reply.held(threading.Event()))

    answer = make_transport(receiver.grpc_endpoint, timeout=0.2).send(b"")

    assert answer == ExportResult(
        disposition=Disposition.RETRY, reason="gRPC status DEADLINE_EXCEEDED"
    )


def test_what_grpc_does_not_even_try_is_no_answer(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """It raises instead of answering, as over a channel that is closed: the reason tells."""
    transport = make_transport(receiver.grpc_endpoint)
    transport.abort()

    answer = transport.send(b"")

    assert answer == ExportResult(disposition=Disposition.RETRY, reason="ValueError")
    assert receiver.requests == ()


# -- Ends and beginnings -----------------------------------------------------------------------


def test_a_request_under_way_is_broken_off(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport]
) -> None:
    """Whoever waits for an answer waits no more."""
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
def test_after_an_abort_nothing_is_sent(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport], *, sent_before: bool
) -> None:
    """For good; whether there was a channel to close or not."""
    transport = make_transport(receiver.grpc_endpoint)
    if sent_before:
        transport.send(b"")
    else:
        transport.after_fork()
    transport.abort()

    assert transport.send(b"").disposition is Disposition.RETRY
    assert len(receiver.requests) == int(sent_before)


@pytest.mark.parametrize("generations", [1, 2])
def test_a_new_process_has_a_channel_of_its_own(
    receiver: OTLPReceiver, make_transport: Callable[..., GRPCTransport], generations: int
) -> None:
    """The parent's is left as it is; and so in the child of a child that sent nothing."""
    transport = make_transport(receiver.grpc_endpoint)
    transport.send(b"")

    for _ in range(generations):
        transport.after_fork()

    assert transport.send(b"") == DELIVERED
    assert len(receiver.requests) == 2


def test_the_port_is_that_of_the_scheme_where_none_is_given(
    make_transport: Callable[..., GRPCTransport],
) -> None:
    """As in a browser: 443 with TLS, 80 without."""
    assert make_transport("https://collector.example")._server == "collector.example:443"
    assert make_transport("http://collector.example")._server == "collector.example:80"
    assert make_transport(f"http://[::1]:{free_port()}")._server.startswith("[::1]:")
