"""The exit of a process with pending events: no wait, no output, and no avoidable loss."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.processes import LOOPBACK, refusing_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_telemetry.testing import OTLPReceiver

# Seconds: shutdown_timeout, 0.1 more, and the noise of the machine and the interpreter's own end.
BOUND: Final = 1.0 + 0.1 + 2.0

PROGRAM: Final = """\
import sys, threading
from otel_telemetry import create_telemetry_instance

telemetry = create_telemetry_instance(
    "acme-cms", enabled=True, endpoint=sys.argv[1], protocol=sys.argv[2], flush_interval=60
)
telemetry.bootstrap()
telemetry.send("didStart")
print("ready", flush=True)
{end}
"""
ENDS: Final = {
    "plain": "",
    "exit-in-main": "sys.exit(3)",
    "exit-in-a-thread": "threading.Thread(target=sys.exit, args=(3,)).start()",
    "send-from-a-thread-that-outlives-main": (
        "threading.Timer(0.1, telemetry.send, ('didStop',)).start()"
    ),
    "sigint": (
        "try:\n    threading.Event().wait(30)\nexcept KeyboardInterrupt:\n    sys.exit(130)"
    ),
    "after-flush": "telemetry.flush(0.1)",
    "after-destroy": "telemetry.destroy(0.1)",
    "in-an-exit-handler": "import atexit\natexit.register(telemetry.send, 'didStop')",
}
# A name server that never answers.
HANGING_DNS: Final = (
    "import socket, time\nsocket.getaddrinfo = lambda *_, **__: time.sleep(60)\n"
    "telemetry.flush(0.2)\n"
)
CODES: Final = {"exit-in-main": 3, "sigint": 130}


def run(end: str, endpoint: str, protocol: str) -> tuple[int, str, float]:
    """Run the program with that end; return its status, its output, and how long its end took."""
    program = PROGRAM.format(end=ENDS.get(end, end))
    with running((sys.executable, "-c", program, endpoint, protocol)) as child:
        child.wait_for_output("ready\n", within=20)
        started = time.monotonic()
        if end == "sigint":
            os.kill(child.pid, signal.SIGINT)
        status = child.wait(within=20)
        took = time.monotonic() - started
    return status, child.output, took


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """A backend that accepts connections and sends nothing."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield f"http://{LOOPBACK}:{server.getsockname()[1]}"


@pytest.mark.parametrize("end", ENDS)
def test_exit_keeps_the_shutdown_timeout_while_the_backend_is_silent(
    silent_endpoint: str, end: str
) -> None:
    """The program keeps its exit status and prints nothing on stderr."""
    status, output, took = run(end, silent_endpoint, "http/protobuf")

    assert (status, output) == (CODES.get(end, 0), "ready\n")
    assert took < BOUND


@pytest.mark.parametrize("end", ["plain", "exit-in-main", "after-destroy", "os-exit"])
def test_exit_does_not_wait_for_name_resolution(end: str) -> None:
    """A DNS look-up cannot be cancelled."""
    how = {"os-exit": "import os; os._exit(4)"}.get(end, ENDS.get(end, end))
    status, output, took = run(HANGING_DNS + how, "https://telemetry.acme.example", "http/protobuf")

    assert (status, output) == ({**CODES, "os-exit": 4}.get(end, 0), "ready\n")
    assert took < BOUND


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_exit_is_quick_and_quiet_while_the_backend_is_down(protocol: str) -> None:
    """The program keeps its exit status and prints nothing on stderr."""
    with refusing_port() as port:
        status, output, took = run("plain", f"http://{LOOPBACK}:{port}", protocol)

    assert (status, output) == (0, "ready\n")
    assert took < BOUND


def test_exit_keeps_the_shutdown_timeout_while_a_grpc_backend_is_silent(
    silent_endpoint: str,
) -> None:
    """The program keeps its exit status and prints nothing on stderr."""
    status, output, took = run("plain", silent_endpoint, "grpc")

    assert (status, output) == (0, "ready\n")
    assert took < BOUND


@pytest.mark.parametrize(
    "end", ["plain", "exit-in-main", "exit-in-a-thread", "sigint", "after-flush"]
)
def test_exit_without_destroy_delivers_every_event(receiver: OTLPReceiver, end: str) -> None:
    """A call of `destroy` is not necessary."""
    try:
        endpoint, protocol = receiver.http_endpoint, "http/protobuf"
    except RuntimeError:
        endpoint, protocol = receiver.grpc_endpoint, "grpc"

    status, output, took = run(end, endpoint, protocol)

    assert (status, output) == (CODES.get(end, 0), "ready\n")
    assert took < BOUND
    assert [event.name for event in receiver.events] == ["didStart"]


def test_events_of_a_late_thread_are_delivered(http_receiver: OTLPReceiver) -> None:
    """The interpreter joins its threads before the library shuts down."""
    run("send-from-a-thread-that-outlives-main", http_receiver.http_endpoint, "http/protobuf")

    assert {event.name for event in http_receiver.events} == {"didStart", "didStop"}


def test_uncaught_exception_prints_only_its_own_traceback(
    http_receiver: OTLPReceiver,
) -> None:
    """The events are delivered."""
    status, output, _ = run(
        "raise LookupError('gone')", http_receiver.http_endpoint, "http/protobuf"
    )

    assert status == 1
    assert output.startswith("ready\nTraceback (most recent call last):\n")
    assert output.endswith("LookupError: gone\n")
    assert output.count("Traceback") == 1
    assert "otel_telemetry" not in output
    assert [event.name for event in http_receiver.events] == ["didStart"]
