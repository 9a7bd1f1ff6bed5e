"""Records to the spool: written at once, left for others, and never waited for."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs

from otel_telemetry import TelemetryConfig
from otel_telemetry._internal.private_directory import secure
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.otlp.requests import MAX_REQUEST_BYTES
from otel_telemetry.pipeline.sdk_sinks import base_resource
from otel_telemetry.pipeline.spool_sink import SpoolSink, spool_mapper_and_sink
from otel_telemetry.receipt import Outcome
from otel_telemetry.spool import layout, segment
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.spool.layout import MANIFEST, UPLOADER_LOCK
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import Counters, DropReason
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.records import recorded
from tests.support.scripted import RESOURCE, SCOPE, Clock, assert_adds_up
from tests.support.scripted import record as scripted_record
from tests.support.spools import largest_file


class Desk:
    """A recorder, its directory, and how often it has asked for delivery."""

    def __init__(self, base: Path, **settings: Any) -> None:
        given = {"endpoint": "https://a.example", "spool": str(base), **settings}
        config = TelemetryConfig(name="acme", delivery="detached", **given)
        path = spool_directory(config, "acme")
        assert path is not None
        self.directory = path
        self.counters = Counters()
        self.clock = Clock()
        self.launches = 0
        self.recorder = SpoolSink(config, self.counters, path, self._launch, self.clock)

    def _launch(self) -> None:
        self.launches += 1

    def send(self, name: str, padding: int = 0) -> Outcome:
        """Send an event."""
        receipt = self.recorder.emit((RESOURCE, SCOPE, scripted_record(name, padding)))
        assert_adds_up(self.counters.snapshot())
        return receipt.outcome

    @property
    def segments(self) -> list[str]:
        """The paths of all segments."""
        return [path for owned in layout.listed(self.directory).values() for path in owned]

    @property
    def events(self) -> int:
        """How many events are on disk."""
        found = [segment.decode_segment(Path(path).read_bytes()) for path in self.segments]
        return sum(len(content.records) for content in found if content is not None)

    @property
    def is_free(self) -> bool:
        """Whether another process could take what is there."""
        spool = Spool(self.directory, max_age=1e9)
        free = {path for orphan in spool.claim_orphans() for path in orphan.segments}
        spool.close()
        return free == set(self.segments)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Make recorders, which end after the test with counts that add up."""
    made: list[Desk] = []

    def make_one(**settings: Any) -> Desk:
        made.append(Desk(tmp_path / "spool", **settings))
        return made[-1]

    yield make_one
    for desk in made:
        desk.recorder.shutdown(0)
        assert_adds_up(desk.counters.snapshot())


def test_an_event_is_on_disk_when_send_returns(make: Callable[..., Desk]) -> None:
    """The receipt says so; this process will not learn more."""
    desk = make()

    assert desk.send("a") is Outcome.SPOOLED
    assert desk.events == 1
    assert desk.counters.snapshot().spooled == 1
    assert (Path(desk.directory) / MANIFEST).exists()
    assert desk.launches == 0
    assert not desk.is_free


def test_at_the_end_it_is_left_to_whoever_delivers(make: Callable[..., Desk]) -> None:
    """Its lock is free before somebody is asked to come, and what comes later is not taken."""
    desk = make()
    desk.send("a")

    assert not desk.recorder.shutdown(1)
    assert desk.launches == 1
    assert desk.is_free
    assert desk.send("b") is Outcome.DROPPED
    assert desk.counters.snapshot().dropped == {"destroyed": 1}


def test_a_run_without_events_leaves_nothing(make: Callable[..., Desk]) -> None:
    """And says so; what earlier runs left may still be due."""
    desk = make()

    assert desk.recorder.flush(None)
    assert desk.recorder.shutdown(1)
    assert not Path(desk.directory).exists()
    assert desk.launches == 2


def test_a_flush_hands_over_and_promises_nothing(make: Callable[..., Desk]) -> None:
    """Nobody here knows what arrives; and events go on, under another lock."""
    desk = make()
    desk.send("a")

    assert not desk.recorder.flush(5)
    assert desk.is_free
    assert desk.send("b") is Outcome.SPOOLED
    assert len(desk.segments) == 2
    assert not desk.is_free


def test_a_process_that_lives_on_hands_over_from_time_to_time(make: Callable[..., Desk]) -> None:
    """Not with every event, however short the interval is."""
    desk = make(detached_interval=0)
    desk.send("a")
    desk.clock.advance(59)
    desk.send("b")

    assert desk.launches == 0

    desk.clock.advance(1)
    desk.send("c")

    assert desk.launches == 1
    assert desk.is_free
    assert desk.events == 3


