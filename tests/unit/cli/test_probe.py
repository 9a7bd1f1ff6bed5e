"""The checks of `doctor` on the way to the backend."""

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
from otel_telemetry.cli.probe import Prober, _certificate_problem, check_connection, judge_response
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
        (_refused("HTTP status 404"), "problem", "path"),
        (_refused("HTTP status 415"), "problem", "protocol"),
        (_refused("HTTP status 308"), "problem", "redirects are not followed"),
        (_refused("HTTP status 500"), "problem", "log"),
        (_retry("HTTP status 503"), "warning", "sent later"),
        (_retry("HTTP status 429"), "warning", "sent later"),
        (_refused("gRPC status UNIMPLEMENTED"), "problem", "does not accept OTLP logs"),
        (_refused("gRPC status PERMISSION_DENIED"), "problem", "key"),
        (_retry("gRPC status UNAVAILABLE"), "problem", "4317"),
        (_retry("gRPC status ABORTED"), "warning", "sent later"),
        (_retry("ProtocolError"), "problem", "4317"),
    ],
    ids=lambda value: value.reason if isinstance(value, ExportResult) else value,
)
def test_each_failed_response_has_its_advice(answer: ExportResult, level: str, advice: str) -> None:
    """A failure that a retry may solve is a warning, every other one a problem."""
    check = judge_response(answer, TelemetryConfig(name="acme", protocol="grpc"))

    assert (check.name, check.level) == ("answer", level)
    assert advice in check.advice
    assert answer.reason in check.found


def test_a_success_is_ok_and_names_the_protocol() -> None:
    """The backend accepts OTLP."""
    check = judge_response(
        ExportResult(disposition=Disposition.DELIVERED), TelemetryConfig(name="acme")
    )

    assert (check.level, check.found) == ("ok", "the backend accepts OTLP http/protobuf")


@pytest.mark.parametrize("reason", ["HTTP status 404", "HTTP status 405"])
@pytest.mark.parametrize(
    ("settings", "path", "advice"),
    [
        ({"endpoint": "https://a.example"}, "/v1/logs", "try endpoint https://a.example/otlp, or"),
        (
            {"endpoint": "https://a.example/ingest"},
            "/ingest/v1/logs",
            "set logs_endpoint to https://a.example/ingest instead",
        ),
        (
            {"endpoint": "https://a.example/otlp/v1/traces"},
            "/otlp/v1/traces/v1/logs",
            "Set endpoint to https://a.example/otlp.",
        ),
        (
            {"logs_endpoint": "https://a.example/ingest/"},
            "/ingest/",
            "Try https://a.example/ingest/v1/logs.",
        ),
        ({"logs_endpoint": "https://a.example"}, "/", "Try https://a.example/v1/logs."),
        (
            {"logs_endpoint": "https://a.example/otlp/v1/logs"},
            "/otlp/v1/logs",
            "the backend's documentation",
        ),
    ],
)
def test_a_wrong_path_is_named_with_the_likely_correction(
    reason: str, settings: dict[str, str], path: str, advice: str
) -> None:
    """The user sees the path that was asked, which differs from the endpoint."""
    config = TelemetryConfig(name="acme", **settings)  # type: ignore[arg-type]  # it checks them

    check = judge_response(_refused(reason), config)

    assert (check.level, check.found) == ("problem", f"{reason} for the path {path}")
    assert advice in check.advice


def test_a_backend_that_does_not_know_the_path_is_a_problem() -> None:
    """A real server answers with 404."""
    with OTLPReceiver() as receiver:
        results = checks(f"{receiver.http_endpoint}/wrong")

    assert levels(results)[-1] == ("answer", "problem")
    assert results[-1].found == "HTTP status 404 for the path /wrong/v1/logs"


NEVER = 3600.0


def test_a_working_backend_passes_all_checks_with_an_empty_request() -> None:
    """Name, port and response; the request has no event."""
    with OTLPReceiver() as receiver:
        results = checks(receiver.http_endpoint)

    assert levels(results) == [("name", "ok"), ("connect", "ok"), ("answer", "ok")]
    assert [(request.protobuf, request.events) for request in receiver.requests] == [(b"", ())]


def test_a_working_grpc_backend_passes_all_checks() -> None:
    """They are the same checks."""
    with OTLPReceiver(http=False, grpc=True) as receiver:
        results = checks(receiver.grpc_endpoint, protocol="grpc")

    assert levels(results) == [("name", "ok"), ("connect", "ok"), ("answer", "ok")]
    assert results[-1].found == "the backend accepts OTLP grpc"


def test_a_closed_port_is_a_problem() -> None:
    """The text is that of the operating system."""
    with refusing_port() as port:
        results = checks(f"http://{LOOPBACK}:{port}")

    assert levels(results) == [("name", "ok"), ("connect", "problem")]
    assert results[-1].found == f"127.0.0.1, port {port}: Connection refused"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_backend_that_never_responds_is_a_problem_within_the_time_limit(scheme: str) -> None:
    """The connection opens, and no byte arrives."""
    with silent() as port:
        start = time.monotonic()
        results = checks(f"{scheme}://{LOOPBACK}:{port}", Prober(0.3))

    assert time.monotonic() - start < 5
    assert levels(results)[-1] == ("answer" if scheme == "http" else "tls", "problem")


def test_a_connection_that_never_opens_is_a_problem_within_the_time_limit() -> None:
    """The backlog of the listening socket is full."""
    with silent(accepts=False) as port:
        fill = [socket.socket() for _ in range(4)]
        for each in fill:
            each.setblocking(False)
            each.connect_ex((LOOPBACK, port))
        start = time.monotonic()
        results = checks(f"http://{LOOPBACK}:{port}", Prober(0.3))
        for each in fill:
            each.close()

    assert time.monotonic() - start < 5
    assert levels(results) == [("name", "ok"), ("connect", "problem")]
    assert "no response from 127.0.0.1" in results[-1].found


