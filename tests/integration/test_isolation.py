"""A hostile environment: no setting of the host changes our requests."""

from __future__ import annotations

import gzip
import logging
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry.testing import OTLPReceiver
from tests.support.backends import over_tls, place
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from otel_telemetry import Telemetry
    from otel_telemetry.testing import ReceivedRequest
    from tests.support.certificates import Certificates

SECRET: Final = "s3cr3t"

# What the stock exporters, SDKs and HTTP libraries would take from the environment.
_OTEL: Final[Mapping[str, str]] = {
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {SECRET},x-their-key={SECRET}",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS": f"authorization=Bearer {SECRET},x-their-key={SECRET}",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "none",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "0.000001",
    "OTEL_EXPORTER_OTLP_INSECURE": "false",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": f"/{SECRET}/ca.pem",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": f"/{SECRET}/client.pem",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": f"/{SECRET}/client.key",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": SECRET,
    "OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER": SECRET,
    "OTEL_RESOURCE_ATTRIBUTES": f"team={SECRET},service.version={SECRET},service.instance.id=1",
    "OTEL_SERVICE_NAME": SECRET,
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process,os,host,otel",
    "OTEL_LOGS_EXPORTER": SECRET,
    "OTEL_PROPAGATORS": "tracecontext,baggage",
    "OTEL_ENTITIES": f"host{{host.name={SECRET}}}",
    "OTEL_EXPORTER_OTLP_USER_AGENT": SECRET,
}
_PLAIN_HEADERS: Final = {
    "http": {
        "accept-encoding",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    },
    "grpc": {"user-agent", "grpc-accept-encoding", "grpc-encoding", "te", "content-type"},
}


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[OTLPReceiver]:
    """A host with an OpenTelemetry backend of its own, which must get no request."""
    with OTLPReceiver(grpc=True) as theirs:
        for name, value in _OTEL.items():
            monkeypatch.setenv(name, value)
        for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"):
            monkeypatch.setenv(name, theirs.http_endpoint)
        yield theirs
        assert theirs.requests == ()


def _send(telemetry: Telemetry, receiver: OTLPReceiver) -> ReceivedRequest:
    telemetry.send("didStart", {"user_properties": {"plan": "free"}})
    assert telemetry.flush(10)
    (request,) = receiver.requests
    return request


def _everything(request: ReceivedRequest) -> str:
    """Return a request as one text."""
    body = request.protobuf.decode("latin-1")
    return "\n".join((request.path, *(f"{k}: {v}" for k, v in request.headers.items()), body))


def test_opentelemetry_settings_of_the_host_change_no_request(
    hostile: OTLPReceiver,
    receiver: OTLPReceiver,
    caplog: pytest.LogCaptureFixture,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """With an endpoint in code, no header, attribute or log message comes from the host."""
    caplog.set_level(logging.DEBUG)
    telemetry = make_telemetry(receiver, headers={"x-tool": "1"})

    request = _send(telemetry, receiver)
    telemetry.destroy()

    assert SECRET not in _everything(request)
    assert SECRET not in caplog.text + repr(telemetry.config) + repr(telemetry)
    protocol = "grpc" if request.protocol == "grpc" else "http"
    assert set(request.headers) <= _PLAIN_HEADERS[protocol] | {"x-tool"}
    (event,) = request.events
    assert event.resource["service.name"] == "acme-cms"
    assert not {"team", "host.name", "process.pid", "service.instance.id"} & set(event.resource)
    assert hostile.requests == ()


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("name", [".netrc", "_netrc", "elsewhere"])
def test_netrc_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
    name: str,
) -> None:
    """The file may have an entry for the host of the backend."""
    file = tmp_path / name
    file.write_text(f"machine 127.0.0.1 login ada password {SECRET}\ndefault login a password b\n")
    file.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    if name == "elsewhere":
        monkeypatch.setenv("NETRC", str(file))

    request = _send(make_telemetry(receiver), receiver)

    assert not {"authorization", "cookie", "proxy-authorization"} & set(request.headers)
    assert SECRET not in _everything(request)


@pytest.mark.usefixtures("hostile")
def test_headers_from_code_are_not_sent_to_a_collector_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """They may be keys. The OTEL_* headers of the environment do not replace them."""
    endpoint, protocol = place(receiver)
    monkeypatch.setenv("ACME_CMS_TELEMETRY_ENDPOINT", endpoint)
    telemetry = make_telemetry(
        "https://telemetry.acme.example",
        protocol=protocol,
        headers={"x-key": SECRET},
    )

    assert SECRET not in _everything(_send(telemetry, receiver))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_proxy_credentials_are_sent_to_the_proxy_only(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
    protocol: str,
) -> None:
    """The proxy learns a host name, and none of the keys."""
    caplog.set_level(logging.DEBUG)
    for name, value in _OTEL.items():
        monkeypatch.setenv(name, value)
    with over_tls(certificates, protocol) as receiver, Proxy(credentials="ada:pa55") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://ada:pa55@{proxy.address}")
        telemetry = make_telemetry(receiver, certificate_file=str(certificates.authority))
        request = _send(telemetry, receiver)
        telemetry.destroy()

    sent = "\n".join(f"{r.method} {r.target} {dict(r.headers)}" for r in proxy.requests)
    assert {r.method for r in proxy.requests} == {"CONNECT"}
    assert "authorization" in sent
    assert SECRET not in sent + _everything(request)
    for secret in ("pa55", "YWRhOnBhNTU="):
        assert secret not in _everything(request)
        assert secret not in caplog.text + repr(telemetry.config) + repr(telemetry)


def test_plain_text_proxy_gets_the_headers_of_the_backend(
    monkeypatch: pytest.MonkeyPatch,
    hostile: OTLPReceiver,
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Only its own credentials are added."""
    with Proxy(credentials="ada:pa55") as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://ada:pa55@{proxy.address}")
        request = _send(make_telemetry(http_receiver), http_receiver)

    (asked,) = proxy.requests
    assert set(asked.headers) - {"proxy-authorization", "connection"} == (
        set(request.headers) - {"connection"}
    )
    assert SECRET not in str(asked)
    assert hostile.requests == ()


def test_bytes_on_the_wire_are_deterministic(
    monkeypatch: pytest.MonkeyPatch,
    http_receiver: OTLPReceiver,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """The gzip header has no file name, time or host."""
    for name, value in _OTEL.items():
        monkeypatch.setenv(name, value)

    request = _send(make_telemetry(http_receiver), http_receiver)

    assert request.headers["content-encoding"] == "gzip"
    assert int(request.headers["content-length"]) == request.size
    assert request.size <= len(gzip.compress(request.protobuf, 1)) + 16
