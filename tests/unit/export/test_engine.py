"""The engine: start on demand, shutdown within the timeout, and restart in a forked child."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry import DeliveryConfig
from otel_telemetry.export.engine import DeliveryEngine, create_transport
from otel_telemetry.export.grpc import GRPCTransport
from otel_telemetry.export.http import HTTPTransport
from otel_telemetry.export.worker import THREAD_NAME
from otel_telemetry.receipt import Outcome
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.stats import Counters
from tests.support.scripted import (
    RESOURCE,
    RETRY,
    SCOPE,
    ScriptedTransport,
    assert_adds_up,
    record,
)
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry.config.keyword_arguments import DeliverySettings
    from otel_telemetry.receipt import Receipt


ENDPOINT = "http://localhost:1"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., DeliveryEngine]]:
    """Make engines on one spool; they end after the test, and their counts add up."""
    made: list[DeliveryEngine] = []

    def make_one(transport: ScriptedTransport | None = None, **changed: object) -> DeliveryEngine:
        settings: DeliverySettings = {"endpoint": ENDPOINT, "spool": str(tmp_path), **changed}  # type: ignore[typeddict-item]  # checked when it runs
        config = DeliveryConfig(**settings)  # type: ignore[arg-type]  # as above
        made.append(
            DeliveryEngine(
                config, Counters(), app="acme", connect=lambda _: transport or ScriptedTransport()
            )
        )
        return made[-1]

    yield make_one
    for engine in made:
        engine.shutdown(0)
        stats = engine.counters.snapshot()
        assert_adds_up(stats)
        assert stats.pending == 0


def send(engine: DeliveryEngine, *names: str) -> Receipt:
    """Append records; return the receipt of the last."""
    for name in names:
        receipt = engine.append(RESOURCE, SCOPE, record(name))
    return receipt


def workers() -> int:
    """Count the worker threads."""
    return [thread.name for thread in threading.enumerate()].count(THREAD_NAME)


@pytest.mark.parametrize("spool", [True, False], ids=["spool", "memory"])
def test_appended_record_arrives(make: Callable[..., DeliveryEngine], *, spool: bool) -> None:
    """The engine starts its own thread with the first record."""
    transport = ScriptedTransport()
    engine = make(transport, **({} if spool else {"spool": False}))
    assert workers() == 0

    receipt = send(engine, "a", "b")
    assert engine.flush(5)

    assert transport.requests == [["a", "b"]]
    assert receipt.outcome is Outcome.DELIVERED
    assert workers() == 1


@pytest.mark.parametrize("spool", [True, False], ids=["spool", "memory"])
def test_delivery_continues_after_a_pause(
    make: Callable[..., DeliveryEngine], *, spool: bool
) -> None:
    """The engine sends batch after batch, with idle time in between."""
    transport = ScriptedTransport()
    engine = make(transport, flush_interval=0.01, **({} if spool else {"spool": False}))

    for name in "abc":
        assert send(engine, name).wait(5) is Outcome.DELIVERED

    assert transport.requests == [["a"], ["b"], ["c"]]


def test_shutdown_sends_pending_records(make: Callable[..., DeliveryEngine]) -> None:
    """The thread ends."""
    engine = make()
    receipt = send(engine, "a")

    assert engine.shutdown(5)

    assert receipt.outcome is Outcome.DELIVERED
    assert workers() == 0
    assert send(engine, "b").reason == "destroyed"


@pytest.mark.parametrize("spool", [True, False], ids=["spool", "memory"])
def test_shutdown_keeps_its_timeout(make: Callable[..., DeliveryEngine], *, spool: bool) -> None:
    """The backend does not respond. Events on disk stay there."""
    transport = ScriptedTransport()
    transport.respond = lambda _: RETRY if transport.aborted.wait(30) else None
    engine = make(transport, **({} if spool else {"spool": False}))
    receipt = send(engine, "a")
    began = time.monotonic()

    assert not engine.shutdown(0.2)

    assert time.monotonic() - began < 2
    assert receipt.outcome is (Outcome.SPOOLED if spool else Outcome.DROPPED)


def test_shutdown_does_not_wait_for_a_failed_backend(
    make: Callable[..., DeliveryEngine],
) -> None:
    """Events on disk are safe."""
    engine = make(ScriptedTransport(respond=lambda _: RETRY))
    receipt = send(engine, "a")
    began = time.monotonic()

    assert not engine.shutdown(30)

    assert time.monotonic() - began < 5
    assert receipt.outcome is Outcome.SPOOLED


def test_thread_that_cannot_start_is_started_later(
    make: Callable[..., DeliveryEngine],
) -> None:
    """The system may lack memory or threads only for a while."""
    engine = make(max_batch_events=1)
    before = threading.stack_size(1 << 46)
    try:
        first = send(engine, "a")
    finally:
        threading.stack_size(before)
    assert workers() == 0

    second = send(engine, "b")

    assert [first.wait(5), second.wait(5)] == [Outcome.DELIVERED] * 2


@pytest.mark.parametrize("spool", [True, False], ids=["spool", "memory"])
def test_forked_child_starts_with_zero_counts(
    make: Callable[..., DeliveryEngine], *, spool: bool
) -> None:
    """After shutdown the child does not start."""
    engine = make(**({} if spool else {"spool": False}))
    send(engine, "a")
    engine.shutdown(5)

    engine.after_fork()

    assert engine.counters.snapshot().accepted == 0
    assert send(engine, "b").reason == "destroyed"


def test_shutdown_happens_once(make: Callable[..., DeliveryEngine]) -> None:
    """Further calls return the same."""
    left, sent = make(ScriptedTransport(RETRY)), make()
    send(left, "a")
    send(sent, "a")

    assert [left.shutdown(0.1), left.shutdown(0.1)] == [False, False]
    assert [sent.shutdown(5), sent.shutdown(5)] == [True, True]


def test_next_engine_sends_the_segments_of_the_previous_one(
    make: Callable[..., DeliveryEngine],
) -> None:
    """It sends them as soon as it starts."""
    first = make(ScriptedTransport(respond=lambda _: RETRY))
    send(first, "a", "b")
    first.shutdown(0)
    transport = ScriptedTransport()
    second = make(transport)

    second.ensure_started()

    wait_for(lambda: second.counters.snapshot().delivered == 2)
    assert transport.requests == [["a", "b"]]
    assert second.counters.snapshot().recovered == 2


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for an effect of another thread."""
    wait_until(condition, within=5, what="the worker's work")


