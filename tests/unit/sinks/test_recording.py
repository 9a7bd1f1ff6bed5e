"""Events recorded for another process, from what the settings ask for to who delivers."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs

from otel_telemetry import TelemetryConfig
from otel_telemetry._internal.private_directory import secure
from otel_telemetry.export.consent_gate import Permission
from otel_telemetry.mapping.attributes import Cleaner
from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.pipeline.sdk_sinks import base_resource
from otel_telemetry.pipeline.spool_sink import recording
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.spool.layout import UPLOADER_LOCK
from otel_telemetry.stats import Counters
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.records import recorded


def record(
    config: TelemetryConfig, executable: str | None = None, seconds: float = 0
) -> Callable[[], bool]:
    """Record an event; return what ends the process's part in it."""
    events, recorder = recording(
        config,
        Counters(),
        "id",
        Cleaner(),
        lambda _kind, _count: None,
        permission=Permission(),
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
    events, _ = recording(
        config,
        Counters(),
        "id",
        Cleaner(),
        lambda _kind, _count: None,
        permission=Permission(),
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
