"""Requests over HTTP, one at a time, to a real server."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from otel_telemetry import DeliveryConfig
from otel_telemetry.export.http import THREAD_NAME, HTTPTransport, RequestDeadline
from otel_telemetry.export.result import ExportResult
from otel_telemetry.stats import Disposition
from otel_telemetry.testing import Answer as Reply
from otel_telemetry.testing import OTLPReceiver
from tests.support.processes import LOOPBACK, refusing_port
from tests.support.threads import threads_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from tests.support.certificates import Certificates


SOON: Final = 5.0  # seconds: more than a busy machine needs, less than any time-out used here
LATE: Final = 60.0
REQUEST: Final = ExportLogsServiceRequest(
    resource_logs=[
        ResourceLogs(scope_logs=[ScopeLogs(log_records=[LogRecord(event_name="x" * 2000)])])
    ]
).SerializeToString()
DELIVERED: Final = ExportResult(disposition=Disposition.DELIVERED)


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend."""
    with OTLPReceiver() as receiver:
        yield receiver


def elapsed(action: Callable[[], object]) -> float:
    """Return the seconds that *action* takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


class Journal:
    """A server that records the connection of each request, and sends scripted responses.

    Args:
        body: The body of each answer.
        hang_up: Close the connection after each answer, without a word about it.
    """

    def __init__(self, body: bytes = b"", *, hang_up: bool = False) -> None:
        self.bodies: list[bytes] = []
        self.ports: list[int] = []
        journal = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                journal.ports.append(self.client_address[1])
                journal.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = hang_up

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.endpoint = f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and sends nothing."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


# -- What is sent ------------------------------------------------------------------------------


def test_request_arrives_unchanged(receiver: OTLPReceiver) -> None:
    """The backend reads the same bytes that the client encoded."""
    answer = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint)).send(REQUEST)

    (request,) = receiver.requests
    assert answer == DELIVERED
    assert request.protobuf == REQUEST
    assert request.path == "/v1/logs"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["user-agent"].startswith("otel-telemetry/")


def test_requests_are_compressed_with_gzip_by_default(receiver: OTLPReceiver) -> None:
    """The header names the encoding."""
    HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint)).send(REQUEST)

    (request,) = receiver.requests
    assert request.headers["content-encoding"] == "gzip"
    assert request.size < len(REQUEST) / 10


def test_compression_none_sends_plain_requests(receiver: OTLPReceiver) -> None:
    """No header names an encoding."""
    config = DeliveryConfig(endpoint=receiver.http_endpoint, compression="none")

    HTTPTransport(config).send(REQUEST)

    (request,) = receiver.requests
    assert "content-encoding" not in request.headers
    assert request.size == len(REQUEST)


def test_equal_requests_have_equal_bytes_on_the_wire() -> None:
    """The gzip header holds no time, so it carries no further information."""
    with Journal() as journal:
        transport = HTTPTransport(DeliveryConfig(endpoint=journal.endpoint))
        transport.send(REQUEST)
        transport.send(REQUEST)

    first, second = journal.bodies
    assert first == second
    assert first[4:8] == bytes(4)  # RFC 1952: MTIME
    assert gzip.decompress(first) == REQUEST


def test_configured_headers_are_sent(receiver: OTLPReceiver) -> None:
    """A key or any other header is sent. Headers that describe the body are not replaced."""
    headers = {"X-Api-Key": "k", "User-Agent": "acme/1", "Content-Type": "text/plain"}

    HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, headers=headers)).send(REQUEST)

    sent = receiver.requests[0].headers
    assert sent["x-api-key"] == "k"
    assert sent["user-agent"] == "acme/1"
    assert sent["content-type"] == "application/x-protobuf"


# -- Connections -------------------------------------------------------------------------------


def test_one_connection_serves_all_requests() -> None:
    """It is kept alive."""
    with Journal() as journal:
        transport = HTTPTransport(DeliveryConfig(endpoint=journal.endpoint))
        answers = [transport.send(REQUEST) for _ in range(3)]

    assert answers == [DELIVERED] * 3
    assert len(set(journal.ports)) == 1


def test_connection_closed_by_the_server_is_replaced() -> None:
    """Servers close idle connections. The next request does not fail because of it."""
    with Journal(hang_up=True) as journal:
        transport = HTTPTransport(DeliveryConfig(endpoint=journal.endpoint))
        answers = [transport.send(REQUEST) for _ in range(3)]

    assert answers.count(DELIVERED) >= 2  # a close may cross a request on its way
    assert len(set(journal.ports)) == len(journal.ports)


def test_forked_child_opens_its_own_connection() -> None:
    """Two processes on one connection would read each other's responses."""
    with Journal() as journal:
        transport = HTTPTransport(DeliveryConfig(endpoint=journal.endpoint))
        transport.send(REQUEST)
        transport.after_fork()
        transport.send(REQUEST)

    assert len(set(journal.ports)) == 2


def test_long_response_is_read_up_to_the_limit() -> None:
    """An endless response costs neither memory nor time. The connection is not used again."""
    with Journal(body=b"x" * 10_000_000) as journal:
        transport = HTTPTransport(DeliveryConfig(endpoint=journal.endpoint))
        answers = [transport.send(REQUEST) for _ in range(2)]

    assert answers == [DELIVERED] * 2
    assert len(set(journal.ports)) == 2


