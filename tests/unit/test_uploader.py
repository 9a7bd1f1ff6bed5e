"""The process that delivers: what it holds on to, how long it lives, and whom it asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_telemetry import Telemetry, TelemetryConfig
from otel_telemetry.detached.launcher import command
from otel_telemetry.detached.uploader import permission
from tests.support.processes import plain_environment


def test_it_is_asked_whether_events_may_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the rules that held when they were recorded: the user may have said no since."""
    config = TelemetryConfig(name="acme", enabled=True)

    assert permission(config).holds()

    Telemetry("acme", enabled=True).consent(granted=True)

    assert permission(config).since > 0

    monkeypatch.setenv("DO_NOT_TRACK", "1")

    assert not permission(config).holds()


def test_it_ends_in_silence_whatever_happens(tmp_path: Path) -> None:
    """With nothing to deliver, nor a directory."""
    done = subprocess.run(
        command(str(tmp_path / "gone")),
        env=plain_environment(HOME=str(tmp_path)),
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


HANGS = """
import sys, time
from otel_telemetry.detached.uploader import main
def deliver(directory, permission, *, life):
    print(directory, life, flush=True)
    time.sleep(60)
main("/spool", life=-1.5, deliver=deliver)
"""


def test_its_life_is_bounded_whatever_happens() -> None:
    """It ends itself, as if nothing were."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "/spool -1.5\n", "")


SETTLE = """
import os, sys
from otel_telemetry.detached.uploader import settle
os.chdir("/")
if sys.argv[1] == "leader":
    os.setsid()
before = os.nice(0)
settle()
settle()
print(os.getsid(0) == os.getpid(), os.nice(0) > before, [n for n in range(3, 50) if is_open(n)])
"""
IS_OPEN = """
def is_open(number):
    import os
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
"""


@pytest.mark.parametrize("begins", ["leader", "follower"])
def test_it_holds_on_to_nothing(begins: str) -> None:
    """No terminal, no pipe of its parent's parent, whose other end may wait for its end."""
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", IS_OPEN + SETTLE, begins],
        pass_fds=[writing],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writing)
        output, _ = process.communicate(timeout=30)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b""

    assert output == "True True []\n"
    assert process.returncode == 0
