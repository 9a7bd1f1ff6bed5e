"""Applications that send events in a process of their own, and end or are killed."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_telemetry.testing import unique
from tests.support.processes import running
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from otel_telemetry.testing import OTLPReceiver, ReceivedEvent
    from tests.support.processes import Child

# Each event has its own number, which is printed once `send` has returned: from then on, the event
# must not be lost. A child that ends by `os._exit` does not flush, so it writes to the descriptor.
_PRELUDE: Final = """
import itertools, json, multiprocessing, os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
from otel_telemetry import Telemetry

def make(**changed):
    return Telemetry("acme-cms", **{"enabled": True, "flush_interval": 60, **settings, **changed})

numbers = itertools.count()

def send(count=1, app=None):
    for _ in range(count):
        number = f"{os.getpid()}-{next(numbers)}"
        (app or telemetry).send("didWork", event_properties={"number": number})
        os.write(1, f"sent {number}\\n".encode())

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""
_LONGEST: Final = 20.0  # seconds for a program
_START: Final = """
settings = json.loads(sys.argv[1])
telemetry = make()
"""


def command(program: str, /, **settings: object) -> list[str]:
    """Return the command that runs *program*, with an instance `telemetry` of these settings."""
    return [sys.executable, "-c", _PRELUDE + _START + program, json.dumps(settings)]


@contextmanager
def app(program: str, /, **settings: object) -> Iterator[Child]:
    """Run *program* beside the test."""
    with running(command(program, **settings)) as child:
        yield child


def run(program: str, /, **settings: object) -> tuple[int, list[str]]:
    """Run *program* to its end; return its status and the numbers of its sent events."""
    return _run(command(program, **settings))


def run_file(path: Path, program: str, /, **settings: object) -> tuple[int, list[str]]:
    """Run *program* as `run` does, from a file that other processes can import."""
    path.write_text(_PRELUDE + _START + program)
    return _run([sys.executable, str(path), json.dumps(settings)])


def _run(command: list[str]) -> tuple[int, list[str]]:
    with running(command) as child:
        status = child.wait(within=_LONGEST)
        return status, sent(child)


def sent(child: Child) -> list[str]:
    """Return the numbers of the events that a program has sent so far."""
    lines = child.output.splitlines(keepends=True)
    return [line.split()[1] for line in lines if line.startswith("sent ") and line.endswith("\n")]


def numbers(events: Iterable[ReceivedEvent]) -> list[str]:
    """Return the numbers of events, without copies."""
    return sorted(str(event.attributes["number"]) for event in unique(events))


def wait_for_numbers(receiver: OTLPReceiver, expected: Iterable[str]) -> None:
    """Wait for the events with these numbers, and assert that no other arrived."""
    wanted = sorted(expected)
    receiver.wait_for_events(len(wanted), 20, distinct=True)
    assert numbers(receiver.events) == wanted


def files_below(directory: Path) -> list[str]:
    """Return the names of all files below a directory."""
    return sorted(path.name for path in directory.rglob("*") if not path.is_dir())


def wait_for_no_files(directory: Path) -> None:
    """Wait until a directory has no files."""
    wait_until(lambda: not files_below(directory), within=10, what=f"an empty {directory}")
