"""Delivery through a proxy from the environment."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry import Outcome
from otel_telemetry.testing import OTLPReceiver
from tests.support.processes import LOOPBACK, refusing_port
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry import Telemetry
    from tests.support.certificates import Certificates

PASSWORD: Final = "s3cr:t@&"
QUOTED: Final = "s3cr%3At%40%26"


@pytest.fixture
def tls_receiver(certificates: Certificates) -> Iterator[OTLPReceiver]:
    """A backend with an https endpoint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    with OTLPReceiver(ssl_context=context) as receiver:
        yield receiver


def test_http_request_goes_through_http_proxy(
    monkeypatch: pytest.MonkeyPatch,
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """HTTP_PROXY is for http URLs."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        telemetry = make_telemetry(http_receiver)
        telemetry.send("didStart")
        assert telemetry.flush(10)

    (request,) = proxy.requests
    assert (request.method, request.target) == ("POST", f"{http_receiver.http_endpoint}/v1/logs")
    assert [event.name for event in http_receiver.events] == ["didStart"]


def test_https_request_goes_through_a_tunnel_of_https_proxy(
    monkeypatch: pytest.MonkeyPatch,
    tls_receiver: OTLPReceiver,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """HTTPS_PROXY is for https URLs. The proxy learns only the host."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        telemetry = make_telemetry(tls_receiver, certificate_file=str(certificates.authority))
        telemetry.send("didStart")
        assert telemetry.flush(10)
        telemetry.send("didStop")
        assert telemetry.flush(10)

    (request,) = proxy.requests
    assert request.method == "CONNECT"
    assert request.target == tls_receiver.http_endpoint.removeprefix("https://")
    assert [event.name for event in tls_receiver.events] == ["didStart", "didStop"]


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
def test_proxy_credentials_reach_only_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    http_receiver: OTLPReceiver,
    tls_receiver: OTLPReceiver,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
    *,
    is_tls: bool,
) -> None:
    """They are percent-decoded, and neither sent to the backend nor logged."""
    caplog.set_level(logging.DEBUG)
    receiver = tls_receiver if is_tls else http_receiver
    with Proxy(credentials=f"acme:{PASSWORD}") as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://acme:{QUOTED}@{proxy.address}")
        telemetry = make_telemetry(receiver, certificate_file=str(certificates.authority))
        telemetry.send("didStart")
        assert telemetry.flush(10)

    (request,) = receiver.requests
    assert "proxy-authorization" in proxy.requests[0].headers
    assert "proxy-authorization" not in request.headers
    assert "authorization" not in request.headers
    assert "s3cr" not in caplog.text


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
def test_refusal_of_the_proxy_is_logged_without_credentials(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    log_messages: Callable[[], list[str]],
    http_receiver: OTLPReceiver,
    tls_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    *,
    is_tls: bool,
) -> None:
    """The password is in no log, at any level."""
    caplog.set_level(logging.DEBUG)
    with Proxy(credentials="another:user") as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://acme:{QUOTED}@{proxy.address}")
        telemetry = make_telemetry(tls_receiver if is_tls else http_receiver)
        telemetry.send("didStart")
        assert not telemetry.flush(0.3)

    assert proxy.requests
    reasons = ("ProxyError", "HTTP status 407")
    wait_until(
        lambda: any(reason in text for reason in reasons for text in log_messages()),
        within=5,
        what="the reason in the log",
    )
    assert "s3cr" not in caplog.text
    assert tls_receiver.requests == http_receiver.requests == ()


def test_events_wait_while_the_proxy_is_down(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """No request bypasses the proxy."""
    caplog.set_level(logging.DEBUG)
    with refusing_port() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://acme:{QUOTED}@{LOOPBACK}:{port}")
        telemetry = make_telemetry(http_receiver)
        receipt = telemetry.send("didStart")
        assert not telemetry.flush(0.3)

    assert receipt.outcome in {Outcome.PENDING, Outcome.SPOOLED}
    assert telemetry.stats.pending == 1
    assert http_receiver.requests == ()
    assert "s3cr" not in caplog.text


@pytest.mark.parametrize("hosts", [LOOPBACK, f"example.com,{LOOPBACK}", "*"])
def test_no_proxy_hosts_bypass_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    hosts: str,
) -> None:
    """NO_PROXY names the hosts."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", hosts)
        telemetry = make_telemetry(http_receiver)
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert proxy.requests == []


def test_proxy_without_a_scheme_is_an_http_proxy(
    monkeypatch: pytest.MonkeyPatch,
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Many proxies are configured as host and port."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        telemetry = make_telemetry(http_receiver)
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert len(proxy.requests) == 1


def test_unsupported_proxy_scheme_stops_delivery_without_an_exception(
    monkeypatch: pytest.MonkeyPatch,
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """No request bypasses the proxy."""
    monkeypatch.setenv("HTTP_PROXY", f"socks5://{LOOPBACK}:1")
    telemetry = make_telemetry(http_receiver)
    telemetry.send("didStart")

    assert not telemetry.flush(0.3)
    assert http_receiver.requests == ()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_grpc_request_goes_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
    grpc_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    name: str,
) -> None:
    """The tunnel uses the variables of HTTP, and only the proxy gets the credentials."""
    with Proxy(credentials=f"acme:{PASSWORD}") as proxy:
        monkeypatch.setenv(name, f"http://acme:{QUOTED}@{proxy.address}")
        telemetry = make_telemetry(grpc_receiver)
        telemetry.send("didStart")
        assert telemetry.flush(10)
        telemetry.destroy()

    assert {request.method for request in proxy.requests} == {"CONNECT"}
    assert [event.name for event in grpc_receiver.events] == ["didStart"]
    assert "proxy-authorization" not in grpc_receiver.requests[0].headers


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_hosts_bypass_the_proxy_over_grpc(
    monkeypatch: pytest.MonkeyPatch,
    grpc_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    name: str,
) -> None:
    """NO_PROXY names the hosts."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        monkeypatch.setenv(name, LOOPBACK)
        telemetry = make_telemetry(grpc_receiver)
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert proxy.requests == []


def test_grpc_request_goes_through_a_proxy_without_a_scheme(
    monkeypatch: pytest.MonkeyPatch,
    grpc_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Host and port are sufficient."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        telemetry = make_telemetry(grpc_receiver)
        telemetry.send("didStart")
        assert telemetry.flush(10)
        telemetry.destroy()

    assert proxy.requests
