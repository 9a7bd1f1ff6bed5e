"""Start, stop, ports and imports of the receiver."""

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
    """Return the port of an endpoint."""
    port = urlsplit(endpoint).port
    assert port is not None
    return port


def reachable(endpoint: str) -> bool:
    """Return whether a server listens."""
    try:
        socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_each_receiver_listens_on_its_own_ports() -> None:
    """Tests can run side by side, because no port is fixed."""
    with OTLPReceiver(grpc=True) as one, OTLPReceiver(grpc=True) as other:
        endpoints = [r for x in (one, other) for r in (x.http_endpoint, x.grpc_endpoint)]

        assert len(set(endpoints)) == 4
        assert all(endpoint.startswith("http://127.0.0.1:") for endpoint in endpoints)
        assert all(reachable(endpoint) for endpoint in endpoints)


def test_start_and_stop_are_idempotent() -> None:
    """A second call does nothing."""
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


def test_a_receiver_restarts_on_the_same_ports() -> None:
    """As a backend after an outage."""
    receiver = OTLPReceiver(grpc=True)
    with receiver:
        endpoints = (receiver.http_endpoint, receiver.grpc_endpoint)
        assert all(reachable(endpoint) for endpoint in endpoints)

    assert (receiver.http_endpoint, receiver.grpc_endpoint) == endpoints
    assert not any(reachable(endpoint) for endpoint in endpoints)

    with receiver:
        assert (receiver.http_endpoint, receiver.grpc_endpoint) == endpoints
        assert all(reachable(endpoint) for endpoint in endpoints)


def test_a_receiver_can_listen_on_a_given_port() -> None:
    """A new receiver can replace a stopped one."""
    with OTLPReceiver(grpc=True) as first:
        http_port, grpc_port = port_of(first.http_endpoint), port_of(first.grpc_endpoint)

    with OTLPReceiver(grpc=True, http_port=http_port, grpc_port=grpc_port) as second:
        assert second.http_endpoint == first.http_endpoint
        assert second.grpc_endpoint == first.grpc_endpoint


def test_a_port_in_use_raises_os_error_and_leaves_nothing_open(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The receiver closes what it opened before, and writes nothing to stderr."""
    with OTLPReceiver(http=False, grpc=True) as taken:
        receiver = OTLPReceiver(grpc=True, grpc_port=port_of(taken.grpc_endpoint))
        before = threading.active_count()

        with pytest.raises(OSError, match="in use"):
            receiver.start()

        assert not reachable(receiver.http_endpoint)
        assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")


def test_an_endpoint_before_start_raises_runtime_error() -> None:
    """The port is not known yet."""
    receiver = OTLPReceiver(grpc=True)

    with pytest.raises(RuntimeError, match="before start"):
        _ = receiver.http_endpoint
    with pytest.raises(RuntimeError, match="before start"):
        _ = receiver.grpc_endpoint


def test_the_endpoint_of_a_protocol_that_is_off_raises_runtime_error() -> None:
    """The message names the argument that turns it on."""
    with pytest.raises(RuntimeError, match=r"does not receive gRPC: see OTLPReceiver\(grpc=\)"):
        _ = OTLPReceiver().grpc_endpoint
    with pytest.raises(RuntimeError, match=r"does not receive HTTP: see OTLPReceiver\(http=\)"):
        _ = OTLPReceiver(http=False, grpc=True).http_endpoint


def test_a_receiver_without_a_protocol_raises_value_error() -> None:
    """Such a receiver could receive nothing."""
    with pytest.raises(ValueError, match="http=True, grpc=True, or both"):
        OTLPReceiver(http=False)


def test_a_client_ssl_context_raises_value_error() -> None:
    """A client context cannot accept connections."""
    with pytest.raises(ValueError, match="for a server"):
        OTLPReceiver(ssl_context=ssl.create_default_context())


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the machine has no IPv6")
def test_a_receiver_can_listen_on_ipv6() -> None:
    """The endpoint has the address in brackets."""
    with OTLPReceiver(grpc=True, host="::1") as receiver:
        assert receiver.http_endpoint.startswith("http://[::1]:")
        assert receiver.grpc_endpoint.startswith("http://[::1]:")
        for endpoint in (receiver.http_endpoint, receiver.grpc_endpoint):
            socket.create_connection(("::1", port_of(endpoint)), timeout=5).close()


def test_no_thread_outlives_stop() -> None:
    """All threads are daemons, too, for tests that forget to stop."""
    before = set(threading.enumerate())
    receiver = OTLPReceiver(grpc=True)

    receiver.start()
    started = set(threading.enumerate()) - before
    receiver.stop()

    assert started
    assert all(thread.daemon for thread in started)
    assert not any(thread.is_alive() for thread in started)
    assert set(threading.enumerate()) <= before


def test_the_receiver_imports_neither_pytest_nor_grpc_nor_the_sdk() -> None:
    """It works with every test framework, and imports no module that it does not use."""
    code = """
import sys
from otel_telemetry.testing import OTLPReceiver
with OTLPReceiver() as receiver:
    receiver.http_endpoint
    unwanted = {"pytest", "grpc", "opentelemetry.sdk", "urllib3", "unittest"}
    print(sorted(unwanted & set(sys.modules)))
    ours = {name.split(".")[1] for name in sys.modules if name.startswith("otel_telemetry.")}
    print(sorted(ours))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("[]\n['testing']\n", "")


def test_a_receiver_that_is_never_stopped_does_not_keep_the_interpreter_alive() -> None:
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