class _Nosy(logging.Handler):
    """A log handler that calls the library, as one that exports the log does."""

    def __init__(self, engine: DeliveryEngine) -> None:
        super().__init__()
        self._engine = engine
        self.count = 0

    def emit(self, _: logging.LogRecord) -> None:
        """Send an event about the record, and read the counts."""
        self.count += 1
        send(self._engine, "logged")
        self._engine.counters.snapshot()


@pytest.mark.usefixtures("log_messages")
def test_log_handler_may_send_events(make: Callable[..., DeliveryEngine]) -> None:
    """No lock is held while the library logs."""
    engine = make(spool="/proc/telemetry", flush_interval=0.01)
    handler = _Nosy(engine)
    log = logging.getLogger("otel_telemetry")
    log.addHandler(handler)
    try:
        sending = threading.Thread(target=send, args=(engine, "a"), daemon=True)
        sending.start()
        sending.join(5)
        assert not sending.is_alive()
        wait_for(lambda: handler.count > 0)
        assert engine.flush(5)
    finally:
        log.removeHandler(handler)


def test_each_destination_has_a_directory_of_its_own(tmp_path: Path) -> None:
    """Events for one backend never reach another backend."""

    def where(app: str = "acme", **changed: object) -> str | None:
        settings = {"endpoint": ENDPOINT, "spool": str(tmp_path), **changed}
        return spool_directory(DeliveryConfig(**settings), app)  # type: ignore[arg-type]  # checked when it runs

    assert where() == where(timeout=5) == where("other")
    others = (
        where(endpoint="http://localhost:2"),
        where(protocol="grpc"),
        where(headers={"x-tenant": "1"}),
        where(headers={"x-tenant": "2"}),
    )
    assert len({where(), *others}) == 5
    assert where(spool=False) is None
    assert Path(where() or "").parent == tmp_path
    own = where(spool=True)
    assert own is not None
    assert own.startswith(str(Path.home()))
    assert "acme" in own
    assert own != where("other", spool=True)


