"""Requests over HTTP that are broken off by another thread."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_telemetry import DeliveryConfig
from otel_telemetry.export.http import HTTPTransport
from otel_telemetry.export.result import Answer, Kind
from otel_telemetry.testing import Answer as Reply
from otel_telemetry.testing import OTLPReceiver
from tests.support.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.certificates import Certificates

SOON: Final = 5.0  # seconds: more than a busy machine needs, less than the time-out
LATE: Final = 60.0
ABORTED: Final = Answer(kind=Kind.RETRY, reason="shutting down")


@contextmanager
def sending(transport: HTTPTransport) -> Iterator[list[Answer]]:
    """Send in another thread, which has to end soon after the block; yields its answer, then."""
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(transport.send(b"")))
    thread.start()
    yield answers
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_request_under_way_is_broken_off() -> None:
    """Whoever waits for an answer waits no more."""
    with OTLPReceiver() as receiver:
        receiver.answer(Reply.held(threading.Event()))
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=LATE))

        with sending(transport) as answers:
            receiver.wait_for_requests(1)
            transport.abort()

    assert [answer.kind for answer in answers] == [Kind.RETRY]


def test_a_request_under_way_over_tls_is_broken_off(certificates: Certificates) -> None:
    """The same, without pulling the encryption from under the reader."""
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

    assert [answer.kind for answer in answers] == [Kind.RETRY]


def test_an_answer_that_trickles_in_is_broken_off() -> None:
    """However much of it has been read; if its status was, that status counts."""
    with OTLPReceiver() as receiver:
        receiver.answer(Reply(body=b"x" * 60_000, bytes_per_second=5_000))
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=LATE))

        with sending(transport) as answers:
            receiver.wait_for_requests(1)
            transport.abort()

    assert len(answers) == 1
    assert answers[0].kind in {Kind.RETRY, Kind.DELIVERED}


def test_a_handshake_that_hangs_is_broken_off() -> None:
    """The server accepts the connection and never begins to speak TLS."""
    with socket.create_server((LOOPBACK, 0)) as server:
        endpoint = f"https://{LOOPBACK}:{server.getsockname()[1]}"
        transport = HTTPTransport(DeliveryConfig(endpoint=endpoint, timeout=LATE))

        with sending(transport) as answers:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(1) == b"\x16"  # the client's hello
                transport.abort()

    assert [answer.kind for answer in answers] == [Kind.RETRY]


def test_after_an_abort_nothing_is_sent() -> None:
    """For good."""
    with OTLPReceiver() as receiver:
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint))
        transport.send(b"")
        transport.abort()

        assert transport.send(b"") == ABORTED
        assert len(receiver.requests) == 1


def test_an_abort_without_a_connection_is_no_error() -> None:
    """There is nothing to cut."""
    transport = HTTPTransport(DeliveryConfig(endpoint="http://localhost:1"))
    transport.abort()
    transport.abort()

    assert transport.send(b"") == ABORTED


def test_a_request_whose_name_is_still_looked_up_never_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look-up cannot be broken off; but what it is for must not go once it is over."""
    looking, found = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def slowly(*asked: Any, **more: Any) -> Any:
        looking.set()
        found.wait(SOON)
        return look_up(*asked, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with OTLPReceiver() as receiver:
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=LATE))

        with sending(transport) as answers:
            assert looking.wait(SOON)
            transport.abort()
            found.set()

        assert receiver.requests == ()
    assert [answer.kind for answer in answers] == [Kind.RETRY]


def test_a_request_that_is_late_before_it_has_a_connection_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time-out is for the whole request: what is left of it after a slow look-up is nothing."""
    timeout = 0.2
    look_up = socket.getaddrinfo

    def slowly(*asked: Any, **more: Any) -> Any:
        threading.Event().wait(2 * timeout)
        return look_up(*asked, **more)

    with OTLPReceiver() as receiver:
        transport = HTTPTransport(DeliveryConfig(endpoint=receiver.http_endpoint, timeout=timeout))
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", slowly)
            assert transport.send(b"").kind is Kind.RETRY
        assert receiver.requests == ()

        assert transport.send(b"").kind is Kind.DELIVERED  # the next has all its time
