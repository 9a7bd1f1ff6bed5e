"""What becomes of the events of a process that is killed while its backend is down."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from benchmarks import systems, workload
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.context import Context
    from benchmarks.systems.base import Connection, System

EVENTS = 100
GRACE = 1.5
PATIENCE = 10.0
# No process of a case gets longer than that, unless the case says so.
LIMIT = 30.0
_USER = re.compile(rb"user-(\d{4})")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class Backend:
    """A backend that is down until it is opened, and knows which events it has taken.

    One event per user: every system has the user's id on the wire, in plain text. The port is bound
    from the start, so that connections are refused, and nobody else can come by it.
    """

    def __init__(self, system: System) -> None:
        """Take a port."""
        self.users: set[int] = set()
        self.events = 0
        self.last = 0.0
        self._changed = threading.Condition()
        self._mark = system.mark
        self._server = _Server(("127.0.0.1", 0), self._handler(system.reply), False)
        self._server.server_bind()
        self.endpoint = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def open(self) -> None:
        """Begin to answer."""
        self._server.server_activate()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait until something is so, of what has arrived."""
        with self._changed:
            self._changed.wait_for(done, seconds)

    def wait_for_users(self, users: Iterable[int], seconds: float) -> float:
        """Wait until the events of all these have arrived; return the percentage that has."""
        wanted = set(users)
        self.wait(lambda: wanted <= self.users, seconds)
        return 100 * len(wanted & self.users) / max(1, len(wanted))

    @property
    def copies(self) -> float:
        """How often an event has arrived, of those that have."""
        return self.events / max(1, len(self.users))

    def _take(self, body: bytes) -> None:
        with self._changed:
            self.users.update(map(int, _USER.findall(body)))
            self.events += body.count(self._mark)
            self.last = time.monotonic()
            self._changed.notify_all()

    def _handler(self, reply: bytes) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
                zipped = self.headers["Content-Encoding"] == "gzip"
                take(gzip.decompress(body) if zipped else body)

            def log_message(self, *arguments: object) -> None:
                """Keep quiet."""

        return Handler


@contextlib.contextmanager
def started(
    program: Callable[..., None], *arguments: str, limit: float = LIMIT
) -> Iterator[subprocess.Popen[str]]:
    """Run a case's function in a process of its own, which ends by then, or is ended."""
    module, name = program.__module__, program.__name__
    code = f"import sys; from {module} import {name}; {name}(*sys.argv[1:])"
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        alarm = threading.Timer(limit, process.kill)
        alarm.start()
        try:
            yield process
        finally:
            alarm.cancel()
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """Read what a process says next; nothing, if it hangs until its limit."""
    assert process.stdout is not None
    return process.stdout.readline()


def has_ended(process: subprocess.Popen[str]) -> bool:
    """Let a process end that waits to be told so; say whether it did within its limit."""
    assert process.stdin is not None
    process.stdin.close()
    if process.wait() not in {0, -signal.SIGKILL}:
        raise RuntimeError(f"exit status {process.returncode}")
    return process.returncode == 0


def hangs(context: Context, where: str) -> tuple[str, ...]:
    """Put it into words, for the notes below the table."""
    return (f"{context.described().title} hangs {where}, and was killed for it.",)


def attempt(connection: Connection, user: int) -> bool:
    """Send the event of a user; say whether the call went well."""
    try:
        connection.send(workload.make_event(user, user=user, group=user % 10))
    except Exception:  # some raise what the network says into the application
        return False
    return True


def victim(system: str, endpoint: str, state: str) -> None:
    """Send events, leave time for whatever is done with them in the background, and die."""
    connection = systems.find(system).connect(endpoint, state)
    for user in range(EVENTS):
        attempt(connection, user)
    print("sent", flush=True)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def successor(system: str, endpoint: str, state: str) -> None:
    """Run again: one event more, a flush, and an orderly end when told so."""
    connection = systems.find(system).connect(endpoint, state)
    attempt(connection, EVENTS)
    connection.flush()
    sys.stdin.read()
    connection.close()


def _measure(context: Context) -> Measurement:
    backend = Backend(context.described())
    notes: tuple[str, ...] = ()
    arguments = (context.system, backend.endpoint, context.state)
    with started(victim, *arguments) as process:
        if not line_of(process):
            notes += hangs(context, "in send")
        process.wait()
    backend.open()
    with started(successor, *arguments) as process:
        begun = time.monotonic()
        arrived = backend.wait_for_users(range(EVENTS), PATIENCE)
        taken = time.monotonic() - begun
        if not has_ended(process):
            notes += hangs(context, "when it runs again")
    figures = {"arrived": arrived, "lost": 100 - arrived}
    if arrived == 100:
        figures |= {"copies": backend.copies, "seconds": taken}
    return Measurement(figures=figures, notes=notes)


CASE = Case(
    name="kills",
    title="Killed while the backend is down",
    about=(
        f"A process sends {EVENTS} events to a backend that refuses connections, lives on for "
        f"{GRACE:g} s, and gets SIGKILL. Then the backend is up, and the process runs again, sends "
        f"one event more, flushes, and lives for up to {PATIENCE:g} s: what has arrived of the "
        f"{EVENTS}, each counted once, and how long after the second start that was."
    ),
    systems=systems.ALL,
    columns=(
        Column(key="arrived", title="arrived", unit="%", ratio=False),
        Column(key="lost", title="lost", unit="%", ratio=False),
        Column(key="copies", title="copies of each", unit="", ratio=False),
        Column(key="seconds", title="all there after", unit="s", ratio=False),
    ),
    measure=_measure,
    budgets=(Budget(column="lost", limit=0, system="ours-spool"),),
    rounds=1,
    concurrent=True,
)
