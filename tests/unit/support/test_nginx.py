"""A real nginx gives the answers its fronts promise."""

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
    """What stands behind nginx."""
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


def test_proxy_passes_a_request_on(sink: Sink) -> None:
    """Path and body arrive, and the answer comes back."""
    with Nginx(nginx.proxy(sink.url)) as front:
        assert post(front.url).status == 200

    assert sink.next_request(within=5) == Request(path="/v1/logs", body=b"x")


def test_tls_front_is_trusted_through_its_authority(sink: Sink, certificates: Certificates) -> None:
    """A client that knows the authority gets through to the plain upstream."""
    with Nginx(nginx.proxy(sink.url), certificates=certificates) as front:
        assert front.url.startswith("https://")
        assert post(front.url, trust=certificates.authority).status == 200

    assert sink.next_request(within=5).body == b"x"


def test_tls_front_is_refused_by_a_stranger(
    sink: Sink, certificates: Certificates, tmp_path: Path
) -> None:
    """A client that knows only some other authority does not connect."""
    strangers = make_certificates(tmp_path)

    with (
        Nginx(nginx.proxy(sink.url), certificates=certificates) as front,
        pytest.raises(urllib3.exceptions.SSLError, match="certificate verify failed"),
    ):
        post(front.url, trust=strangers.authority)


def test_client_certificate_opens_the_door(sink: Sink, certificates: Certificates) -> None:
    """With verification on, a client of the authority gets through."""
    with Nginx(nginx.proxy(sink.url), certificates=certificates, verify_client=True) as front:
        assert post(front.url, trust=certificates.authority, show=certificates).status == 200


def test_without_client_certificate_the_door_stays_shut(
    sink: Sink, certificates: Certificates
) -> None:
    """With verification on, whoever shows nothing gets 400."""
    with Nginx(nginx.proxy(sink.url), certificates=certificates, verify_client=True) as front:
        assert post(front.url, trust=certificates.authority).status == 400


def test_too_large_answers_413_beyond_its_limit(sink: Sink) -> None:
    """A body of the limit passes, one byte more does not."""
    with Nginx(nginx.too_large(sink.url, limit=1000)) as front:
        assert post(front.url, b"x" * 1000).status == 200
        assert post(front.url, b"x" * 1001).status == 413


def test_other_fronts_take_a_body_of_any_size(sink: Sink) -> None:
    """Nginx's own limit of 1 MiB is off where it is not the point."""
    with Nginx(nginx.proxy(sink.url)) as front:
        assert post(front.url, bytes(3 << 20)).status == 200


def test_redirect_points_to_the_same_path_elsewhere() -> None:
    """308, and the path is kept."""
    with Nginx(nginx.redirect("http://elsewhere.example/")) as front:
        answer = post(front.url)

    assert answer.status == 308
    assert answer.headers["Location"] == "http://elsewhere.example/v1/logs"


def test_bad_gateway_answers_502() -> None:
    """The upstream is dead, whatever one sends."""
    with Nginx(nginx.bad_gateway()) as front:
        assert post(front.url).status == 502


def test_rate_limited_answers_429_to_the_hasty(sink: Sink) -> None:
    """The first request of a minute passes, the second does not, and learns when to come back."""
    with Nginx(nginx.rate_limited(sink.url, per_minute=1, retry_after="7")) as front:
        first, second = post(front.url), post(front.url)

    assert (first.status, "Retry-After" in first.headers) == (200, False)
    assert (second.status, second.headers["Retry-After"]) == (429, "7")


def test_rate_limited_may_keep_silent_about_the_time(sink: Sink) -> None:
    """As nginx does out of the box: 429 and no more."""
    with Nginx(nginx.rate_limited(sink.url, per_minute=1)) as front:
        _, second = post(front.url), post(front.url)

    assert (second.status, "Retry-After" in second.headers) == (429, False)


def test_statuses_tell_what_was_answered(sink: Sink) -> None:
    """A test can see that the traffic went through the front, and how it fared."""
    with Nginx(nginx.too_large(sink.url, limit=1)) as front:
        post(front.url, b"xx")
        post(front.url, b"x")

        wait_until(lambda: front.statuses == [413, 200], within=5, what="both in the access log")


@contextmanager
def echo_server() -> Iterator[str]:
    """Serve gRPC calls that answer with what they were sent; yields `host:port`."""
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
    """Make one call on a channel and close it."""
    with channel:
        answer: bytes = channel.unary_unary(CALL, bytes, bytes)(b"hello", timeout=10)
    return answer


def test_grpc_proxy_passes_a_call_on_in_plain_text() -> None:
    """HTTP/2 without TLS on both sides."""
    with echo_server() as upstream, Nginx(nginx.grpc_proxy(upstream)) as front:
        assert call(grpc.insecure_channel(front.target)) == b"hello"


def test_grpc_proxy_passes_a_call_on_from_tls(certificates: Certificates) -> None:
    """HTTP/2 over TLS at the front, with the client's certificate verified."""
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
