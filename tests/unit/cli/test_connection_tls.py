"""Whom a certificate convinces, and why not."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import trustme

from otel_telemetry.cli.probe import _distrust
from otel_telemetry.testing import OTLPReceiver
from tests.support.certificates import Certificates
from tests.support.doctor import checks, levels, silent
from tests.support.processes import LOOPBACK


@contextmanager
def tls_receiver(certificate: trustme.LeafCert) -> Iterator[str]:
    """Run a backend with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with OTLPReceiver(ssl_context=context) as receiver:
        yield receiver.http_endpoint


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    """An authority, and the file that names it."""
    made = trustme.CA()
    path = tmp_path / "authority.pem"
    made.cert_pem.write_to_path(path)
    return made, str(path)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_tls_that_is_trusted_is_ok(certificates: Certificates, protocol: str) -> None:
    """By the authority in the settings."""
    if protocol == "grpc":
        credentials = grpc.ssl_server_credentials(
            [(certificates.server_key.read_bytes(), certificates.server.read_bytes())]
        )
        server = OTLPReceiver(http=False, grpc=True, grpc_credentials=credentials)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.server, certificates.server_key)
        server = OTLPReceiver(ssl_context=context)
    with server as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        found = checks(endpoint, protocol=protocol, certificate_file=str(certificates.authority))

    assert levels(found) == [("name", "ok"), ("connect", "ok"), ("tls", "ok"), ("answer", "ok")]


_DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda ca, now: ca.issue_cert(
                "127.0.0.1", not_before=now - 2 * _DAY, not_after=now - _DAY
            ),
            "the certificate has expired",
        ),
        (
            lambda ca, now: ca.issue_cert("127.0.0.1", not_before=now + _DAY),
            "the certificate is not valid yet",
        ),
        (
            lambda ca, _now: ca.issue_cert("other.example"),
            "the certificate is not for 127.0.0.1",
        ),
        (
            lambda _ca, _now: trustme.CA().issue_cert("127.0.0.1"),
            "the certificate is signed by an authority that is not trusted here",
        ),
    ],
    ids=["expired", "not yet valid", "another host", "unknown authority"],
)
def test_it_says_why_a_certificate_is_not_trusted(
    authority: tuple[trustme.CA, str],
    make: Callable[[trustme.CA, datetime.datetime], trustme.LeafCert],
    expected: str,
) -> None:
    """Each has another remedy; and no request is sent."""
    ca, path = authority
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)

    with tls_receiver(make(ca, now)) as endpoint:
        found = checks(endpoint, certificate_file=path)

    assert levels(found) == [("name", "ok"), ("connect", "ok"), ("tls", "problem")]
    assert found[-1].found == expected
    assert found[-1].advice


def test_a_reason_that_is_rare_is_told_in_openssls_words() -> None:
    """A certificate that is for clients only, say."""
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = 26, "unsuitable certificate purpose"

    found, advice = _distrust(error, "a.example")

    assert found == "the certificate is not trusted: unsuitable certificate purpose"
    assert advice


def test_a_port_without_tls_is_told() -> None:
    """A URL with https for a port without."""
    with OTLPReceiver() as receiver:
        found = checks(receiver.http_endpoint.replace("http:", "https:"))

    assert levels(found)[-1] == ("tls", "problem")
    assert "TLS" in found[-1].advice


def test_a_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    """Before anything is sent."""
    path = tmp_path / "authority.pem"
    path.write_text("no certificate", encoding="utf-8")
    with silent() as port:
        found = checks(f"https://{LOOPBACK}:{port}", certificate_file=str(path))

    assert levels(found)[-1] == ("tls", "problem")


def test_a_handshake_that_is_broken_off_is_told() -> None:
    """By a server that hangs up."""
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()

        def hang_up() -> None:
            for _ in range(2):
                connection, _peer = server.accept()
                connection.recv(1)  # the first says nothing, the second hello
                linger = b"\x01\0\0\0\0\0\0\0"
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        found = checks(f"https://{LOOPBACK}:{server.getsockname()[1]}")
        thread.join()

    assert levels(found)[-1] == ("tls", "problem")
