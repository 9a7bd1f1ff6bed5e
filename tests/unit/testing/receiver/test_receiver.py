"""The receiver as a whole: its life, its ports, and its manners."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from otel_telemetry.testing import OTLPReceiver


def port_of(endpoint: str) -> int:
    """Take the port from an endpoint."""
    port = urlsplit(endpoint).port
    assert port is not None
    return port


def reachable(endpoint: str) -> bool:
    """Tell whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_receiver_listens_on_ports_of_its_own() -> None:
    """Tests run side by side, so no port is fixed."""
    with OTLPReceiver(grpc=True) as one, OTLPReceiver(grpc=True) as other:
        endpoints = [r for x in (one, other) for r in (x.http_endpoint, x.grpc_endpoint)]

        assert len(set(endpoints)) == 4
        assert all(endpoint.startswith("http://127.0.0.1:") for endpoint in endpoints)
        assert all(reachable(endpoint) for endpoint in endpoints)


def test_start_and_stop_are_idempotent() -> None:
    """Twice is once."""
    receiver = OTLPReceiver()
    receiver.stop()

    receiver.start()
    endpoint = receiver.http_endpoint
    receiver.start()
    assert receiver.http_endpoint == endpoint
    assert reachable(endpoint)

    receiver.stop()
    receiver.stop()
    assert not reachable(endpoint)


def test_a_stopped_receiver_comes_back_on_the_same_ports() -> None:
    """An outage, and its end."""
    receiver = OTLPReceiver(grpc=True)
    with receiver:
        endpoints = (receiver.http_endpoint, receiver.grpc_endpoint)
        assert all(reachable(endpoint) for endpoint in endpoints)

    assert (receiver.http_endpoint, receiver.grpc_endpoint) == endpoints
    assert not any(reachable(endpoint) for endpoint in endpoints)

    with receiver:
        assert (receiver.http_endpoint, receiver.grpc_endpoint) == endpoints
        assert all(reachable(endpoint) for endpoint in endpoints)


def test_ports_can_be_given() -> None:
    """Another receiver can take the place of a stopped one."""
    with OTLPReceiver(grpc=True) as first:
        http_port, grpc_port = port_of(first.http_endpoint), port_of(first.grpc_endpoint)

    with OTLPReceiver(grpc=True, http_port=http_port, grpc_port=grpc_port) as second:
        assert second.http_endpoint == first.http_endpoint
        assert second.grpc_endpoint == first.grpc_endpoint


def test_a_taken_port_is_an_error_and_leaves_nothing_open(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What was opened before the failure is closed again, without a word."""
    with OTLPReceiver(http=False, grpc=True) as taken:
        receiver = OTLPReceiver(grpc=True, grpc_port=port_of(taken.grpc_endpoint))
        before = threading.active_count()

        with pytest.raises(OSError, match="in use"):
            receiver.start()

        assert not reachable(receiver.http_endpoint)
        assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")


def test_an_endpoint_is_known_only_once_started() -> None:
    """There is no port before."""
    receiver = OTLPReceiver(grpc=True)

    with pytest.raises(RuntimeError, match="before start"):
        _ = receiver.http_endpoint
    with pytest.raises(RuntimeError, match="before start"):
        _ = receiver.grpc_endpoint


def test_an_endpoint_of_a_protocol_not_spoken_is_an_error() -> None:
    """A test that asks for it has forgotten to."""
    with pytest.raises(RuntimeError, match="does not speak"):
        _ = OTLPReceiver().grpc_endpoint
    with pytest.raises(RuntimeError, match="does not speak"):
        _ = OTLPReceiver(http=False, grpc=True).http_endpoint


def test_a_receiver_speaks_something() -> None:
    """One that speaks nothing is a mistake."""
    with pytest.raises(ValueError, match="http, grpc, or both"):
        OTLPReceiver(http=False)


def test_a_context_of_the_wrong_side_is_refused() -> None:
    """The context of a client cannot serve."""
    with pytest.raises(ValueError, match="for a server"):
        OTLPReceiver(ssl_context=ssl.create_default_context())


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the machine has no IPv6")
def test_a_receiver_can_listen_on_ipv6() -> None:
    """The address stands in brackets then."""
    with OTLPReceiver(grpc=True, host="::1") as receiver:
        assert receiver.http_endpoint.startswith("http://[::1]:")
        assert receiver.grpc_endpoint.startswith("http://[::1]:")
        for endpoint in (receiver.http_endpoint, receiver.grpc_endpoint):
            socket.create_connection(("::1", port_of(endpoint)), timeout=5).close()


def test_no_thread_outlives_stop() -> None:
    """All are daemons besides, for tests that forget to stop."""
    before = set(threading.enumerate())
    receiver = OTLPReceiver(grpc=True)

    receiver.start()
    started = set(threading.enumerate()) - before
    receiver.stop()

    assert started
    assert all(thread.daemon for thread in started)
    assert not any(thread.is_alive() for thread in started)
    assert set(threading.enumerate()) <= before


def test_the_receiver_needs_neither_pytest_nor_grpc_nor_the_sdk() -> None:
    """It serves every test framework, and costs no more than is used of it."""
    code = """
import sys
from otel_telemetry.testing import OTLPReceiver
with OTLPReceiver() as receiver:
    receiver.http_endpoint
    taboo = {"pytest", "grpc", "opentelemetry.sdk", "urllib3", "unittest"}
    print(sorted(taboo & set(sys.modules)))
    ours = {name.split(".")[1] for name in sys.modules if name.startswith("otel_telemetry.")}
    print(sorted(ours))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("[]\n['testing']\n", "")


def test_a_receiver_never_stopped_does_not_keep_the_interpreter() -> None:
    """A test run that crashes still ends."""
    code = """
import os, threading
from otel_telemetry.testing import Answer, OTLPReceiver
receiver = OTLPReceiver(grpc=True)
receiver.start()
receiver.answer_always(Answer(delay=600))
import grpc
channel = grpc.insecure_channel(receiver.grpc_endpoint.removeprefix("http://"))
call = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
pending = call.future(b"")
receiver.wait_for_requests(1)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=30)

    assert done.returncode == 0