def test_segments_are_no_larger_than_requests(make: Callable[..., Desk]) -> None:
    """In events and in bytes."""
    desk = make(max_batch_events=2)
    for name in "abcde":
        desk.send(name)

    assert len(desk.segments) == 3

    desk = make(max_batch_bytes=2000, endpoint="https://b.example")
    for name in "abcde":
        desk.send(name, padding=900)

    assert len(desk.segments) == 3
    assert desk.events == 5


def test_an_event_beyond_any_request_is_dropped(make: Callable[..., Desk]) -> None:
    """Nobody would take it."""
    desk = make()

    assert desk.send("a", padding=MAX_REQUEST_BYTES) is Outcome.DROPPED
    assert desk.counters.snapshot().dropped == {"too_large": 1}
    assert not Path(desk.directory).exists()


def test_the_oldest_gives_way_on_a_disk_that_is_full_by_our_own_bounds(
    make: Callable[..., Desk],
) -> None:
    """Unless somebody has delivered it by then: that was no loss."""
    desk = make(max_batch_events=1, spool_max_bytes=2500)
    desk.send("a", padding=900)
    desk.send("b", padding=900)
    os.unlink(desk.segments[0])
    for name in "cde":
        desk.send(name, padding=900)

    stats = desk.counters.snapshot()
    assert stats.dropped == {"spool_full": 1}
    assert stats.spooled == 4
    assert desk.events == 3


def test_a_full_disk_costs_what_does_not_fit(make: Callable[..., Desk]) -> None:
    """And what fits again, later, is taken."""
    desk = make()
    desk.send("a")
    with largest_file(Path(desk.segments[0]).stat().st_size + 10):
        outcomes = [desk.send(name) for name in "bc"]
    outcomes.append(desk.send("d"))

    assert outcomes == [Outcome.DROPPED, Outcome.SPOOLED, Outcome.SPOOLED]
    assert desk.counters.snapshot().dropped == {"spool_failed": 1}
    assert desk.events == 3


