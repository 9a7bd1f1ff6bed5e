"""Delivery through a real nginx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_telemetry import Outcome
from otel_telemetry.testing import OTLPReceiver
from tests.support import nginx
from tests.support.nginx import Nginx
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_telemetry import Telemetry
    from tests.support.certificates import Certificates


def test_events_pass_through_tls_with_a_client_certificate(
    http_receiver: OTLPReceiver,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Both sides present a certificate."""
    front = nginx.proxy(http_receiver.http_endpoint)
    with Nginx(front, certificates=certificates, verify_client=True) as server:
        telemetry = make_telemetry(
            server.url,
            certificate_file=str(certificates.authority),
            client_certificate_file=str(certificates.client),
            client_key_file=str(certificates.client_key),
        )
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert [event.name for event in http_receiver.events] == ["didStart"]


def test_without_a_client_certificate_events_are_refused(
    http_receiver: OTLPReceiver,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """The status 400 is final."""
    front = nginx.proxy(http_receiver.http_endpoint)
    with Nginx(front, certificates=certificates, verify_client=True) as server:
        telemetry = make_telemetry(server.url, certificate_file=str(certificates.authority))
        receipt = telemetry.send("didStart")
        assert not telemetry.flush(10)

    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "HTTP status 400")
    assert http_receiver.requests == ()


def test_requests_beyond_the_limit_of_nginx_are_split(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The status is 413 until they fit. An event that never fits is dropped."""
    with Nginx(nginx.too_large(http_receiver.http_endpoint, limit=3_000)) as server:
        telemetry = make_telemetry(server.url, compression="none")
        for number in range(16):
            size = 5_000 if number == 3 else 200
            telemetry.send("didStart", event_properties={"number": number, "text": "x" * size})
        assert not telemetry.flush(10)
        wait_until(lambda: 413 in server.statuses, within=5, what="a 413 in the access log")

    arrived = {event.attributes["number"] for event in http_receiver.events}
    assert arrived == set(range(16)) - {3}
    assert telemetry.stats.dropped == {"too_large": 1}
    assert telemetry.stats.delivered == 15


def test_redirect_of_nginx_is_not_followed(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The status 308 is a refusal, not a success."""
    with Nginx(nginx.redirect(http_receiver.http_endpoint)) as server:
        telemetry = make_telemetry(server.url)
        receipt = telemetry.send("didStart")
        assert not telemetry.flush(10)

    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "HTTP status 308")
    assert http_receiver.requests == ()


def test_dead_upstream_is_retried(make_telemetry: Callable[..., Telemetry]) -> None:
    """The status is 502, and the events wait."""
    with Nginx(nginx.bad_gateway()) as server:
        telemetry = make_telemetry(server.url)
        telemetry.send("didStart")
        assert not telemetry.flush(0.2)

    assert telemetry.stats.pending == 1
    assert set(telemetry.stats.requests) == {"retry"}


@pytest.mark.parametrize("retry_after", ["", "1"], ids=["silent", "says-when"])
def test_rate_limit_delays_events_and_loses_none(
    http_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry], retry_after: str
) -> None:
    """The status is 429, with and without Retry-After. Every event arrives once."""
    front = nginx.rate_limited(http_receiver.http_endpoint, per_minute=120, retry_after=retry_after)
    with Nginx(front) as server:
        telemetry = make_telemetry(server.url, max_batch_events=1)
        for _ in range(3):
            telemetry.send("didStart")
        assert telemetry.flush(20)
        wait_until(lambda: 429 in server.statuses, within=5, what="a 429 in the access log")

    assert len(http_receiver.events) == 3
    assert telemetry.stats.delivered == 3


def test_grpc_requests_pass_through_nginx(
    grpc_receiver: OTLPReceiver, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Both sides use HTTP/2."""
    with Nginx(nginx.grpc_proxy(grpc_receiver.grpc_endpoint)) as server:
        telemetry = make_telemetry(server.url, protocol="grpc")
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert [event.name for event in grpc_receiver.events] == ["didStart"]


def test_grpc_requests_pass_through_tls_with_a_client_certificate(
    grpc_receiver: OTLPReceiver,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Both sides present a certificate."""
    front = nginx.grpc_proxy(grpc_receiver.grpc_endpoint)
    with Nginx(front, certificates=certificates, verify_client=True) as server:
        telemetry = make_telemetry(
            server.url,
            protocol="grpc",
            certificate_file=str(certificates.authority),
            client_certificate_file=str(certificates.client),
            client_key_file=str(certificates.client_key),
        )
        telemetry.send("didStart")
        assert telemetry.flush(10)

    assert [event.name for event in grpc_receiver.events] == ["didStart"]


def test_grpc_request_to_a_dead_upstream_is_retried(
    make_telemetry: Callable[..., Telemetry], tmp_path: Path
) -> None:
    """The status 502 of a gateway means UNAVAILABLE in gRPC."""
    front = nginx.Front(location=f"grpc_pass grpc://unix:{tmp_path}/missing.sock;", http2=True)
    with Nginx(front) as server:
        telemetry = make_telemetry(server.url, protocol="grpc")
        telemetry.send("didStart")
        assert not telemetry.flush(0.3)

    assert telemetry.stats.pending == 1
    assert set(telemetry.stats.requests) == {"retry"}
