"""The receiver over HTTP, on real sockets."""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPSConnection, RemoteDisconnected
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from otel_telemetry.testing import Answer, OTLPReceiver
from otel_telemetry.testing.receiver.http import HTTPServer
from otel_telemetry.testing.receiver.request_log import RequestLog
from tests.support.bombs import GZIP as BOMB_GZIP
from tests.support.bombs import bomb, traced_peak
from tests.support.otlp_http import PROTOBUF, address_of, connect, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.certificates import Certificates


JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}


def post(
    receiver: OTLPReceiver,
    body: bytes,
    headers: Mapping[str, str] = PROTOBUF,
    path: str = "/v1/logs",
) -> tuple[int, bytes]:
    """Post over a new connection."""
    with connect(receiver) as connection:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()


def exchange(receiver: OTLPReceiver, data: bytes) -> bytes:
    """Send bytes unchanged, and read until the receiver closes."""
    with socket.create_connection(address_of(receiver), timeout=20) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
        return received


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A receiver over HTTP."""
    with OTLPReceiver() as receiver:
        yield receiver


def test_a_protobuf_request_is_recorded(receiver: OTLPReceiver) -> None:
    """With its headers, its size and its events."""
    body = request_of("a", "b")

    assert post(receiver, body, PROTOBUF | {"X-Key": "secret"}) == (200, b"")

    (request,) = receiver.requests
    assert request.protocol == "http/protobuf"
    assert request.signal == "logs"
    assert request.path == "/v1/logs"
    assert request.headers["x-key"] == "secret"
    assert request.size == len(body)
    assert request.protobuf == body
    assert request.answer == Answer()
    assert [event.name for event in request.events] == ["a", "b"]
    assert receiver.events == request.events


def test_a_compressed_request_is_recorded(receiver: OTLPReceiver) -> None:
    """Its size is the compressed size."""
    body = request_of("a")
    packed = gzip.compress(body)

    assert post(receiver, packed, PROTOBUF | GZIP)[0] == 200

    (request,) = receiver.requests
    assert request.size == len(packed)
    assert request.protobuf == body
    assert receiver.wait_for_events(1)[0].name == "a"


def test_a_json_request_gets_a_json_response(receiver: OTLPReceiver) -> None:
    """It is recorded as protobuf."""
    record = {"eventName": "a", "timeUnixNano": "1"}
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    receiver.answer(Answer.partial(0, "hm"))

    status, body = post(receiver, json.dumps(document).encode(), JSON)

    assert (status, json.loads(body)) == (200, {"partialSuccess": {"errorMessage": "hm"}})
    (request,) = receiver.requests
    assert request.protocol == "http/json"
    message = ExportLogsServiceRequest.FromString(request.protobuf)
    assert message.resource_logs[0].scope_logs[0].log_records[0].event_name == "a"
    assert receiver.events[0].timestamp == 1


def test_spans_and_metrics_are_accepted_and_take_no_queued_answer(receiver: OTLPReceiver) -> None:
    """An app under test may send them beside its events."""
    span = Span(name="GET /", trace_id=b"\1" * 16, span_id=b"\2" * 8)
    traces = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])]
    )
    receiver.answer(Answer.unavailable())

    assert post(receiver, traces.SerializeToString(), path="/v1/traces")[0] == 200
    metrics = ExportMetricsServiceRequest().SerializeToString()
    assert post(receiver, metrics, path="/v1/metrics")[0] == 200
    assert post(receiver, request_of("a"))[0] == 503

    assert [span.name for span in receiver.spans] == ["GET /"]
    assert receiver.spans[0].trace_id == "01" * 16
    assert len(receiver.wait_for_requests(1, signal="metrics")) == 1
    assert [request.signal for request in receiver.requests] == ["traces", "metrics", "logs"]
    receiver.clear()
    assert receiver.requests == ()


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        pytest.param("/v1/log", PROTOBUF, b"", 404, id="unknown path"),
        pytest.param("/v1/logs", {}, b"", 415, id="no type"),
        pytest.param("/v1/logs", {"Content-Type": "text/html"}, b"", 415, id="unknown type"),
        pytest.param("/v1/logs", PROTOBUF, b"\xff", 400, id="bad protobuf"),
        pytest.param("/v1/logs", JSON, b"[]", 400, id="bad JSON"),
        pytest.param("/v1/logs", PROTOBUF | GZIP, b"plain", 400, id="bad gzip"),
        pytest.param("/v1/logs?x=y", PROTOBUF, b"", 200, id="query"),
        pytest.param(
            "/v1/logs", {"Content-Type": "Application/JSON; charset=utf-8"}, b"{}", 200, id="JSON"
        ),
    ],
)
def test_an_unreadable_request_is_refused_and_recorded(
    receiver: OTLPReceiver, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    """A test sees the mistake of its sender."""
    assert post(receiver, body, headers, path)[0] == status

    (request,) = receiver.requests
    assert (request.path, request.answer.status, request.events) == (path, status, ())


def test_another_method_than_post_is_refused(receiver: OTLPReceiver) -> None:
    """The connection is closed, because a client may not expect the body."""
    answer = exchange(receiver, b"GET /v1/logs HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"Connection: close" in answer


def test_a_body_over_the_limit_is_answered_413() -> None:
    """Before its decompression, or after."""
    with OTLPReceiver(http_max_request_bytes=1000) as receiver:
        large = request_of("a" * 1000)

        assert post(receiver, large)[0] == 413
        assert post(receiver, gzip.compress(large), PROTOBUF | GZIP)[0] == 413
        assert post(receiver, request_of("a"))[0] == 200


def test_a_decompression_bomb_is_answered_413(receiver: OTLPReceiver) -> None:
    """Two MiB would become two GiB; the receiver never holds more than a few times its limit."""
    data = bomb(BOMB_GZIP)

    with traced_peak() as peak:
        status, _ = post(receiver, data, PROTOBUF | GZIP)

    assert status == 413
    assert peak() < 100 * 2**20
    assert receiver.requests[0].size == len(data)
    assert post(receiver, request_of("a"))[0] == 200


def test_the_connection_of_a_body_over_the_limit_stays_open() -> None:
    """The receiver reads the body to its end, so the next request is found."""
    with OTLPReceiver(http_max_request_bytes=1000) as receiver, connect(receiver) as connection:
        connection.request("POST", "/v1/logs", bytes(1_000_000), PROTOBUF)
        response = connection.getresponse()
        assert (response.status, response.read() != b"") == (413, True)
        used = connection.sock

        connection.request("POST", "/v1/logs", request_of("a"), PROTOBUF)

        assert connection.getresponse().status == 200
        assert connection.sock is used
        assert receiver.requests[0].size == 1_000_000


def test_the_response_has_the_status_headers_and_body_of_the_answer(receiver: OTLPReceiver) -> None:
    """Also a partial success."""
    receiver.answer(
        Answer(status=429, retry_after=7, headers={"X-Quota": "0"}), Answer(body=b"<html>")
    )
    receiver.answer_always(Answer.partial(1, "too old"))

    with connect(receiver) as connection:
        connection.request("POST", "/v1/logs", request_of("a"), PROTOBUF)
        response = connection.getresponse()
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
        assert response.headers["X-Quota"] == "0"
    assert post(receiver, request_of("b"))[1] == b"<html>"
    partial = ExportLogsServiceResponse.FromString(post(receiver, request_of("c", "d"))[1])

    assert partial.partial_success.rejected_log_records == 1
    assert [event.name for event in receiver.events] == ["b", "c"]


def test_a_connection_serves_many_requests(receiver: OTLPReceiver) -> None:
    """Chunked and with a length."""
    with connect(receiver) as connection:
        sockets = set()
        for name in "abc":
            body = request_of(name)
            pieces = iter([body[:3], body[3:]]) if name == "b" else body
            connection.request("POST", "/v1/logs", pieces, PROTOBUF, encode_chunked=name == "b")
            assert connection.getresponse().read() == b""
            sockets.add(connection.sock)

    assert len(sockets) == 1
    assert [event.name for event in receiver.events] == ["a", "b", "c"]


def test_the_connection_of_an_http_1_0_client_is_closed(receiver: OTLPReceiver) -> None:
    """As of some proxies."""
    answer = exchange(
        receiver,
        b"POST /v1/logs HTTP/1.0\r\nContent-Type: application/x-protobuf\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\nConnection: close\r\n\r\n")


def test_a_client_that_expects_100_continue_gets_it(receiver: OTLPReceiver) -> None:
    """Otherwise it would wait for a second."""
    body = request_of("a")
    head = (
        "POST /v1/logs HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nConnection: close\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(address_of(receiver), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"

        connection.sendall(body)

        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_bytes_that_are_not_http_are_answered_400_and_not_recorded(receiver: OTLPReceiver) -> None:
    """There is no request to record."""
    assert exchange(receiver, b"hello\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert receiver.requests == ()


def test_a_truncated_request_is_not_recorded(receiver: OTLPReceiver) -> None:
    """The client left in the middle."""
    with socket.create_connection(address_of(receiver), timeout=20) as connection:
        connection.sendall(b"POST /v1/logs HTTP/1.1\r\nContent-Length: 9\r\n\r\nbo")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""

    assert receiver.requests == ()
    assert post(receiver, request_of("a"))[0] == 200


def post_and_read(receiver: OTLPReceiver, body: bytes) -> tuple[int, bytes]:
    """Post over a new connection."""
    with connect(receiver) as connection:
        connection.request("POST", "/v1/logs", body, PROTOBUF)
        response = connection.getresponse()
        return response.status, response.read()


def test_a_dropped_answer_closes_the_connection(receiver: OTLPReceiver) -> None:
    """Before or after the events are stored."""
    receiver.answer(Answer.dropped(), Answer.dropped(store=True))

    for name in "ab":
        with pytest.raises(RemoteDisconnected):
            post_and_read(receiver, request_of(name))

    assert [event.name for event in receiver.events] == ["b"]
    assert len(receiver.requests) == 2


def test_an_answer_that_waits_for_an_event_comes_once_it_is_set(receiver: OTLPReceiver) -> None:
    """The request is recorded before, and the receiver serves others meanwhile."""
    gate = threading.Event()
    receiver.answer(Answer.held(gate))

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(post_and_read, receiver, request_of("a"))
        receiver.wait_for_requests(1)
        assert post_and_read(receiver, request_of("b"))[0] == 200
        assert not held.done()
        gate.set()
        assert held.result()[0] == 200

    assert [event.name for event in receiver.events] == ["a", "b"]


def test_a_delayed_answer_comes_after_its_delay(receiver: OTLPReceiver) -> None:
    """No sooner."""
    receiver.answer(Answer(delay=0.05))

    began = time.monotonic()
    assert post_and_read(receiver, request_of("a"))[0] == 200

    assert time.monotonic() - began >= 0.05


def test_an_answer_with_a_speed_comes_in_pieces(receiver: OTLPReceiver) -> None:
    """No read timeout is reached, and the response still takes long."""
    receiver.answer(Answer(body=b"x" * 100, bytes_per_second=2000))

    began = time.monotonic()
    assert post_and_read(receiver, request_of("a")) == (200, b"x" * 100)

    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer.held(threading.Event()), id="held"),
        pytest.param(Answer(delay=600), id="delayed"),
    ],
)
def test_stop_does_not_wait_for_an_answer_or_an_idle_connection(answer: Answer) -> None:
    """Clients see their connections closed."""
    with OTLPReceiver() as receiver, connect(receiver) as idle, connect(receiver) as busy:
        idle.request("POST", "/v1/logs", request_of("a"), PROTOBUF)
        idle.getresponse().read()
        receiver.answer(answer)
        busy.request("POST", "/v1/logs", request_of("b"), PROTOBUF)
        receiver.wait_for_requests(2)

        began = time.monotonic()
        receiver.stop()

        # The promise is half a second; a loaded machine gets more, the answers would need minutes.
        assert time.monotonic() - began < 5
        assert idle.sock.recv(1) == b""
        while busy.sock.recv(1000):
            pass
        assert not [t for t in threading.enumerate() if "receiver" in t.name]


def test_stop_does_not_wait_for_an_answer_with_a_speed() -> None:
    """It ends in the middle."""
    with OTLPReceiver() as receiver, connect(receiver) as connection:
        receiver.answer(Answer(bytes_per_second=0.01))
        connection.request("POST", "/v1/logs", request_of("a"), PROTOBUF)
        assert connection.sock.recv(1000) == b"H"

        began = time.monotonic()
        receiver.stop()

        assert time.monotonic() - began < 5
        assert connection.sock.recv(1000) == b""
        assert not [t for t in threading.enumerate() if "receiver" in t.name]


def test_stop_does_not_wait_for_a_client_that_does_not_read() -> None:
    """Its buffers are full, and the thread is blocked in a send."""
    with OTLPReceiver() as receiver, connect(receiver) as connection:
        receiver.answer(Answer(body=b"x" * 50_000_000))
        connection.request("POST", "/v1/logs", request_of("a"), PROTOBUF)
        receiver.wait_for_requests(1)

        receiver.stop()

        assert not [t for t in threading.enumerate() if "receiver" in t.name]


def test_stop_frees_the_port_even_if_a_forked_process_has_the_socket() -> None:
    """Otherwise clients would connect to a stopped backend, and wait for it."""
    server = HTTPServer(
        RequestLog(), host="127.0.0.1", port=0, ssl_context=None, max_request_bytes=1000
    )
    held = os.dup(server._listener.fileno())
    try:
        server.stop()

        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)
    finally:
        os.close(held)


def test_a_client_gone_before_its_turn_gets_no_thread() -> None:
    """Its connection is closed, and the next ones are served."""
    server = HTTPServer(
        RequestLog(), host="127.0.0.1", port=0, ssl_context=None, max_request_bytes=1000
    )
    gone = socket.socket()
    gone.close()

    server._start_connection(gone)

    assert server._connections == set()
    server.stop()


@pytest.fixture
def secure_receiver(certificates: Certificates) -> Iterator[OTLPReceiver]:
    """A receiver over HTTPS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    with OTLPReceiver(ssl_context=context) as receiver:
        yield receiver


