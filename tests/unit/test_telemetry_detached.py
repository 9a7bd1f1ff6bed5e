"""The lifecycle with ``delivery="detached"``, in the process that records."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider

from otel_telemetry import ConfigurationError, Outcome, Telemetry
from otel_telemetry.spool.layout import UPLOADER_LOCK, segments_by_owner


def made(spool: Path, **changed: object) -> Telemetry:
    """Return an instance that starts no uploader, because one has just run."""
    given = {"enabled": True, "endpoint": "http://localhost:9", "spool": spool, **changed}
    telemetry = Telemetry("acme", delivery="detached", **given)  # type: ignore[arg-type]  # checked when it runs
    telemetry.bootstrap()
    for directory in spool.glob("*"):
        (directory / UPLOADER_LOCK).touch()
    return telemetry


def directory_of(telemetry: Telemetry, spool: Path) -> Path:
    """Return the directory of its events, with the mark of an uploader that has just started."""
    telemetry.send("first")
    directory = next(spool.iterdir())
    (directory / UPLOADER_LOCK).touch()
    return directory


def test_an_event_is_on_disk_at_once(tmp_path: Path) -> None:
    """No thread starts, nothing waits, and `flush` and `destroy` return False."""
    threads = threading.active_count()
    telemetry = made(tmp_path)
    directory_of(telemetry, tmp_path)
    receipt = telemetry.send("didRun", event_properties={"a": 1})

    assert receipt.outcome is receipt.wait() is Outcome.SPOOLED
    assert threading.active_count() == threads
    assert not telemetry.flush(60)
    assert not telemetry.destroy(60)
    assert telemetry.stats.spooled == 2
    assert telemetry.send("late").outcome is Outcome.DROPPED


def test_a_run_without_events_leaves_nothing(tmp_path: Path) -> None:
    """`flush` and `destroy` return True."""
    telemetry = made(tmp_path)

    assert telemetry.flush()
    assert telemetry.destroy()
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_deletes_the_spooled_events(tmp_path: Path) -> None:
    """And the manifest for the uploader, which may hold keys."""
    telemetry = made(tmp_path, headers={"x-key": "secret"})
    directory = directory_of(telemetry, tmp_path)
    telemetry.consent(granted=False)

    assert segments_by_owner(str(directory)) == {}
    assert [path.name for path in directory.iterdir()] == [UPLOADER_LOCK]
    assert telemetry.stats.dropped == {"consent_withdrawn": 1}
    assert telemetry.send("x").outcome is Outcome.DISABLED


def test_log_mode_prints_events_and_records_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As with background delivery."""
    monkeypatch.setenv("ACME_TELEMETRY", "log")
    telemetry = made(tmp_path, enabled=None)

    assert telemetry.send("didRun").outcome is Outcome.DISABLED
    assert '"event": "didRun"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_detached_delivery_without_a_spool_is_a_configuration_error() -> None:
    """The uploader could not find the events."""
    with pytest.raises(ConfigurationError, match="needs a spool"):
        Telemetry("acme", delivery="detached", spool=False)


def test_detached_delivery_with_a_provider_is_a_configuration_error() -> None:
    """This process neither sends events nor counts what arrives."""
    for settings in ({"logger_provider": LoggerProvider()}, {"meter_provider": MeterProvider()}):
        with pytest.raises(ConfigurationError, match="cannot be combined with"):
            Telemetry("acme", delivery="detached", **settings)
