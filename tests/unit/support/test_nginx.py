"""The answers of a real nginx, by front."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
import urllib3

from tests.support import nginx
from tests.support.certificates import Certificates, make_certificates
from tests.support.nginx import Nginx
from tests.support.processes import LOOPBACK
from tests.support.sink import Request, Sink
from tests.support.waiting import wait_until

CALL: Final = "/test.Echo/Export"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The upstream of nginx."""
    with Sink() as sink:
        yield sink


def post(
    url: str, body: bytes = b"x", *, trust: Path | None = None, show: Certificates | None = None
) -> urllib3.BaseHTTPResponse:
    """Send one request, follow nothing, try nothing twice."""
    with urllib3.PoolManager(
        retries=False,
        ca_certs=trust and str(trust),
        cert_file=show and str(show.client),
        key_file=show and str(show.client_key),
    ) as http:
        return http.request("POST", f"{url}/v1/logs", body=body, redirect=False)


def test_proxy_forwards_a_request(sink: Sink) -> None:
    """Path and body arrive, and the answer returns."""
    with Nginx(nginx.proxy(sink.url)) as front:
        assert post(front.url).status == 200

    assert sink.next_request(within=5) == Request(path="/v1/logs", body=b"x")


def test_a_client_that_trusts_the_authority_can_connect_over_tls(
    sink: Sink, certificates: Certificates
) -> None:
    """The upstream has no TLS."""
    with Nginx(nginx.proxy(sink.url), certificates=certificates) as front:
        assert front.url.startswith("https://")
        assert post(front.url, trust=certificates.authority).status == 200

    assert sink.next_request(within=5).body == b"x"


def test_a_client_that_trusts_another_authority_refuses_the_connection(
    sink: Sink, certificates: Certificates, tmp_path: Path
) -> None:
    """The server's certificate is not valid for it."""
    strangers = make_certificates(tmp_path)

    with (
        Nginx(nginx.proxy(sink.url), certificates=certificates) as front,
        pytest.raises(urllib3.exceptions.SSLError, match="certificate verify failed"),
    ):
        post(front.url, trust=strangers.authority)


def test_a_client_with_a_certificate_is_accepted(sink: Sink, certificates: Certificates) -> None:
    """With the verification of clients on."""
    with Nginx(nginx.proxy(sink.url), certificates=certificates, verify_client=True) as front:
        assert post(front.url, trust=certificates.authority, show=certificates).status == 200


def test_a_client_without_a_certificate_gets_400(sink: Sink, certificates: Certificates) -> None:
    """With the verification of clients on."""
    with Nginx(nginx.proxy(sink.url), certificates=certificates, verify_client=True) as front:
        assert post(front.url, trust=certificates.authority).status == 400


def test_too_large_answers_413_over_its_limit(sink: Sink) -> None:
    """A body of the limit is forwarded, one more byte is not."""
    with Nginx(nginx.too_large(sink.url, limit=1000)) as front:
        assert post(front.url, b"x" * 1000).status == 200
        assert post(front.url, b"x" * 1001).status == 413


def test_other_fronts_forward_a_body_of_any_size(sink: Sink) -> None:
    """The default limit of nginx, 1 MiB, is off."""
    with Nginx(nginx.proxy(sink.url)) as front:
        assert post(front.url, bytes(3 << 20)).status == 200


def test_redirect_keeps_the_path() -> None:
    """With status 308."""
    with Nginx(nginx.redirect("http://elsewhere.example/")) as front:
        answer = post(front.url)

    assert answer.status == 308
    assert answer.headers["Location"] == "http://elsewhere.example/v1/logs"


def test_bad_gateway_answers_502() -> None:
    """The upstream does not exist."""
    with Nginx(nginx.bad_gateway()) as front:
        assert post(front.url).status == 502


def test_rate_limited_answers_429_over_its_rate(sink: Sink) -> None:
    """Only the first request of a minute is forwarded; the second gets Retry-After."""
    with Nginx(nginx.rate_limited(sink.url, per_minute=1, retry_after="7")) as front:
        first, second = post(front.url), post(front.url)

    assert (first.status, "Retry-After" in first.headers) == (200, False)
    assert (second.status, second.headers["Retry-After"]) == (429, "7")


def test_rate_limited_can_omit_retry_after(sink: Sink) -> None:
    """As nginx does by default."""
    with Nginx(nginx.rate_limited(sink.url, per_minute=1)) as front:
        _, second = post(front.url), post(front.url)

    assert (second.status, "Retry-After" in second.headers) == (429, False)


def test_statuses_lists_the_answers(sink: Sink) -> None:
    """A test can check that requests went through nginx."""
    with Nginx(nginx.too_large(sink.url, limit=1)) as front:
        post(front.url, b"xx")
        post(front.url, b"x")

        wait_until(lambda: front.statuses == [413, 200], within=5, what="both in the access log")


@contextmanager
def echo_server() -> Iterator[str]:
    """Run a gRPC server that returns its requests; yield `host:port`."""
    echo = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", {"Export": echo}),)
    )
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    try:
        yield f"{LOOPBACK}:{port}"
    finally:
        server.stop(grace=None).wait()


def call(channel: grpc.Channel) -> bytes:
    """Make one call on a channel, and close it."""
    with channel:
        answer: bytes = channel.unary_unary(CALL, bytes, bytes)(b"hello", timeout=10)
    return answer


def test_grpc_proxy_forwards_a_call_without_tls() -> None:
    """HTTP/2 on both sides."""
    with echo_server() as upstream, Nginx(nginx.grpc_proxy(upstream)) as front:
        assert call(grpc.insecure_channel(front.target)) == b"hello"


def test_grpc_proxy_forwards_a_call_from_tls(certificates: Certificates) -> None:
    """HTTP/2 over TLS to nginx, which verifies the client."""
    credentials = grpc.ssl_channel_credentials(
        certificates.authority.read_bytes(),
        certificates.client_key.read_bytes(),
        certificates.client.read_bytes(),
    )

    with (
        echo_server() as upstream,
        Nginx(
            nginx.grpc_proxy(f"http://{upstream}/"), certificates=certificates, verify_client=True
        ) as front,
    ):
        assert call(grpc.secure_channel(front.target, credentials)) == b"hello"
