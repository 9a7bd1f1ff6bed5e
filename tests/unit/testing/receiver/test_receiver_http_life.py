"""The receiver over HTTP: answers that are late or never come, stopping, and TLS."""

from __future__ import annotations

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

from otel_telemetry.testing import Answer, OTLPReceiver
from otel_telemetry.testing.receiver.http import HTTPServer
from otel_telemetry.testing.receiver.request_log import Journal
from tests.support.otlp_http import PROTOBUF, address_of, connect, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.certificates import Certificates


def post(receiver: OTLPReceiver, body: bytes) -> tuple[int, bytes]:
    """Post over a new connection."""
    with connect(receiver) as connection:
        connection.request("POST", "/v1/logs", body, PROTOBUF)
        response = connection.getresponse()
        return response.status, response.read()


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A receiver that speaks HTTP."""
    with OTLPReceiver() as receiver:
        yield receiver


def test_a_dropped_answer_closes_the_connection(receiver: OTLPReceiver) -> None:
    """Before or after the events were stored."""
    receiver.answer(Answer.dropped(), Answer.dropped(store=True))

    for name in "ab":
        with pytest.raises(RemoteDisconnected):
            post(receiver, request_of(name))

    assert [event.name for event in receiver.events] == ["b"]
    assert len(receiver.requests) == 2


def test_a_held_answer_comes_once_released(receiver: OTLPReceiver) -> None:
    """The request is there before, and others are served meanwhile."""
    gate = threading.Event()
    receiver.answer(Answer.held(gate))

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(post, receiver, request_of("a"))
        receiver.wait_for_requests(1)
        assert post(receiver, request_of("b"))[0] == 200
        assert not held.done()
        gate.set()
        assert held.result()[0] == 200

    assert [event.name for event in receiver.events] == ["a", "b"]


def test_a_delayed_answer_takes_its_time(receiver: OTLPReceiver) -> None:
    """No less than asked for."""
    receiver.answer(Answer(delay=0.05))

    began = time.monotonic()
    assert post(receiver, request_of("a"))[0] == 200

    assert time.monotonic() - began >= 0.05


def test_a_trickling_answer_comes_in_pieces(receiver: OTLPReceiver) -> None:
    """A read timeout is never hit, and still it takes long."""
    receiver.answer(Answer(body=b"x" * 100, bytes_per_second=2000))

    began = time.monotonic()
    assert post(receiver, request_of("a")) == (200, b"x" * 100)

    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer.held(threading.Event()), id="held"),
        pytest.param(Answer(delay=600), id="delayed"),
    ],
)
def test_stop_waits_for_no_answer(answer: Answer) -> None:
    """Nor for a connection that is kept alive; clients see them closed."""
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


def test_stop_does_not_wait_for_an_answer_that_trickles() -> None:
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
    """Its buffers are full, and the thread is stuck in sending."""
    with OTLPReceiver() as receiver, connect(receiver) as connection:
        receiver.answer(Answer(body=b"x" * 50_000_000))
        connection.request("POST", "/v1/logs", request_of("a"), PROTOBUF)
        receiver.wait_for_requests(1)

        receiver.stop()

        assert not [t for t in threading.enumerate() if "receiver" in t.name]


def test_stop_frees_the_port_even_if_a_fork_holds_the_socket() -> None:
    """Or clients would connect to a backend that is down, and wait for it."""
    server = HTTPServer(
        Journal(), host="127.0.0.1", port=0, ssl_context=None, max_request_bytes=1000
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
        Journal(), host="127.0.0.1", port=0, ssl_context=None, max_request_bytes=1000
    )
    gone = socket.socket()
    gone.close()

    server._welcome(gone)

    assert server._connections == set()
    server.stop()


@pytest.fixture
def secure_receiver(certificates: Certificates) -> Iterator[OTLPReceiver]:
    """A receiver that speaks HTTPS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    with OTLPReceiver(ssl_context=context) as receiver:
        yield receiver


def test_https_is_spoken_where_a_context_is_given(
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


def test_https_survives_clients_that_do_not_speak_it(
    secure_receiver: OTLPReceiver, certificates: Certificates, capfd: pytest.CaptureFixture[str]
) -> None:
    """A silent one holds up neither the others nor stop, and nothing is logged."""
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