def test_an_unknown_host_name_is_a_problem() -> None:
    """The text names the host."""
    results = checks("http://no.such.host.invalid")

    assert levels(results) == [("name", "problem")]
    assert "the host name no.such.host.invalid is not known" in results[0].found


def test_a_look_up_that_never_finishes_is_a_problem_within_the_time_limit() -> None:
    """A look-up cannot be cancelled."""
    until = threading.Event()

    def look_up(_host: str, _port: int) -> list[str]:
        until.wait(NEVER)
        return []

    results = checks("http://a.example", Prober(0.1, look_up))
    until.set()

    assert levels(results) == [("name", "problem")]
    assert "within 0.1 s" in results[0].found


def test_a_proxy_is_shown_without_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request goes through the proxy."""
    with Proxy() as proxy, OTLPReceiver() as receiver:
        url = proxy.url
        monkeypatch.setenv("http_proxy", url.replace("//", "//me:s3cret@"))
        results = checks(receiver.http_endpoint)

    assert levels(results)[0] == ("proxy", "ok")
    assert results[0].found == f"{url}, with credentials, from the environment"
    assert "s3cret" not in str(results)
    assert levels(results)[-1] == ("answer", "ok")


def test_tls_through_a_proxy_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request itself checks it."""
    with refusing_port() as port, Proxy() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        results = checks(f"https://{LOOPBACK}:{port}")

    assert ("tls", "skipped") in levels(results)
    assert levels(results)[-1] == ("answer", "problem")


def test_a_dead_proxy_is_a_problem_of_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend is not at fault."""
    with refusing_port() as port:
        monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{port}")
        results = checks("http://backend.example")

    assert levels(results) == [("proxy", "ok"), ("name", "ok"), ("connect", "problem")]
    assert results[-1].advice.startswith("Start the proxy, ")


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "::::", "http://", "http://127.0.0.1:x", "http://[::1"]
)
def test_an_unusable_proxy_is_a_problem(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Its scheme is not supported, or it is not a URL."""
    monkeypatch.setenv("http_proxy", proxy)

    results = checks("http://backend.example")

    assert levels(results) == [("proxy", "problem")]
    assert "Only http:// and https:// proxies" in results[0].advice


def test_a_request_that_cannot_be_made_is_a_problem(tmp_path: Path) -> None:
    """A certificate file was deleted, for example."""
    authority = tmp_path / "authority.pem"
    authority.touch()
    with silent() as port:
        config = TelemetryConfig(
            name="acme", endpoint=f"http://{LOOPBACK}:{port}", certificate_file=str(authority)
        )
        authority.unlink()
        results = list(check_connection(config, Prober(10)))

    assert levels(results)[-1] == ("answer", "problem")
    assert "the request could not be made: " in results[-1].found


def test_a_wrong_key_is_a_problem() -> None:
    """The backend responds with 401."""
    with OTLPReceiver() as receiver:
        receiver.answer_always(ServerAnswer.unauthenticated())
        results = checks(receiver.http_endpoint)

    assert levels(results)[-1] == ("answer", "problem")
    assert results[-1].advice == "The key in headers is missing or wrong."


@contextmanager
def tls_receiver(certificate: trustme.LeafCert) -> Iterator[str]:
    """Run a backend that has this certificate."""
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
def test_a_trusted_certificate_is_ok(certificates: Certificates, protocol: str) -> None:
    """The setting certificate_file names its authority."""
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
        results = checks(endpoint, protocol=protocol, certificate_file=str(certificates.authority))

    assert levels(results) == [("name", "ok"), ("connect", "ok"), ("tls", "ok"), ("answer", "ok")]


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
def test_a_certificate_that_is_not_trusted_is_a_problem_with_its_reason(
    authority: tuple[trustme.CA, str],
    make: Callable[[trustme.CA, datetime.datetime], trustme.LeafCert],
    expected: str,
) -> None:
    """Each reason has its own advice, and no request is sent."""
    ca, path = authority
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)

    with tls_receiver(make(ca, now)) as endpoint:
        results = checks(endpoint, certificate_file=path)

    assert levels(results) == [("name", "ok"), ("connect", "ok"), ("tls", "problem")]
    assert results[-1].found == expected
    assert results[-1].advice


def test_a_rare_certificate_error_is_shown_in_the_words_of_openssl() -> None:
    """The certificate is for clients only, for example."""
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = 26, "unsuitable certificate purpose"

    results, advice = _certificate_problem(error, "a.example")

    assert results == "the certificate is not trusted: unsuitable certificate purpose"
    assert advice


def test_a_port_without_tls_is_a_problem_for_https() -> None:
    """The advice names TLS."""
    with OTLPReceiver() as receiver:
        results = checks(receiver.http_endpoint.replace("http:", "https:"))

    assert levels(results)[-1] == ("tls", "problem")
    assert "TLS" in results[-1].advice


def test_a_certificate_file_without_a_certificate_is_a_problem(tmp_path: Path) -> None:
    """No request is sent."""
    path = tmp_path / "authority.pem"
    path.write_text("no certificate", encoding="utf-8")
    with silent() as port:
        results = checks(f"https://{LOOPBACK}:{port}", certificate_file=str(path))

    assert levels(results)[-1] == ("tls", "problem")


def test_a_broken_tls_handshake_is_a_problem() -> None:
    """The server closes the connection."""
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
        results = checks(f"https://{LOOPBACK}:{server.getsockname()[1]}")
        thread.join()

    assert levels(results)[-1] == ("tls", "problem")