def test_without_a_home_directory_events_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is ignored."""
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "relative")

    assert spool_directory(DeliveryConfig(endpoint=ENDPOINT), "acme") is None


def test_transport_follows_the_protocol_setting() -> None:
    """OTLP over HTTP or over gRPC."""
    assert isinstance(create_transport(DeliveryConfig(endpoint=ENDPOINT)), HTTPTransport)
    assert isinstance(
        create_transport(DeliveryConfig(endpoint=ENDPOINT, protocol="grpc")), GRPCTransport
    )


@pytest.mark.parametrize(("protocol", "requests"), [("http/protobuf", 1), ("grpc", 2)])
def test_requests_stay_below_the_grpc_limit(
    make: Callable[..., DeliveryEngine], protocol: str, requests: int
) -> None:
    """This holds for every setting."""
    transport = ScriptedTransport()
    engine = make(transport, protocol=protocol, max_batch_bytes=64 * 1024 * 1024)
    for name in "abcde":
        engine.append(RESOURCE, SCOPE, record(name, 1024 * 1024))

    assert engine.flush(10)

    assert len(transport.requests) == requests


_FORK = """
import os, sys, threading
from otel_telemetry import DeliveryConfig
from otel_telemetry._internal import fork
from otel_telemetry.export.engine import DeliveryEngine
from otel_telemetry.stats import Counters
from tests.support.scripted import RESOURCE, SCOPE, ScriptedTransport, assert_adds_up, record

spool = False if sys.argv[1] == "memory" else sys.argv[1]
transport = ScriptedTransport()
config = DeliveryConfig(endpoint="http://localhost:1", spool=spool)
engine = DeliveryEngine(config, Counters(), app="acme", connect=lambda _: transport)
fork.watch(engine.after_fork)
engine.append(RESOURCE, SCOPE, record("first"))
assert engine.flush(5)
engine.append(RESOURCE, SCOPE, record("parent"))
with engine.counters.lock:  # as another thread might hold it
    child = os.fork()
if child == 0:
    assert engine.counters.snapshot().accepted == 0
    assert threading.active_count() == 1
    engine.append(RESOURCE, SCOPE, record("child"))
    assert engine.shutdown(5)
    assert transport.requests == [["first"], ["child"]], transport.requests
    assert transport.processes == 1
    assert_adds_up(engine.counters.snapshot())
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert engine.shutdown(5)
assert transport.requests == [["first"], ["parent"]], transport.requests
"""


@pytest.mark.parametrize("spool", ["spool", "memory"])
def test_forked_child_sends_only_its_own_events(tmp_path: Path, spool: str) -> None:
    """Each event is sent once, by its own process."""
    where = str(tmp_path) if spool == "spool" else spool

    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORK, where],
        check=True,
        timeout=30,
        cwd=Path(__file__).parents[3],
    )


_FORK_WHILE_IMPORTING = """
import os, sys, threading
from otel_telemetry import DeliveryConfig
from otel_telemetry.export.engine import DeliveryEngine
from otel_telemetry.stats import Counters

config = DeliveryConfig(endpoint="http://localhost:1", spool=False)
engine = DeliveryEngine(config, Counters(), app="acme")
importing, begun = threading.Event(), []
def note(event, arguments):
    if event == "import" and arguments[0] == "urllib3" and not begun:
        begun.append(True)
        importing.set()
sys.addaudithook(note)
engine.append(b"", b"", b"")
threading.Thread(target=engine.flush, args=(5,)).start()
assert importing.wait(5)
child = os.fork()
if child == 0:
    import urllib3
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
engine.shutdown(0)
"""


def test_fork_waits_for_the_import_of_the_transport() -> None:
    """Otherwise the child inherits a half-imported module and a locked import lock."""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORK_WHILE_IMPORTING],
        check=True,
        timeout=30,
    )
