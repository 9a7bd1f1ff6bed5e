"""The events that wait in the spool of an application are listed and deleted."""

from __future__ import annotations

import os
from pathlib import Path

from otel_telemetry import DeliveryConfig, TelemetryConfig
from otel_telemetry.spool import admin, layout
from otel_telemetry.spool.destination import spool_directory
from tests.support.audit import AUDIT
from tests.support.spools import leave

ONE, OTHER = "https://one.example", "https://other.example"


def _leave(config: DeliveryConfig, *segments: str) -> Path:
    directory = spool_directory(config, "acme")
    assert directory is not None
    leave(Path(directory), *segments)
    return Path(directory)


def test_earlier_destinations_belong_to_the_application() -> None:
    """Events for an earlier endpoint still wait."""
    first = _leave(DeliveryConfig(endpoint=ONE), "a,b")
    second = _leave(DeliveryConfig(endpoint=OTHER), "c", "d")
    config = DeliveryConfig(endpoint=ONE)

    assert {first.name, second.name} == {
        os.path.basename(path) for path in admin.directories(config, "acme")
    }
    assert len(admin.segments(config, "acme")) == 3
    assert admin.purge(config, "acme") == 3
    assert admin.segments(config, "acme") == []
    assert admin.segments(config, "another app") == []


def test_in_a_configured_directory_only_the_current_destination_belongs_to_the_application(
    tmp_path: Path,
) -> None:
    """The others may belong to another application."""
    theirs = DeliveryConfig(endpoint=OTHER, spool=str(tmp_path))
    _leave(theirs, "a")
    config = DeliveryConfig(endpoint=ONE, spool=str(tmp_path))
    _leave(config, "b")

    assert admin.purge(config, "acme") == 1
    assert len(admin.segments(theirs, "acme")) == 1


def test_in_a_shared_path_each_application_has_its_own_destinations(tmp_path: Path) -> None:
    """This holds also when two applications use the same backend."""
    shared = {"spool": str(tmp_path), "enabled": True}
    first, before, other = (
        TelemetryConfig(name=name, endpoint=endpoint, **shared)  # type: ignore[arg-type]  # checked
        for name, endpoint in (("acme", ONE), ("acme", OTHER), ("another", ONE))
    )
    for config in (first, before, other):
        directory = spool_directory(config, config.name)
        assert directory is not None
        leave(Path(directory), "a")

    assert admin.purge(first, "acme") == 2
    assert admin.segments(before, "acme") == []
    assert len(admin.segments(other, "another")) == 1


def test_erase_removes_every_file_of_the_spool() -> None:
    """Locks, marks and directories are removed. Foreign files and their directories stay."""
    config, other = DeliveryConfig(endpoint=ONE), DeliveryConfig(endpoint=OTHER)
    kept, gone = _leave(config, "a"), _leave(other, "b")
    for directory in (kept, gone):
        for name in ("uploader.lock", "probe.lock", "backoff", "destination.json"):
            (directory / name).touch()
    (kept / "notes.txt").touch()

    admin.erase(config, "acme")

    assert [path.name for path in kept.iterdir()] == ["notes.txt"]
    assert not gone.exists()

    (kept / "notes.txt").unlink()
    admin.erase(config, "acme")
    admin.erase(DeliveryConfig(spool=False), "acme")

    assert not kept.parent.exists()


def test_erase_keeps_a_configured_directory(tmp_path: Path) -> None:
    """The directory may have other uses."""
    config = DeliveryConfig(endpoint=ONE, spool=str(tmp_path))
    directory = _leave(config, "a")

    admin.erase(config, "acme")

    assert not directory.exists()
    assert tmp_path.exists()


def test_erase_in_a_shared_path_removes_only_its_own_directory(tmp_path: Path) -> None:
    """The path and the files of other applications stay."""
    config = TelemetryConfig(name="acme", endpoint=ONE, spool=str(tmp_path))
    other = TelemetryConfig(name="other", endpoint=ONE, spool=str(tmp_path))
    _leave(config, "a")
    theirs = spool_directory(other, "other")
    assert theirs is not None
    leave(Path(theirs), "b")

    admin.erase(config, "acme")

    assert os.listdir(tmp_path) == ["other"]
    assert os.listdir(theirs)


def test_without_a_spool_no_event_waits() -> None:
    """Events in memory end with their process."""
    config = DeliveryConfig(spool=False)

    assert admin.directories(config, "acme") == []
    assert admin.purge(config, "acme") == 0


def test_foreign_files_stay_and_missing_segments_are_not_counted() -> None:
    """Another process may deliver a segment at the same time."""
    config = DeliveryConfig(endpoint=ONE)
    directory = _leave(config, "a")
    (directory / "notes.txt").write_text("mine", encoding="utf-8")
    (path,) = admin.segments(config, "acme")

    with AUDIT.before("os.remove", lambda: os.rename(path, f"{path}.gone")):
        assert admin.purge(config, "acme") == 0

    assert (directory / "notes.txt").exists()


def test_directory_that_cannot_be_listed_counts_as_empty(tmp_path: Path) -> None:
    """It does not exist, or it is a file."""
    (tmp_path / "file").touch()

    for path in tmp_path / "missing", tmp_path / "file":
        assert layout.segments_by_owner(str(path)) == {}
        assert layout.total_size(str(path)) == 0