# -- What goes wrong ---------------------------------------------------------------------------


def test_refused_connection_is_retryable() -> None:
    """The reason names the error only."""
    with refusing_port() as port:
        answer = HTTPTransport(DeliveryConfig(endpoint=f"http://{LOOPBACK}:{port}")).send(REQUEST)

    assert answer == ExportResult(disposition=Disposition.RETRY, reason="NewConnectionError")


def test_lost_connection_is_retryable(receiver: OTLPReceiver) -> None:
    """The backend may have stored the request. The worker retries it, the transport does not."""
    receiver.answer(Reply.dropped())

    answer = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint)).send(REQUEST)

    assert answer.disposition is Disposition.RETRY
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(receiver: OTLPReceiver, status: int) -> None:
    """No redirect is followed."""
    receiver.answer(Reply.redirect(f"{receiver.http_endpoint}/v1/logs", status))

    answer = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint)).send(REQUEST)

    assert answer == ExportResult(disposition=Disposition.REFUSED, reason=f"HTTP status {status}")
    assert len(receiver.requests) == 1


def test_transport_never_retries(receiver: OTLPReceiver) -> None:
    """Every status is returned unchanged: the worker decides when to retry."""
    receiver.answer_always(Reply.throttled(retry_after=0))

    answer = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint)).send(REQUEST)

    assert answer == ExportResult(
        disposition=Disposition.RETRY, reason="HTTP status 429", retry_after=0
    )
    assert len(receiver.requests) == 1


def test_silent_server_costs_the_timeout_and_no_more(silent_port: int) -> None:
    """The request ends when the timeout ends."""
    config = DeliveryConfig(endpoint=f"http://{LOOPBACK}:{silent_port}", timeout=0.2)

    assert elapsed(lambda: HTTPTransport(config).send(REQUEST)) < SOON


def test_timeout_covers_a_response_that_trickles(receiver: OTLPReceiver) -> None:
    """The timeout is for the whole request, not for each byte of its response."""
    receiver.answer_always(Reply(bytes_per_second=10))
    transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=0.2))

    assert elapsed(lambda: transport.send(REQUEST)) < SOON
    assert transport.send(REQUEST).disposition is Disposition.RETRY


def test_success_status_counts_when_the_body_breaks_off(receiver: OTLPReceiver) -> None:
    """The backend has accepted the request: a retry would send it twice."""
    receiver.answer(Reply(body=b"so far", headers={"Content-Length": "1000"}))
    transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=0.2))

    assert transport.send(REQUEST) == DELIVERED
    assert transport.send(REQUEST) == DELIVERED


def test_a_timeout_leaves_no_thread_behind(receiver: OTLPReceiver) -> None:
    """The deadline thread of a request ends with the request."""
    before = threading.enumerate()

    HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=LATE)).send(REQUEST)

    timers = [
        t for t in threading.enumerate() if t not in before and isinstance(t, threading.Timer)
    ]
    for timer in timers:
        timer.join(SOON)
    assert not any(timer.is_alive() for timer in timers)
    assert threads_left(before, within=SOON) == []


SOON_ABORTED: Final = 5.0  # seconds: more than a busy machine needs, less than the time-out
ABORTED: Final = ExportResult(disposition=Disposition.RETRY, reason="shutting down")


@contextmanager
def sending(transport: HTTPTransport) -> Iterator[list[ExportResult]]:
    """Send in another thread, which has to end soon after the block; yields its answer, then."""
    answers: list[ExportResult] = []
    thread = threading.Thread(target=lambda: answers.append(transport.send(b"")))
    thread.start()
    yield answers
    thread.join(SOON_ABORTED)
    assert not thread.is_alive()


def test_abort_cancels_the_request_under_way() -> None:
    """The thread that waits for the response returns."""
    with OTLPReceiver() as receiver:
        receiver.answer(Reply.held(threading.Event()))
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=LATE))

        with sending(transport) as answers:
            receiver.wait_for_requests(1)
            transport.abort()

    assert [answer.disposition for answer in answers] == [Disposition.RETRY]


