"""Trusted and untrusted certificates."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import grpc
import pytest

from otel_telemetry import Outcome
from otel_telemetry.testing import OTLPReceiver
from tests.support.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_telemetry import Telemetry
    from tests.support.certificates import Certificates


def http_over_tls(
    certificates: Certificates, *, verify_client: bool = False, host: str = "127.0.0.1"
) -> OTLPReceiver:
    """Make a backend for HTTPS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    if verify_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates.authority)
    return OTLPReceiver(ssl_context=context, host=host)


def grpc_over_tls(
    certificates: Certificates, *, verify_client: bool = False, host: str = "127.0.0.1"
) -> OTLPReceiver:
    """Make a backend for gRPC over TLS."""
    credentials = grpc.ssl_server_credentials(
        [(certificates.server_key.read_bytes(), certificates.server.read_bytes())],
        certificates.authority.read_bytes() if verify_client else None,
        verify_client,
    )
    return OTLPReceiver(http=False, grpc=True, grpc_credentials=credentials, host=host)


MAKERS = {"http": http_over_tls, "grpc": grpc_over_tls}


@pytest.fixture(params=MAKERS)
def make_receiver(request: pytest.FixtureRequest) -> Callable[..., OTLPReceiver]:
    """Make a backend with TLS, once of each protocol."""
    return MAKERS[request.param]


@pytest.fixture
def tls_receiver(
    make_receiver: Callable[..., OTLPReceiver], certificates: Certificates
) -> Iterator[OTLPReceiver]:
    """A backend with TLS that asks for no client certificate."""
    with make_receiver(certificates) as receiver:
        yield receiver


def assert_not_delivered(telemetry: Telemetry, log_messages: list[str]) -> None:
    """Assert that no event arrived, none was lost, and the log reports it."""
    assert telemetry.stats.delivered == 0
    assert telemetry.stats.pending == 1
    assert any(text.startswith("telemetry is delayed: ") for text in log_messages)


def test_authority_of_certificate_file_is_trusted(
    tls_receiver: OTLPReceiver,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """The system does not know this authority."""
    telemetry = make_telemetry(tls_receiver, certificate_file=str(certificates.authority))
    receipt = telemetry.send("didStart")

    assert telemetry.flush(10)
    assert receipt.outcome is Outcome.DELIVERED
    assert [event.name for event in tls_receiver.events] == ["didStart"]


def test_without_certificate_file_a_private_authority_is_not_trusted(
    tls_receiver: OTLPReceiver,
    log_messages: Callable[[], list[str]],
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """No event is sent, and the log reports it."""
    telemetry = make_telemetry(tls_receiver)
    telemetry.send("didStart")

    assert not telemetry.flush(0.5)
    assert_not_delivered(telemetry, log_messages())
    assert tls_receiver.requests == ()


def test_certificate_of_another_authority_is_not_trusted(
    tls_receiver: OTLPReceiver,
    log_messages: Callable[[], list[str]],
    make_telemetry: Callable[..., Telemetry],
    tmp_path: Path,
) -> None:
    """Only the authority of the setting counts."""
    others = make_certificates(tmp_path)
    telemetry = make_telemetry(tls_receiver, certificate_file=str(others.authority))
    telemetry.send("didStart")

    assert not telemetry.flush(0.5)
    assert_not_delivered(telemetry, log_messages())
    assert tls_receiver.requests == ()


def test_certificate_for_another_host_is_not_trusted(
    make_receiver: Callable[..., OTLPReceiver],
    certificates: Certificates,
    log_messages: Callable[[], list[str]],
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """The certificate must be for the host of the endpoint."""
    with make_receiver(certificates, host="127.0.0.2") as receiver:
        telemetry = make_telemetry(receiver, certificate_file=str(certificates.authority))
        telemetry.send("didStart")

        assert not telemetry.flush(0.5)
        assert_not_delivered(telemetry, log_messages())
        assert receiver.requests == ()


def test_client_certificate_is_presented_to_the_backend(
    make_receiver: Callable[..., OTLPReceiver],
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """The settings client_certificate_file and client_key_file name it."""
    with make_receiver(certificates, verify_client=True) as receiver:
        telemetry = make_telemetry(
            receiver,
            certificate_file=str(certificates.authority),
            client_certificate_file=str(certificates.client),
            client_key_file=str(certificates.client_key),
        )
        telemetry.send("didStart")

        assert telemetry.flush(10)
        assert [event.name for event in receiver.events] == ["didStart"]


def test_without_a_client_certificate_events_wait(
    make_receiver: Callable[..., OTLPReceiver],
    certificates: Certificates,
    log_messages: Callable[[], list[str]],
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """The log reports the failure."""
    with make_receiver(certificates, verify_client=True) as receiver:
        telemetry = make_telemetry(receiver, certificate_file=str(certificates.authority))
        telemetry.send("didStart")

        assert not telemetry.flush(0.5)
        assert_not_delivered(telemetry, log_messages())
        assert receiver.requests == ()


def test_https_endpoint_gets_no_plain_text(
    receiver: OTLPReceiver,
    log_messages: Callable[[], list[str]],
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """A server that speaks plain text at an https endpoint gets no event."""
    try:
        endpoint, protocol = receiver.http_endpoint, "http/protobuf"
    except RuntimeError:
        endpoint, protocol = receiver.grpc_endpoint, "grpc"
    telemetry = make_telemetry(endpoint.replace("http://", "https://"), protocol=protocol)
    telemetry.send("didStart")

    assert not telemetry.flush(0.5)
    assert_not_delivered(telemetry, log_messages())
    assert receiver.requests == ()


def test_invalid_certificate_files_stop_delivery_without_an_exception(
    tls_receiver: OTLPReceiver,
    tmp_path: Path,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Only the log reports it."""
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate")
    telemetry = make_telemetry(tls_receiver, certificate_file=str(rubbish))
    telemetry.send("didStart")

    assert not telemetry.flush(0.5)
    assert telemetry.stats.delivered == 0
    assert tls_receiver.requests == ()
