"""Consent between processes, and before a real terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry.testing import OTLPReceiver
from tests.support.processes import running
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER: Final = """\
import sys, threading
from otel_telemetry import Telemetry
telemetry = Telemetry("acme", enabled=True, endpoint=sys.argv[1], flush_interval=0.05)
pause = threading.Event()
while not telemetry.is_disabled:
    telemetry.send("tick")
    pause.wait(0.02)
print("off:", telemetry.decision.reason, flush=True)
print(telemetry.stats, flush=True)
"""
OFF: Final = "from otel_telemetry import Telemetry; Telemetry('acme').consent(False)"
TOOL: Final = """\
import sys
from otel_telemetry import Telemetry
telemetry = Telemetry("acme", {settings}, endpoint=sys.argv[1])
{call}
telemetry.send("didRun")
print(telemetry.flush(5), telemetry.decision.source)
"""


@pytest.fixture
def backend() -> Iterator[OTLPReceiver]:
    """A backend that must get only consented events."""
    with OTLPReceiver() as started:
        yield started


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for the processes of a test."""
    for name in list(os.environ):
        if name.startswith("XDG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_running_server_stops_sending_when_the_user_refuses(
    backend: OTLPReceiver, home: Path
) -> None:
    """No later event is sent, and waiting events are deleted."""
    with running((sys.executable, "-c", SERVER, backend.http_endpoint)) as server:
        backend.wait_for_events(3)
        subprocess.run([sys.executable, "-c", OFF], check=True)
        server.wait_for_output("off: The user has turned telemetry off.", within=10)
        assert server.wait(within=10) == 0
    arrived = len(backend.events)

    assert f"delivered={arrived}," in server.output
    remaining_files = [path.name for path in home.rglob("*") if path.is_file()]
    assert remaining_files == ["telemetry.json"]


def _at_a_terminal(settings: str, call: str, endpoint: str, typed: bytes = b"") -> tuple[str, str]:
    """Run the tool before a terminal; return what it shows there, and what it prints."""
    controller, terminal = pty.openpty()
    os.write(controller, typed)
    code = TOOL.format(settings=settings, call=call)
    with subprocess.Popen(
        [sys.executable, "-c", code, endpoint],
        stdin=terminal,
        stderr=terminal,
        stdout=subprocess.PIPE,
    ) as tool:
        output, _ = tool.communicate(timeout=30)
    os.set_blocking(controller, False)
    try:
        shown = os.read(controller, 10_000)
    except BlockingIOError:
        shown = b""
    os.close(terminal)
    os.close(controller)
    return shown.decode(), output.decode().strip()


@pytest.mark.usefixtures("home")
def test_the_run_that_shows_the_notice_records_nothing(backend: OTLPReceiver) -> None:
    """The next run records. The output for programs stays unchanged."""
    settings, call = "enabled=True, notice='We count commands.'", "telemetry.show_notice()"
    runs = [_at_a_terminal(settings, call, backend.http_endpoint) for _ in range(3)]

    shown, printed = zip(*runs, strict=True)
    assert "We count commands.\r\n" in shown[0]
    assert len(shown[0].splitlines()) <= 8
    assert shown[1:] == ("", "")
    assert printed == ("True notice", "True code", "True code")
    wait_until(lambda: len(backend.events) == 2, within=5, what="two events")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("typed", "printed", "arrived"), [(b"y\n", "True choice", 2), (b"\n", "True choice", 0)]
)
def test_prompt_answer_is_stored_for_later_runs(
    backend: OTLPReceiver, typed: bytes, printed: str, arrived: int
) -> None:
    """A yes sends, a no does not, and neither run asks again."""
    runs = [
        _at_a_terminal("enabled=None", "telemetry.ask()", backend.http_endpoint, keys)
        for keys in (typed, b"")
    ]

    assert "May acme send usage events to" in runs[0][0]
    assert "May acme" not in runs[1][0]
    assert [output for _, output in runs] == [printed, printed]
    assert len(backend.events) == arrived