def test_abort_cancels_the_request_under_way_over_tls(certificates: Certificates) -> None:
    """The socket is shut down, but the TLS object stays usable for its reader."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    with OTLPReceiver(ssl_context=context) as receiver:
        receiver.answer(Reply.held(threading.Event()))
        transport = HTTPTransport(
            DeliveryConfig(
                endpoint=receiver.http_endpoint,
                certificate_file=str(certificates.authority),
                timeout=LATE,
            )
        )

        with sending(transport) as answers:
            receiver.wait_for_requests(1)
            transport.abort()

    assert [answer.disposition for answer in answers] == [Disposition.RETRY]


def test_abort_cancels_a_response_that_trickles() -> None:
    """A status that was read before counts."""
    with OTLPReceiver() as receiver:
        receiver.answer(Reply(body=b"x" * 60_000, bytes_per_second=5_000))
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=LATE))

        with sending(transport) as answers:
            receiver.wait_for_requests(1)
            transport.abort()

    assert len(answers) == 1
    assert answers[0].disposition in {Disposition.RETRY, Disposition.DELIVERED}


def test_abort_cancels_a_hanging_tls_handshake() -> None:
    """The server accepts the connection and never starts TLS."""
    with socket.create_server((LOOPBACK, 0)) as server:
        endpoint = f"https://{LOOPBACK}:{server.getsockname()[1]}"
        transport = HTTPTransport(DeliveryConfig(endpoint=endpoint, timeout=LATE))

        with sending(transport) as answers:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(1) == b"\x16"  # the client's hello
                transport.abort()

    assert [answer.disposition for answer in answers] == [Disposition.RETRY]


def test_after_abort_no_request_is_sent() -> None:
    """This is final."""
    with OTLPReceiver() as receiver:
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint))
        transport.send(b"")
        transport.abort()

        assert transport.send(b"") == ABORTED
        assert len(receiver.requests) == 1


def test_abort_without_a_connection_does_nothing() -> None:
    """There is no socket to close."""
    transport = HTTPTransport(DeliveryConfig(endpoint="http://localhost:1"))
    transport.abort()
    transport.abort()

    assert transport.send(b"") == ABORTED


def test_abort_during_name_resolution_prevents_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The look-up goes on, but no request follows it."""
    looking, found = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def slowly(*asked: Any, **more: Any) -> Any:
        looking.set()
        found.wait(SOON_ABORTED)
        return look_up(*asked, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with OTLPReceiver() as receiver:
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=LATE))

        with sending(transport) as answers:
            assert looking.wait(SOON_ABORTED)
            transport.abort()
            found.set()

        assert receiver.requests == ()
    assert [answer.disposition for answer in answers] == [Disposition.RETRY]


def test_timeout_covers_name_resolution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow look-up uses up the timeout of the whole request."""
    timeout = 0.2
    look_up = socket.getaddrinfo

    def slowly(*asked: Any, **more: Any) -> Any:
        threading.Event().wait(2 * timeout)
        return look_up(*asked, **more)

    with OTLPReceiver() as receiver:
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=timeout))
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", slowly)
            assert transport.send(b"").disposition is Disposition.RETRY
        assert receiver.requests == ()

        assert transport.send(b"").disposition is Disposition.DELIVERED  # the next has all its time


SOON_OVERDUE = 5.0  # seconds: more than a busy machine needs
LATE_OVERDUE = 60.0


def watchers() -> int:
    """Count the threads of request deadlines."""
    return [thread.name for thread in threading.enumerate()].count(THREAD_NAME)


def test_request_deadline_fires_once_at_the_timeout() -> None:
    """The caller does not block."""
    before = threading.enumerate()
    cut = threading.Semaphore(0)
    RequestDeadline().start(0.01, cut.release)

    assert cut.acquire(timeout=SOON_OVERDUE)
    assert threads_left(before, within=SOON_OVERDUE) == []
    assert not cut.acquire(blocking=False)


def test_request_deadline_does_not_fire_for_calls_that_end_in_time() -> None:
    """This holds for many calls in a row, and a later slow call is still cancelled."""
    before = threading.enumerate()
    already = watchers()
    wrong, right = threading.Semaphore(0), threading.Semaphore(0)
    deadline = RequestDeadline()
    for _ in range(100):
        deadline.start(0.05, wrong.release)
        assert watchers() <= already + 1
        deadline.cancel()
    deadline.start(0.1, right.release)

    assert right.acquire(timeout=SOON_OVERDUE)
    assert not wrong.acquire(blocking=False)
    assert threads_left(before, within=SOON_OVERDUE) == []


def test_request_deadline_restarts_its_timeout_for_each_call() -> None:
    """The timeout counts from the latest call, not from the start of the thread."""
    now = [0.0]
    cut = threading.Semaphore(0)
    deadline = RequestDeadline(clock=lambda: now[0])
    deadline.start(0.01, cut.release)
    deadline.cancel()
    deadline.start(LATE_OVERDUE, cut.release)
    assert not cut.acquire(timeout=0.05)

    now[0] = LATE_OVERDUE
    assert cut.acquire(timeout=SOON_OVERDUE)


def test_idle_request_deadline_thread_ends_and_restarts() -> None:
    """The next call starts a new thread."""
    before = threading.enumerate()
    cut = threading.Semaphore(0)
    deadline = RequestDeadline()
    deadline.start(0.01, cut.release)
    deadline.cancel()
    assert threads_left(before, within=SOON_OVERDUE) == []

    deadline.start(0.01, cut.release)
    assert cut.acquire(timeout=SOON_OVERDUE)


def test_request_deadline_can_be_stopped_before_the_timeout() -> None:
    """A later call works as before."""
    before = threading.enumerate()
    cut = threading.Semaphore(0)
    deadline = RequestDeadline()
    for _ in range(2):
        deadline.start(LATE_OVERDUE, cut.release)
        deadline.stop()
        assert threads_left(before, within=SOON_OVERDUE) == []
    assert not cut.acquire(blocking=False)