def test_where_nothing_can_be_written_it_is_counted_and_said(
    make: Callable[..., Desk], tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Once."""
    (tmp_path / "spool").write_text("a file")
    desk = make()

    assert desk.send("a") is desk.send("b") is Outcome.DROPPED
    assert desk.counters.snapshot().dropped == {"spool_failed": 2}
    assert len(said()) == 1
    assert desk.recorder.flush(0)


def test_without_a_place_nothing_is_recorded() -> None:
    """A user without a home has no spool."""
    counters = Counters()
    config = TelemetryConfig(name="acme", delivery="detached")
    recorder = SpoolSink(config, counters, None, lambda: None)

    assert recorder.emit((RESOURCE, SCOPE, scripted_record("a"))).reason == "spool_failed"
    recorder.after_fork()
    assert recorder.shutdown(0)


def test_a_forked_child_begins_anew(make: Callable[..., Desk]) -> None:
    """What its parent has written is the parent's: its segment, its lock, its counts."""
    desk = make()
    desk.recorder.after_fork()
    desk.send("a")
    parents = set(desk.segments)
    descriptors = len(os.listdir("/dev/fd"))
    desk.recorder.after_fork()

    assert desk.counters.snapshot().accepted == 0
    assert len(os.listdir("/dev/fd")) < descriptors

    desk.send("b")
    desk.recorder.discard(DropReason.CONSENT_WITHDRAWN)

    assert set(desk.segments) == parents


def test_what_is_withdrawn_is_deleted(make: Callable[..., Desk]) -> None:
    """All of it that is still there, and nothing is taken afterwards."""
    desk = make(max_batch_events=1)
    for name in "abc":
        desk.send(name)
    desk.recorder.flush(0)
    os.unlink(desk.segments[0])
    desk.send("d")
    desk.recorder.discard(DropReason.CONSENT_WITHDRAWN)

    stats = desk.counters.snapshot()
    assert desk.segments == []
    assert (stats.spooled, stats.dropped) == (1, {"consent_withdrawn": 3})
    assert desk.send("e") is Outcome.DROPPED


def test_many_threads_may_send(make: Callable[..., Desk]) -> None:
    """Every event is there, once."""
    desk = make(max_batch_events=7)
    threads = [
        threading.Thread(
            target=lambda: [
                desk.recorder.emit((RESOURCE, SCOPE, scripted_record("a"))) for _ in range(50)
            ]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert desk.events == 200
    assert desk.counters.snapshot().spooled == 200


def test_what_is_no_longer_permitted_is_deleted_and_nobody_is_asked_to_come(
    make: Callable[..., Desk],
) -> None:
    """It is asked before anything is left behind, and not with every event."""
    desk = make()
    asked: list[str] = []

    def refuse() -> bool:
        asked.append("may it?")
        return False

    desk.recorder._is_granted = refuse
    desk.send("a")
    desk.send("b")
    assert not asked

    assert desk.recorder.shutdown(1)

    assert (desk.segments, desk.launches, len(asked)) == ([], 0, 1)
    assert desk.counters.snapshot().dropped == {"consent_withdrawn": 2}


def record(
    config: TelemetryConfig, executable: str | None = None, seconds: float = 0
) -> Callable[[], bool]:
    """Record an event; return what ends the process's part in it."""
    events, recorder = spool_mapper_and_sink(
        config,
        Counters(),
        "id",
        Cleaner(),
        lambda _kind, _count: None,
        consent_gate=ConsentGate(),
        executable=executable,
    )
    recorder.emit(recorded(events, "didRun"))
    return lambda: recorder.shutdown(seconds)


def leave(config: TelemetryConfig) -> None:
    """Leave an event that nobody delivers yet, as if it were not time."""
    directory = spool_directory(config, "acme")
    assert directory is not None
    secure(directory)
    lock = Path(directory) / UPLOADER_LOCK
    lock.touch()
    record(replace(config, detached_interval=3600), "/usr/sbin/uwsgi")()
    lock.unlink()


def detached(spool: Path, **changed: Any) -> TelemetryConfig:
    """Return settings."""
    given = {"endpoint": "http://localhost:9", "spool": str(spool), **changed}
    return TelemetryConfig(name="acme", delivery="detached", **given)


def resource_of(config: TelemetryConfig) -> dict[str, str]:
    """Return the base resource of recorded events."""
    events, _ = spool_mapper_and_sink(
        config,
        Counters(),
        "id",
        Cleaner(),
        lambda _kind, _count: None,
        consent_gate=ConsentGate(),
    )
    encoded = ResourceLogs.FromString(recorded(events)[0])
    return {item.key: item.value.string_value for item in encoded.resource.attributes}


@pytest.mark.parametrize("inherits", [True, False])
def test_the_resource_is_that_of_background_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, inherits: bool
) -> None:
    """But for the name of what made it: no SDK of OpenTelemetry has."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b, os.type = x ,nothing,k=a=b,z=")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "host")
    config = detached(
        tmp_path, version="1", inherit_otel_env=inherits, resource_attributes={"k": "code"}
    )

    expected = {
        **base_resource(config, "id").attributes,
        **base_attributes("acme", "1", "id", by_sdk=False),
    }
    expected.pop("service.instance.id", None)  # newer SDKs have one; a run has its session's
    assert resource_of(config) == expected
    assert ("team" in resource_of(config)) is inherits


def test_without_a_home_nothing_is_recorded_and_nothing_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no place for it."""
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "relative")

    assert record(TelemetryConfig(name="acme", delivery="detached"))()


class TestBeside:
    """Where no process can be started, this one delivers beside its work."""

    def test_the_next_run_delivers(self, tmp_path: Path) -> None:
        """From its beginning, in a thread that it does not wait for."""
        with OTLPReceiver() as receiver:
            config = detached(tmp_path, endpoint=receiver.http_endpoint, detached_interval=0)
            leave(config)

            assert not receiver.events

            end = record(config, "/usr/sbin/uwsgi")
            receiver.wait_for_events(1, 10)

            assert len(receiver.events) == 1
            assert not end()

            _wait_for_thread()

    def test_a_run_that_ends_at_once_delivers(self, tmp_path: Path) -> None:
        """It gives the thread the time that a shutdown may take: no later run would fare better."""
        with OTLPReceiver() as receiver:
            config = detached(tmp_path, endpoint=receiver.http_endpoint)
            record(config, "/usr/sbin/uwsgi", seconds=20)()

            assert len(receiver.events) == 1
            assert _uploaders() == []

    def test_no_longer_than_given(self, tmp_path: Path) -> None:
        """However often the process hands over, and whatever the backend does."""
        with OTLPReceiver() as receiver:
            receiver.answer(Answer(delay=1))
            config = detached(tmp_path, endpoint=receiver.http_endpoint, detached_interval=0)
            leave(config)
            end = record(config, "/usr/sbin/uwsgi", seconds=0.01)
            began = time.monotonic()

            end()
            end()

            assert time.monotonic() - began < 0.5
            assert _uploaders()

            _wait_for_thread()

    def test_not_more_often_than_a_process_would_be_started(self, tmp_path: Path) -> None:
        """The mark is the same."""
        config = detached(tmp_path)
        directory = spool_directory(config, "acme")
        assert directory is not None
        leave(config)
        (Path(directory) / UPLOADER_LOCK).touch()
        record(config, "/usr/sbin/uwsgi")()

        assert _uploaders() == []

    def test_a_frozen_program_is_none_to_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever its file is called."""
        monkeypatch.setattr(sys, "frozen", "macosx_app", raising=False)
        config = detached(tmp_path)
        record(config, "/opt/python-tool")()

        assert len(_uploaders()) == 1

        _wait_for_thread()


def _uploaders() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "otel_telemetry-uploader"]


def _wait_for_thread() -> None:
    for thread in _uploaders():
        thread.join(20)
