"""Detached delivery with real tools and uploaders: no wait, no loss, no process left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry.spool.layout import UPLOADER_LOCK
from otel_telemetry.testing import OTLPReceiver
from tests.support.apps import numbers
from tests.support.processes import LOOPBACK, refusing_port
from tests.support.tools import Tool, own_root

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS: Final = 100


def was_long_ago(tool: Tool) -> None:
    """Set the mark of the last start back in time."""
    os.utime(tool.directory / UPLOADER_LOCK, (1, 1))


def segments(tool: Tool) -> list[Path]:
    """Return the segment files."""
    return list(tool.directory.glob("*.seg"))


def test_event_arrives_after_the_tool_has_ended(
    make_tool: Callable[..., Tool], receiver: OTLPReceiver
) -> None:
    """This holds for both protocols. Only the mark stays on disk."""
    acme = make_tool(receiver)

    assert acme.run() == (0, "")

    (event,) = receiver.wait_for_events(1, 20)
    acme.wait_for_uploaders()

    assert event.name == "didRun"
    assert event.resource["telemetry.sdk.name"] == "otel_telemetry"
    assert len(str(event.attributes["session.id"])) == 32
    assert {path.name for path in acme.directory.iterdir()} == {UPLOADER_LOCK, "destination.json"}


def test_tool_imports_no_opentelemetry_and_starts_no_thread(
    make_tool: Callable[..., Tool], http_receiver: OTLPReceiver
) -> None:
    """It imports neither network modules nor slow parts of the library."""
    acme = make_tool(http_receiver)
    acme.write(
        "send(1)\n"
        "telemetry.destroy()\n"
        "import threading\n"
        "slow = {'opentelemetry', 'urllib3', 'grpc', 'socket', 'ssl', 'subprocess', 'hashlib',\n"
        "        'typing', 'platform', 'platformdirs', 'asyncio', 'random', 'tempfile'}\n"
        "print(sorted(slow & set(sys.modules)), threading.active_count())\n"
    )

    assert acme.run(["/usr/bin/env", sys.executable, "-S"], PYTHONPATH=own_root()) == (0, "[] 1\n")

    http_receiver.wait_for_events(1, 20)


def test_event_survives_the_kill_of_the_tool(
    make_tool: Callable[..., Tool], http_receiver: OTLPReceiver
) -> None:
    """The next run has it delivered with its own events."""
    acme = make_tool(http_receiver)
    acme.write("send('killed')\nos.kill(os.getpid(), signal.SIGKILL)\n")

    assert acme.run()[0] == -signal.SIGKILL
    assert len(segments(acme)) == 1

    acme.write("send('next')\n")
    acme.run()
    http_receiver.wait_for_events(2, 20)

    assert numbers(http_receiver.events) == ["killed", "next"]


def test_dead_backend_neither_delays_the_tool_nor_loses_events(
    make_tool: Callable[..., Tool], http_receiver: OTLPReceiver
) -> None:
    """The uploader ends soon, and the next one delivers."""
    endpoint = http_receiver.http_endpoint
    http_receiver.stop()
    acme = make_tool(endpoint)

    assert acme.run() == (0, "")

    acme.wait_for_uploaders()

    assert len(segments(acme)) == 1

    with OTLPReceiver(http_port=int(endpoint.rpartition(":")[2])) as back:
        was_long_ago(acme)
        acme.run()
        back.wait_for_events(2, 20)
        acme.wait_for_uploaders()


def test_silent_backend_delays_neither_the_tool_nor_its_pipes(
    make_tool: Callable[..., Tool],
) -> None:
    """The reader of an inherited pipe does not wait either."""
    reading, writing = os.pipe()
    with socket.create_server((LOOPBACK, 0)) as server:
        acme = make_tool(f"http://{LOOPBACK}:{server.getsockname()[1]}", timeout=1.5)
        os.set_inheritable(writing, True)
        command = [sys.executable, str(acme.file)]
        with subprocess.Popen(
            [*command, '{"endpoint": "%s", "timeout": 1.5}' % acme.settings["endpoint"]],  # noqa: UP031 - braces
            env={"HOME": str(acme.home), "PATH": os.environ["PATH"]},
            pass_fds=[writing],
        ) as process:
            os.close(writing)
            assert process.wait(20) == 0
        connection, _ = server.accept()
        with connection, open(reading, "rb") as pipe:
            assert pipe.read() == b""
            assert acme.uploaders()


def test_many_concurrent_runs_start_one_uploader(make_tool: Callable[..., Tool]) -> None:
    """This holds within the interval. The next uploader sends what this one could not."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        port = silent.getsockname()[1]
        acme = make_tool(f"http://{LOOPBACK}:{port}", timeout=10)
        runs = [acme.start() for _ in range(20)]
        for run in runs:
            assert run.communicate(timeout=20)[0] == ""
        silent.accept()[0].close()

        assert len(acme.uploaders()) == 1

    acme.wait_for_uploaders()

    assert len(segments(acme)) == 20

    with OTLPReceiver(http_port=port) as receiver:
        was_long_ago(acme)
        acme.run()
        receiver.wait_for_events(21, 20, distinct=True)
        acme.wait_for_uploaders()

        assert len(receiver.events) == 21


def test_hundred_runs_lose_no_event(
    make_tool: Callable[..., Tool], http_receiver: OTLPReceiver
) -> None:
    """Tools and uploaders start and end at any time."""
    acme = make_tool(http_receiver, detached_interval=0)
    runs = []
    for _ in range(RUNS):
        runs.append(acme.start())
        if len(runs) >= 4:
            runs.pop(0).communicate(timeout=20)
    for run in runs:
        run.communicate(timeout=20)
    http_receiver.wait_for_events(RUNS, 20, distinct=True)
    acme.wait_for_uploaders()

    assert len(set(numbers(http_receiver.events))) == RUNS
    assert segments(acme) == []


def test_forked_children_deliver_their_own_events_once(
    make_tool: Callable[..., Tool], http_receiver: OTLPReceiver
) -> None:
    """The parent's events are sent once, too. The children end without exit handlers."""
    acme = make_tool(http_receiver)
    acme.write(
        "send('parent')\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    send('child')\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "send('parent again')\n"
    )

    assert acme.run() == (0, "")

    http_receiver.wait_for_events(3, 20)
    acme.wait_for_uploaders()

    assert numbers(http_receiver.events) == ["child", "parent", "parent again"]


@pytest.mark.parametrize("home", ["/proc/1/nowhere", "/dev/null", "relative", ""])
def test_without_a_writable_home_the_tool_runs_unchanged(
    make_tool: Callable[..., Tool], home: str
) -> None:
    """There is no message, no error and no file elsewhere."""
    with refusing_port() as port:
        acme = make_tool(f"http://{LOOPBACK}:{port}", spool="/proc/1/nowhere")
        acme.write("print(telemetry.send('x').reason)\n")

        assert acme.run(HOME=home) == (0, "spool_failed\n")
        assert [path.name for path in acme.home.rglob("*") if path.is_file()] == ["tool.py"]
