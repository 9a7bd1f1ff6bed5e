"""The uploader delivers every waiting event, one uploader at a time, within its deadline."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry import Telemetry, TelemetryConfig
from otel_telemetry._internal import filelock
from otel_telemetry.detached.launcher import command
from otel_telemetry.detached.uploader import make_consent_gate, upload
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.result import ExportResult
from otel_telemetry.spool import layout
from otel_telemetry.spool.destination import spool_directory, write_manifest
from otel_telemetry.spool.layout import UPLOADER_LOCK
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import Disposition
from tests.support.processes import plain_environment
from tests.support.scripted import RESOURCE, RETRY, SCOPE, Clock, ScriptedTransport, record


class Left:
    """A directory with events of processes that have ended."""

    def __init__(self, base: Path, **settings: Any) -> None:
        options = {"endpoint": "https://a.example", "spool": str(base), **settings}
        self.config = TelemetryConfig(name="acme", **options)
        path = spool_directory(self.config, "acme")
        assert path is not None
        self.path = path
        self.transport = ScriptedTransport()
        self.asked: list[str] = []
        self.leave("first")
        write_manifest(path, self.config)
        (Path(path) / UPLOADER_LOCK).touch()

    def leave(self, *names: str) -> None:
        """Write events, each by its own process."""
        for name in names:
            spool = Spool(self.path, max_age=1e9)
            writer = spool.open_segment()
            assert writer is not None
            writer.append(RESOURCE, SCOPE, record(name))
            writer.close()
            spool.close()

    def consent_gate(self, config: TelemetryConfig) -> ConsentGate:
        """Grant consent, and record the question."""
        self.asked.append(config.name)
        return ConsentGate()

    def upload(
        self, consent_gate: Callable[[TelemetryConfig], ConsentGate] | None = None, **changed: Any
    ) -> None:
        """Run the uploader."""
        upload(
            self.path,
            consent_gate or self.consent_gate,
            connect=lambda _config: self.transport,
            **changed,
        )

    @property
    def arrived(self) -> list[str]:
        """The events that were sent."""
        return [name for request in self.transport.requests for name in request]

    @property
    def segments(self) -> int:
        """How many segments are there."""
        return sum(map(len, layout.segments_by_owner(self.path).values()))


@pytest.fixture
def left(tmp_path: Path) -> Left:
    """A directory with one event."""
    return Left(tmp_path)


def test_every_waiting_event_is_delivered(left: Left) -> None:
    """The uploader makes few requests, leaves no segment and checks the consent."""
    left.leave("second", "third")
    left.upload()

    assert sorted(left.arrived) == ["first", "second", "third"]
    assert left.segments == 0
    assert left.asked == ["acme"]


def test_segments_beyond_the_claim_limit_are_delivered(left: Left) -> None:
    """Their number does not matter."""
    left.leave(*map(str, range(150)))
    left.upload()

    assert len(left.arrived) == 151
    assert left.segments == 0


def test_events_recorded_while_the_uploader_runs_are_delivered(left: Left) -> None:
    """Their processes saw a running uploader and started none."""

    def respond(names: list[str]) -> None:
        if names == ["first"]:
            left.leave("second")

    left.transport = ScriptedTransport(respond=respond)
    left.upload()

    assert left.arrived == ["first", "second"]


def test_events_recorded_as_the_uploader_ends_are_delivered(left: Left) -> None:
    """They arrive after the last scan and before the release of the lock."""

    class Transport(ScriptedTransport):
        def abort(self) -> None:
            """Record the call."""
            if len(left.asked) == 1:
                left.leave("late")

    left.transport = Transport()
    left.upload()

    assert left.arrived == ["first", "late"]
    assert len(left.asked) == 2


def test_segments_of_another_version_stay(left: Left) -> None:
    """They are not tried in a loop."""
    (segment,) = Path(left.path).glob("*.seg")
    segment.write_bytes(b"otlpseg\xff" + segment.read_bytes()[8:])
    left.leave("ours")
    left.upload()

    assert left.arrived == ["ours"]
    assert left.segments == 1
    assert len(left.asked) == 2


def test_only_one_uploader_runs_at_a_time(left: Left) -> None:
    """A second uploader waits for the lock for a moment and ends."""
    clock = Clock()
    lock = filelock.acquire(str(Path(left.path) / UPLOADER_LOCK), create=False)
    assert lock is not None

    def passing() -> float:
        clock.advance(0.5)
        return clock()

    left.upload(clock=passing)
    filelock.release(lock)

    assert left.arrived == []
    assert clock.now < 1005


def test_uploader_waits_for_the_lock_of_its_launcher(left: Left) -> None:
    """The launcher may hold the lock for a moment."""
    lock = filelock.acquire(str(Path(left.path) / UPLOADER_LOCK), create=False)
    assert lock is not None
    timer = threading.Timer(0.1, filelock.release, (lock,))
    timer.start()
    left.upload()
    timer.join()

    assert left.arrived == ["first"]


def test_uploader_ends_after_two_failures(left: Left) -> None:
    """The events stay for the next process."""
    left.transport = ScriptedTransport(respond=lambda _: RETRY)
    left.upload()

    assert left.arrived == ["first", "first"]
    assert left.segments == 1


def test_uploader_retries_after_one_failure(left: Left) -> None:
    """A connection may break."""
    left.transport = ScriptedTransport(RETRY)
    left.upload()

    assert left.arrived == ["first", "first"]
    assert left.segments == 0


def test_uploader_keeps_its_deadline(left: Left) -> None:
    """This holds also for a backend that asks for a delay."""
    left.transport = ScriptedTransport(
        ExportResult(disposition=Disposition.RETRY, reason="wait", retry_after=3600)
    )
    left.upload(max_runtime=0.2)

    assert left.arrived == ["first"]
    assert left.segments == 1


@pytest.mark.parametrize("calls", [0, 1])
def test_uploader_sends_nothing_without_consent(left: Left, calls: int) -> None:
    """Consent is withdrawn before the start or during the run."""
    answers = iter([True] * calls)
    left.upload(lambda _config: ConsentGate(is_granted=lambda: next(answers, False)))

    assert left.arrived == []


def test_uploader_deletes_events_older_than_the_consent(left: Left) -> None:
    """They are not sent."""
    left.upload(lambda _config: ConsentGate(granted_at=4e9))

    assert left.arrived == []
    assert left.segments == 0


def test_uploader_sends_nothing_without_a_manifest(left: Left) -> None:
    """It does not guess an endpoint."""
    (Path(left.path) / "destination.json").unlink()
    left.upload()

    assert left.arrived == []
    assert left.segments == 1


def test_uploader_ends_quietly_when_the_directory_is_gone(left: Left, tmp_path: Path) -> None:
    """The user may have deleted it."""
    upload(str(tmp_path / "gone"), left.consent_gate, max_runtime=0)

    assert left.asked == []


def test_request_timeout_is_capped_by_the_uploader_deadline(tmp_path: Path) -> None:
    """A longer timeout in the settings has no effect."""
    left = Left(tmp_path, timeout=100)
    timeouts: list[float] = []

    def connect(config: Any) -> ScriptedTransport:
        timeouts.append(config.timeout)
        return left.transport

    upload(left.path, left.consent_gate, connect=connect)

    assert timeouts == [12.0]


def test_uploader_checks_the_current_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user may have refused since the events were recorded."""
    config = TelemetryConfig(name="acme", enabled=True)

    assert make_consent_gate(config).is_granted()

    Telemetry("acme", enabled=True).consent(granted=True)

    assert make_consent_gate(config).granted_at > 0

    monkeypatch.setenv("DO_NOT_TRACK", "1")

    assert not make_consent_gate(config).is_granted()


def test_uploader_process_ends_without_output(tmp_path: Path) -> None:
    """There are no events and no directory."""
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
def deliver(directory, permission, *, max_runtime):
    print(directory, max_runtime, flush=True)
    time.sleep(60)
main("/spool", max_runtime=-1.5, deliver=deliver)
"""


def test_hanging_uploader_process_ends_itself() -> None:
    """Its exit status is that of a success."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "/spool -1.5\n", "")


SETTLE = """
import os, sys
from otel_telemetry.detached.uploader import detach_from_parent
os.chdir("/")
if sys.argv[1] == "leader":
    os.setsid()
before = os.nice(0)
detach_from_parent()
detach_from_parent()
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
def test_uploader_process_holds_no_inherited_files(begins: str) -> None:
    """It keeps neither a terminal nor a pipe open, whose reader may wait for its end."""
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
