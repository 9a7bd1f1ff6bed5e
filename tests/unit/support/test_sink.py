"""The plainest server there is."""

from __future__ import annotations

import gzip
import queue

import pytest
import urllib3

from tests.support.sink import Request, Sink


def test_the_sink_hands_over_what_arrived_in_order() -> None:
    """A body comes out as it was before its compression."""
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


def test_waiting_for_a_request_that_does_not_come_ends() -> None:
    """Nothing arrived is an answer too."""
    with Sink() as sink, pytest.raises(queue.Empty):
        sink.next_request(within=0.01)
