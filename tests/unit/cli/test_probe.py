"""What a backend's answer means to whoever set it up."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import trustme

from otel_telemetry import TelemetryConfig
from otel_telemetry.cli.probe import Prober, _distrust, check_connection, meaning
from otel_telemetry.export.result import ExportResult
from otel_telemetry.stats import Disposition
from otel_telemetry.testing import Answer as ServerAnswer
from otel_telemetry.testing import OTLPReceiver
from tests.support.certificates import Certificates
from tests.support.doctor import checks, levels, silent
from tests.support.processes import LOOPBACK, refusing_port
from tests.support.proxy import Proxy


def _refused(reason: str) -> ExportResult:
    return ExportResult(disposition=Disposition.REFUSED, reason=reason)


def _retry(reason: str) -> ExportResult:
    return ExportResult(disposition=Disposition.RETRY, reason=reason)


@pytest.mark.parametrize(
    ("answer", "level", "advice"),
    [
        (_refused("HTTP status 401"), "problem", "key"),
        (_refused("HTTP status 404"), "problem", "logs_endpoint"),
        (_refused("HTTP status 415"), "problem", "protocol"),
        (_refused("HTTP status 308"), "problem", "redirects"),
        (_refused("HTTP status 500"), "problem", "log"),
        (_retry("HTTP status 503"), "warning", "tried again"),
        (_retry("HTTP status 429"), "warning", "tried again"),
        (_refused("gRPC status UNIMPLEMENTED"), "problem", "no OTLP logs"),
        (_refused("gRPC status PERMISSION_DENIED"), "problem", "key"),
        (_retry("gRPC status UNAVAILABLE"), "problem", "4317"),
        (_retry("gRPC status ABORTED"), "warning", "tried again"),
        (_retry("ProtocolError"), "problem", "4317"),
    ],
    ids=lambda value: value.reason if isinstance(value, ExportResult) else value,
)
def test_each_answer_has_its_remedy(answer: ExportResult, level: str, advice: str) -> None:
    """What passes by itself is a warning, all else a problem."""
    check = meaning(answer, "grpc")

    assert (check.name, check.level) == ("answer", level)
    assert advice in check.advice
    assert answer.reason in check.found


def test_a_success_is_ok() -> None:
    """And names the protocol."""
    check = meaning(ExportResult(disposition=Disposition.DELIVERED), "http/protobuf")

    assert (check.level, check.found) == ("ok", "the backend takes OTLP http/protobuf")


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
        receiver.answer_always(ServerAnswer.unauthenticated())
        found = checks(receiver.http_endpoint)

    assert levels(found)[-1] == ("answer", "problem")
    assert found[-1].advice == "The key in headers is missing or wrong."


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
