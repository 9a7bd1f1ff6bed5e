"""The spool sink writes each record at once, and hands the spool over to an uploader."""

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


class SpoolHarness:
    """A spool sink, its directory, and how often it has started an uploader."""

    def __init__(self, base: Path, **settings: Any) -> None:
        given = {"endpoint": "https://a.example", "spool": str(base), **settings}
        config = TelemetryConfig(name="acme", delivery="detached", **given)
        path = spool_directory(config, "acme")
        assert path is not None
        self.directory = path
        self.counters = Counters()
        self.clock = Clock()
        self.launches = 0
        self.sink = SpoolSink(config, self.counters, path, self._launch, self.clock)

    def _launch(self) -> None:
        self.launches += 1

    def send(self, name: str, padding: int = 0) -> Outcome:
        """Send an event."""
        receipt = self.sink.emit((RESOURCE, SCOPE, scripted_record(name, padding)))
        assert_adds_up(self.counters.snapshot())
        return receipt.outcome

    @property
    def segments(self) -> list[str]:
        """The paths of all segments."""
        return [
            path for owned in layout.segments_by_owner(self.directory).values() for path in owned
        ]

    @property
    def events(self) -> int:
        """How many events are on disk."""
        found = [segment.decode_segment(Path(path).read_bytes()) for path in self.segments]
        return sum(len(content.records) for content in found if content is not None)

    @property
    def is_free(self) -> bool:
        """Whether another process could take what is there."""
        spool = Spool(self.directory, max_age=1e9)
        free = {path for owner in spool.claim_abandoned() for path in owner.segments}
        spool.close()
        return free == set(self.segments)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., SpoolHarness]]:
    """Make sinks, which are shut down after the test; their counts must add up."""
    made: list[SpoolHarness] = []

    def make_one(**settings: Any) -> SpoolHarness:
        made.append(SpoolHarness(tmp_path / "spool", **settings))
        return made[-1]

    yield make_one
    for harness in made:
        harness.sink.shutdown(0)
        assert_adds_up(harness.counters.snapshot())


def test_an_event_is_on_disk_when_send_returns(make: Callable[..., SpoolHarness]) -> None:
    """The receipt is SPOOLED."""
    harness = make()

    assert harness.send("a") is Outcome.SPOOLED
    assert harness.events == 1
    assert harness.counters.snapshot().spooled == 1
    assert (Path(harness.directory) / MANIFEST).exists()
    assert harness.launches == 0
    assert not harness.is_free


def test_a_shutdown_releases_the_spool_and_starts_an_uploader(
    make: Callable[..., SpoolHarness],
) -> None:
    """The lock is free before the uploader starts, and later events are dropped."""
    harness = make()
    harness.send("a")

    assert not harness.sink.shutdown(1)
    assert harness.launches == 1
    assert harness.is_free
    assert harness.send("b") is Outcome.DROPPED
    assert harness.counters.snapshot().dropped == {"destroyed": 1}


def test_a_run_without_events_writes_no_file(make: Callable[..., SpoolHarness]) -> None:
    """An uploader starts all the same, for earlier runs may have written."""
    harness = make()

    assert harness.sink.flush(None)
    assert harness.sink.shutdown(1)
    assert not Path(harness.directory).exists()
    assert harness.launches == 2


def test_a_flush_hands_over_and_returns_false(make: Callable[..., SpoolHarness]) -> None:
    """This process does not learn what arrives. Later events get another lock."""
    harness = make()
    harness.send("a")

    assert not harness.sink.flush(5)
    assert harness.is_free
    assert harness.send("b") is Outcome.SPOOLED
    assert len(harness.segments) == 2
    assert not harness.is_free


def test_a_long_process_hands_over_once_an_interval(make: Callable[..., SpoolHarness]) -> None:
    """At most once a minute, also with a shorter interval."""
    harness = make(detached_interval=0)
    harness.send("a")
    harness.clock.advance(59)
    harness.send("b")

    assert harness.launches == 0

    harness.clock.advance(1)
    harness.send("c")

    assert harness.launches == 1
    assert harness.is_free
    assert harness.events == 3


def test_segments_are_no_larger_than_requests(make: Callable[..., SpoolHarness]) -> None:
    """In events and in bytes."""
    harness = make(max_batch_events=2)
    for name in "abcde":
        harness.send(name)

    assert len(harness.segments) == 3

    harness = make(max_batch_bytes=2000, endpoint="https://b.example")
    for name in "abcde":
        harness.send(name, padding=900)

    assert len(harness.segments) == 3
    assert harness.events == 5


def test_an_event_beyond_any_request_is_dropped(make: Callable[..., SpoolHarness]) -> None:
    """No backend would accept it."""
    harness = make()

    assert harness.send("a", padding=MAX_REQUEST_BYTES) is Outcome.DROPPED
    assert harness.counters.snapshot().dropped == {"too_large": 1}
    assert not Path(harness.directory).exists()


def test_the_oldest_segment_is_deleted_beyond_spool_max_bytes(
    make: Callable[..., SpoolHarness],
) -> None:
    """A segment that an uploader has delivered is no loss."""
    harness = make(max_batch_events=1, spool_max_bytes=2500)
    harness.send("a", padding=900)
    harness.send("b", padding=900)
    os.unlink(harness.segments[0])
    for name in "cde":
        harness.send(name, padding=900)

    stats = harness.counters.snapshot()
    assert stats.dropped == {"spool_full": 1}
    assert stats.spooled == 4
    assert harness.events == 3


