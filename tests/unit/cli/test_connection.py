"""Whether the backend can be reached, step by step."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from otel_telemetry import TelemetryConfig
from otel_telemetry.cli.probe import Prober, check_connection
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.doctor import checks, levels, silent
from tests.support.processes import LOOPBACK, refusing_port
from tests.support.proxy import Proxy

NEVER = 3600.0


def test_a_backend_that_works_is_ok_all_the_way() -> None:
    """Name, port, answer; no event in what it gets."""
    with OTLPReceiver() as receiver:
        found = checks(receiver.http_endpoint)

    assert levels(found) == [("name", "ok"), ("connect", "ok"), ("answer", "ok")]
    assert [(request.protobuf, request.events) for request in receiver.requests] == [(b"", ())]


def test_grpc_is_asked_in_its_own_way() -> None:
    """The same steps."""
    with OTLPReceiver(http=False, grpc=True) as receiver:
        found = checks(receiver.grpc_endpoint, protocol="grpc")

    assert levels(found) == [("name", "ok"), ("connect", "ok"), ("answer", "ok")]
    assert found[-1].found == "the backend takes OTLP grpc"


def test_a_dead_port_is_told() -> None:
    """In the system's words."""
    with refusing_port() as port:
        found = checks(f"http://{LOOPBACK}:{port}")

    assert levels(found) == [("name", "ok"), ("connect", "problem")]
    assert found[-1].found == f"127.0.0.1, port {port}: Connection refused"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_that_never_answers_takes_no_longer_than_the_bound(scheme: str) -> None:
    """The connection stands, and nothing comes."""
    with silent() as port:
        begun = time.monotonic()
        found = checks(f"{scheme}://{LOOPBACK}:{port}", Prober(0.3))

    assert time.monotonic() - begun < 5
    assert levels(found)[-1] == ("answer" if scheme == "http" else "tls", "problem")


def test_a_black_hole_takes_no_longer_than_the_bound() -> None:
    """Whose backlog is full: not even the connection stands."""
    with silent(accepts=False) as port:
        fill = [socket.socket() for _ in range(4)]
        for each in fill:
            each.setblocking(False)
            each.connect_ex((LOOPBACK, port))
        begun = time.monotonic()
        found = checks(f"http://{LOOPBACK}:{port}", Prober(0.3))
        for each in fill:
            each.close()

    assert time.monotonic() - begun < 5
    assert levels(found) == [("name", "ok"), ("connect", "problem")]
    assert "no answer from 127.0.0.1" in found[-1].found


def test_a_name_that_nobody_knows_is_told() -> None:
    """By the name."""
    found = checks("http://no.such.host.invalid")

    assert levels(found) == [("name", "problem")]
    assert "no.such.host.invalid is not known" in found[0].found


def test_a_name_service_that_does_not_answer_is_not_waited_for() -> None:
    """Its look-up cannot be broken off."""
    until = threading.Event()

    def look_up(_host: str, _port: int) -> list[str]:
        until.wait(NEVER)
        return []

    found = checks("http://a.example", Prober(0.1, look_up))
    until.set()

    assert levels(found) == [("name", "problem")]
    assert "within 0.1 s" in found[0].found


def test_a_proxy_is_named_without_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way goes through it, and the request too."""
    with Proxy() as proxy, OTLPReceiver() as receiver:
        url = proxy.url
        monkeypatch.setenv("http_proxy", url.replace("//", "//me:s3cret@"))
        found = checks(receiver.http_endpoint)

    assert levels(found)[0] == ("proxy", "ok")
    assert found[0].found == f"{url}, with credentials, from the environment"
    assert "s3cret" not in str(found)
    assert levels(found)[-1] == ("answer", "ok")


def test_tls_through_a_proxy_is_left_to_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would have to be tunnelled first."""
    with refusing_port() as port, Proxy() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        found = checks(f"https://{LOOPBACK}:{port}")

    assert ("tls", "skipped") in levels(found)
    assert levels(found)[-1] == ("answer", "problem")


def test_a_proxy_that_is_dead_is_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the backend behind it."""
    with refusing_port() as port:
        monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{port}")
        found = checks("http://backend.example")

    assert levels(found) == [("proxy", "ok"), ("name", "ok"), ("connect", "problem")]
    assert found[-1].advice.startswith("Start that proxy, ")


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "::::", "http://", "http://127.0.0.1:x", "http://[::1"]
)
def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Of a kind that we do not speak, or no URL at all."""
    monkeypatch.setenv("http_proxy", proxy)

    found = checks("http://backend.example")

    assert levels(found) == [("proxy", "problem")]
    assert "Only http:// and https:// proxies" in found[0].advice


def test_what_cannot_be_asked_is_told(tmp_path: Path) -> None:
    """A file of the settings that is there no more, say."""
    authority = tmp_path / "authority.pem"
    authority.touch()
    with silent() as port:
        config = TelemetryConfig(
            name="acme", endpoint=f"http://{LOOPBACK}:{port}", certificate_file=str(authority)
        )
        authority.unlink()
        found = list(check_connection(config, Prober(10)))

    assert levels(found)[-1] == ("answer", "problem")
    assert "it cannot be asked: " in found[-1].found


def test_the_backends_own_answer_counts() -> None:
    """A key that is wrong, say."""
    with OTLPReceiver() as receiver:
        receiver.answer_always(Answer.unauthenticated())
        found = checks(receiver.http_endpoint)

    assert levels(found)[-1] == ("answer", "problem")
    assert found[-1].advice == "The key in headers is missing or wrong."
