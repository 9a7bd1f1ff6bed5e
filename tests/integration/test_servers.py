"""Servers that fork their workers: each event of each worker arrives once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.apps import numbers
from tests.support.processes import LOOPBACK, free_port, running
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_telemetry import Telemetry
    from otel_telemetry.testing import OTLPReceiver
    from tests.support.processes import Child

_TELEMETRY: Final = """
import json, os
from otel_telemetry import Telemetry
telemetry = Telemetry("acme", **json.loads(os.environ["SETTINGS"]))

def note(name, number):
    telemetry.send(name, event_properties={"number": number, "pid": os.getpid()})

note("didLoad", f"load-{os.getpid()}")
"""
_WSGI: Final = """
def application(environ, start_response):
    note("didServe", environ["PATH_INFO"][1:])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

def post_worker_init(worker):
    import served
    served.note("didStartWorker", f"worker-{os.getpid()}")
"""
_CELERY: Final = """
from celery import Celery
from celery.signals import worker_process_init

folder = os.path.dirname(os.path.abspath(__file__)) + "/broker"
os.makedirs(folder, exist_ok=True)
app = Celery("served", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "/control"
}
app.conf.worker_hijack_root_logger = False

@app.task
def work(number):
    note("didServe", number)

@worker_process_init.connect
def started(**_):
    note("didStartWorker", f"worker-{os.getpid()}")
"""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "spool"


def environment(receiver: OTLPReceiver, spool: Path, **settings: object) -> dict[str, str]:
    """Return the environment of a server that sends to the receiver."""
    settings = {
        "enabled": True,
        "endpoint": receiver.http_endpoint,
        "spool": str(spool),
        **settings,
    }
    return {**os.environ, "SETTINGS": json.dumps(settings), "PYTHONWARNINGS": "ignore"}


@contextmanager
def gunicorn(
    directory: Path, env: dict[str, str], *, preload: bool, kind: str = "sync"
) -> Iterator[tuple[Child, int]]:
    """Run gunicorn with two workers of that kind; yield it and its port."""
    (directory / "served.py").write_text(_TELEMETRY + _WSGI)
    (directory / "settings.py").write_text(_WSGI[_WSGI.index("def post_worker_init") :])
    (directory / "settings.py").write_text("import os\n" + (directory / "settings.py").read_text())
    port = free_port()
    command = (
        *(sys.executable, "-m", "gunicorn", "served:application", "--workers", "2"),
        *("--bind", f"{LOOPBACK}:{port}", "--config", "settings.py", "--worker-tmp-dir", "/tmp"),
        *("--worker-class", kind),
        *(("--preload",) if preload else ()),
    )
    with running(command, env=env, cwd=directory, ports=[port], ready_within=20) as child:
        yield child, port


def get(port: int, path: str) -> int:
    """Request a path; return the process id of the worker that answered."""
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", path)
        return int(connection.getresponse().read())
    finally:
        connection.close()


def named(receiver: OTLPReceiver, name: str) -> list[str]:
    """Return the numbers of the events with this name."""
    return numbers(event for event in receiver.events if event.name == name)


def wait_for_named(receiver: OTLPReceiver, name: str, count: int) -> list[str]:
    """Wait until that many events with this name arrived."""
    wait_until(lambda: len(named(receiver, name)) >= count, within=20, what=f"{count} of {name}")
    return named(receiver, name)


PRELOAD: Final = pytest.mark.parametrize("preload", [False, True], ids=["no preload", "preload"])


@PRELOAD
@pytest.mark.parametrize("kind", ["sync", "gthread", "gevent"])
def test_gunicorn_workers_deliver_their_events(
    http_receiver: OTLPReceiver, spool: Path, tmp_path: Path, *, preload: bool, kind: str
) -> None:
    """They do so during the run and at its end. The master delivers events from before the fork."""
    env = environment(http_receiver, spool, flush_interval=0.05)
    with gunicorn(tmp_path, env, preload=preload, kind=kind) as (server, port):
        for number in range(20):
            get(port, f"/{number}")
        wait_for_named(http_receiver, "didStartWorker", 2)
        wait_for_named(http_receiver, "didLoad", 1 if preload else 2)
        wait_for_named(http_receiver, "didServe", 20)
        get(port, "/last")
        server.stop(within=10)

    assert named(http_receiver, "didServe") == sorted([*map(str, range(20)), "last"])
    assert len(http_receiver.events) == 21 + 2 + (1 if preload else 2)


@PRELOAD
def test_events_of_a_killed_gunicorn_worker_are_delivered_by_its_successor(
    http_receiver: OTLPReceiver, spool: Path, tmp_path: Path, *, preload: bool
) -> None:
    """The new worker claims them."""
    env = environment(http_receiver, spool, flush_interval=60)
    with gunicorn(tmp_path, env, preload=preload) as (server, port):
        wait_until(lambda: len(workers(server)) == 2, within=20, what="two workers")
        served: dict[int, list[str]] = {}
        for number in range(20):
            served.setdefault(get(port, f"/{number}"), []).append(str(number))
        victim, its = max(served.items(), key=lambda item: len(item[1]))
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(workers(server)) == 3, within=20, what="another worker")
        wait_until(lambda: get(port, "/") == workers(server)[2], within=20, what="its answer")

        assert set(its) <= set(wait_for_named(http_receiver, "didServe", len(its)))

    assert [name for name in named(http_receiver, "didServe") if name] == sorted(
        map(str, range(20))
    )
    assert len(named(http_receiver, "didStartWorker")) == 3
    assert len(named(http_receiver, "didLoad")) == (1 if preload else 3)


def workers(server: Child) -> list[int]:
    """Return the process ids of the workers that gunicorn has started so far."""
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)\n", server.output)]


def test_celery_workers_deliver_their_events(
    make_telemetry: Callable[..., Telemetry],
    http_receiver: OTLPReceiver,
    spool: Path,
    tmp_path: Path,
) -> None:
    """Its pool ends without exit handlers, or is killed: what is left goes with the next process.

    Celery takes its time to end by itself, with and without telemetry; this does not wait for it.
    """
    (tmp_path / "served.py").write_text(_TELEMETRY + _CELERY)
    env = environment(http_receiver, spool, flush_interval=0.05)
    subprocess.run(
        [sys.executable, "-c", "import served; [served.work.delay(str(n)) for n in range(20)]"],
        env=env,
        cwd=tmp_path,
        check=True,
        timeout=30,
    )
    command = (
        *(sys.executable, "-m", "celery", "-A", "served", "worker", "--pool", "prefork"),
        *("--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    with running(command, env=env, cwd=tmp_path) as worker:
        wait_for_named(http_receiver, "didServe", 20)
        worker.stop(within=2)

    make_telemetry(http_receiver, spool=str(spool)).bootstrap()
    wait_until(lambda: not list(spool.rglob("*.seg")), within=10, what="all delivered")
    assert named(http_receiver, "didServe") == sorted(map(str, range(20)))
    assert len(named(http_receiver, "didStartWorker")) == 2
    assert len(named(http_receiver, "didLoad")) == 2