def test_a_receiver_with_an_ssl_context_uses_https(
    secure_receiver: OTLPReceiver, certificates: Certificates
) -> None:
    """With the certificate of the test."""
    assert secure_receiver.http_endpoint.startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=certificates.authority)

    connection = HTTPSConnection(*address_of(secure_receiver), timeout=20, context=context)
    with closing(connection):
        connection.request("POST", "/v1/logs", request_of("a"), PROTOBUF)
        assert connection.getresponse().read() == b""

        # The connection is still open: the encrypted ones are closed by stop as well.
        secure_receiver.stop()

    assert [event.name for event in secure_receiver.events] == ["a"]


def test_an_https_receiver_survives_clients_without_tls(
    secure_receiver: OTLPReceiver, certificates: Certificates, capfd: pytest.CaptureFixture[str]
) -> None:
    """A silent client delays neither the others nor stop, and nothing is logged."""
    address = address_of(secure_receiver)
    with socket.create_connection(address, timeout=20):
        with (
            socket.create_connection(address, timeout=20) as plain,
            suppress(ConnectionResetError),
        ):
            plain.sendall(b"POST /v1/logs HTTP/1.1\r\n\r\n")
            plain.recv(1000)
        trusting = ssl.create_default_context(cafile=certificates.authority)
        with (
            socket.create_connection(address, timeout=20) as raw,
            trusting.wrap_socket(raw, server_hostname="localhost"),
        ):
            pass
        secure_receiver.stop()

    assert capfd.readouterr() == ("", "")