def test_a_full_disk_drops_only_events_that_do_not_fit(make: Callable[..., SpoolHarness]) -> None:
    """Later events are written again once there is room."""
    harness = make()
    harness.send("a")
    with largest_file(Path(harness.segments[0]).stat().st_size + 10):
        outcomes = [harness.send(name) for name in "bc"]
    outcomes.append(harness.send("d"))

    assert outcomes == [Outcome.DROPPED, Outcome.SPOOLED, Outcome.SPOOLED]
    assert harness.counters.snapshot().dropped == {"spool_failed": 1}
    assert harness.events == 3


def test_a_spool_that_cannot_be_written_is_counted_and_logged_once(
    make: Callable[..., SpoolHarness], tmp_path: Path, log_messages: Callable[[], list[str]]
) -> None:
    """Each event is dropped as spool_failed."""
    (tmp_path / "spool").write_text("a file")
    harness = make()

    assert harness.send("a") is harness.send("b") is Outcome.DROPPED
    assert harness.counters.snapshot().dropped == {"spool_failed": 2}
    assert len(log_messages()) == 1
    assert harness.sink.flush(0)


def test_without_a_spool_directory_events_are_dropped() -> None:
    """A user without a home has no spool."""
    counters = Counters()
    config = TelemetryConfig(name="acme", delivery="detached")
    recorder = SpoolSink(config, counters, None, lambda: None)

    assert recorder.emit((RESOURCE, SCOPE, scripted_record("a"))).reason == "spool_failed"
    recorder.after_fork()
    assert recorder.shutdown(0)


def test_a_forked_child_leaves_its_parents_segments_alone(
    make: Callable[..., SpoolHarness],
) -> None:
    """Segment, lock and counts stay the parent's."""
    harness = make()
    harness.sink.after_fork()
    harness.send("a")
    parents = set(harness.segments)
    descriptors = len(os.listdir("/dev/fd"))
    harness.sink.after_fork()

    assert harness.counters.snapshot().accepted == 0
    assert len(os.listdir("/dev/fd")) < descriptors

    harness.send("b")
    harness.sink.discard(DropReason.CONSENT_WITHDRAWN)

    assert set(harness.segments) == parents


def test_discard_deletes_every_segment_on_disk(make: Callable[..., SpoolHarness]) -> None:
    """Delivered segments count as spooled, and later events are dropped."""
    harness = make(max_batch_events=1)
    for name in "abc":
        harness.send(name)
    harness.sink.flush(0)
    os.unlink(harness.segments[0])
    harness.send("d")
    harness.sink.discard(DropReason.CONSENT_WITHDRAWN)

    stats = harness.counters.snapshot()
    assert harness.segments == []
    assert (stats.spooled, stats.dropped) == (1, {"consent_withdrawn": 3})
    assert harness.send("e") is Outcome.DROPPED


def test_events_of_many_threads_are_written_once(make: Callable[..., SpoolHarness]) -> None:
    """No event is lost or written twice."""
    harness = make(max_batch_events=7)
    threads = [
        threading.Thread(
            target=lambda: [
                harness.sink.emit((RESOURCE, SCOPE, scripted_record("a"))) for _ in range(50)
            ]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert harness.events == 200
    assert harness.counters.snapshot().spooled == 200


def test_a_hand_over_after_withdrawn_consent_deletes_the_events(
    make: Callable[..., SpoolHarness],
) -> None:
    """Consent is checked at the hand-over, not with every event, and no uploader starts."""
    harness = make()
    asked: list[str] = []

    def refuse() -> bool:
        asked.append("asked")
        return False

    harness.sink._is_granted = refuse
    harness.send("a")
    harness.send("b")
    assert not asked

    assert harness.sink.shutdown(1)

    assert (harness.segments, harness.launches, len(asked)) == ([], 0, 1)
    assert harness.counters.snapshot().dropped == {"consent_withdrawn": 2}


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
    """Write an event without starting an uploader."""
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
def test_the_resource_equals_that_of_background_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, inherits: bool
) -> None:
    """Only `telemetry.sdk.*` differs, for the SDK is not used."""
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


def test_without_a_home_directory_events_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing raises."""
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "relative")

    assert record(TelemetryConfig(name="acme", delivery="detached"))()


class TestInProcessUploader:
    """Where no process can be started, a thread delivers."""

    def test_the_next_run_delivers(self, tmp_path: Path) -> None:
        """From its start, in a thread that it does not wait for."""
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
        """Its shutdown waits for the thread up to the timeout."""
        with OTLPReceiver() as receiver:
            config = detached(tmp_path, endpoint=receiver.http_endpoint)
            record(config, "/usr/sbin/uwsgi", seconds=20)()

            assert len(receiver.events) == 1
            assert _uploaders() == []

    def test_a_shutdown_waits_for_the_thread_no_longer_than_its_timeout(
        self, tmp_path: Path
    ) -> None:
        """Also with several hand-overs and a slow backend."""
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

    def test_a_thread_starts_no_more_often_than_a_process(self, tmp_path: Path) -> None:
        """Both use the same lock file."""
        config = detached(tmp_path)
        directory = spool_directory(config, "acme")
        assert directory is not None
        leave(config)
        (Path(directory) / UPLOADER_LOCK).touch()
        record(config, "/usr/sbin/uwsgi")()

        assert _uploaders() == []

    def test_a_frozen_program_uses_the_thread(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also if its file is named like a Python."""
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
