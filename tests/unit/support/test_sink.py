"""The minimal HTTP server."""

from __future__ import annotations

import gzip
import queue

import pytest
import urllib3

from tests.support.sink import Request, Sink


def test_the_sink_returns_requests_in_order() -> None:
    """Bodies are decompressed."""
    with Sink() as sink, urllib3.PoolManager(retries=False) as http:
        plain = http.request("POST", f"{sink.url}/a", body=b"one")
        packed = http.request(
            "POST",
            f"{sink.url}/b",
            body=gzip.compress(b"two"),
            headers={"Content-Encoding": "gzip"},
        )

        assert (plain.status, packed.status) == (200, 200)
        assert sink.next_request(within=5) == Request(path="/a", body=b"one")
        assert sink.next_request(within=5) == Request(path="/b", body=b"two")


def test_waiting_for_a_request_has_a_timeout() -> None:
    """It raises `queue.Empty`."""
    with Sink() as sink, pytest.raises(queue.Empty):
        sink.next_request(within=0.01)
