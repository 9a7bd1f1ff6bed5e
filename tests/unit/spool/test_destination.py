"""The directory of a destination, and its manifest."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry import TelemetryConfig
from otel_telemetry.spool import destination
from otel_telemetry.spool.destination import read_manifest, spool_directory, write_manifest
from otel_telemetry.spool.layout import MANIFEST


def configured(spool: Path, **changed: Any) -> TelemetryConfig:
    """Return a configuration that sets most of what a manifest holds."""
    settings = {
        "name": "acme",
        "enabled": True,
        "consent_version": 2,
        "endpoint": "https://telemetry.acme.example",
        "headers": {"x-key": "secret"},
        "spool": str(spool),
        "delivery": "detached",
        **changed,
    }
    return TelemetryConfig(**settings)


def manifest_directory(config: TelemetryConfig) -> Path:
    """Write the manifest for *config*; return its directory."""
    path = spool_directory(config, config.name)
    assert path is not None
    write_manifest(path, config)
    return Path(path)


def test_every_setting_of_the_manifest_survives_the_round_trip(tmp_path: Path) -> None:
    """So does the path of the spool; all other settings have their defaults."""
    pem = tmp_path / "a.pem"
    pem.touch()
    values: dict[str, object] = {
        "name": "acme",
        "enabled": True,
        "consent_version": 2,
        "notice": "n",
        "endpoint": "https://telemetry.acme.example",
        "logs_endpoint": "https://telemetry.acme.example/logs",
        "protocol": "grpc",
        "headers": {"x-key": "secret"},
        "timeout": 3,
        "compression": "none",
        "certificate_file": str(pem),
        "client_certificate_file": str(pem),
        "client_key_file": str(pem),
        "max_batch_events": 7,
        "max_batch_bytes": 7000,
        "spool_max_bytes": 70_000,
        "spool_max_age": 60,
    }
    others = {"strict": True, "flush_interval": 9}
    config = configured(tmp_path, **values, **others)

    restored = read_manifest(str(manifest_directory(config)))

    assert set(values) == set(destination.MANIFEST_FIELDS)
    assert restored == configured(tmp_path, **values, delivery="background")
    assert {name: getattr(restored, name) for name in values} == values


def test_a_manifest_in_the_state_directory_can_be_read(tmp_path: Path) -> None:
    """Its configuration has spool=True."""
    config = dataclasses.replace(configured(tmp_path), spool=True)
    restored = read_manifest(str(manifest_directory(config)))

    assert restored is not None
    assert restored.spool is True


def test_a_manifest_in_the_directory_of_another_application_is_ignored(tmp_path: Path) -> None:
    """It does not describe the events there."""
    path = manifest_directory(configured(tmp_path))
    other = tmp_path / "another" / path.name
    other.parent.mkdir()
    path.rename(other)

    assert read_manifest(str(other)) is None


def test_only_the_user_can_read_the_manifest(tmp_path: Path) -> None:
    """Its headers may be keys."""
    path = manifest_directory(configured(tmp_path)) / MANIFEST

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_manifest_is_written_only_when_it_differs(tmp_path: Path) -> None:
    """Most runs would write the same."""
    path = manifest_directory(configured(tmp_path)) / MANIFEST
    first = path.stat().st_ino
    manifest_directory(configured(tmp_path))

    assert path.stat().st_ino == first

    manifest_directory(configured(tmp_path, timeout=3))
    restored = read_manifest(str(path.parent))

    assert restored is not None
    assert restored.timeout == 3


def test_other_headers_are_another_destination(tmp_path: Path) -> None:
    """Many backends know their tenants by a header alone."""
    assert manifest_directory(configured(tmp_path)) != manifest_directory(
        configured(tmp_path, headers={"x-key": "b"})
    )


def test_the_manifest_holds_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The uploader runs in another working directory."""
    (tmp_path / "ca.pem").write_text("")
    monkeypatch.chdir(tmp_path)
    path = manifest_directory(configured(tmp_path, certificate_file="ca.pem"))
    monkeypatch.chdir("/")
    restored = read_manifest(str(path))

    assert restored is not None
    assert restored.certificate_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="no JSON"),
        pytest.param("[" * 50_000, id="too deep"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="no name"),
        pytest.param('{"name": "acme", "colour": "red"}', id="unknown"),
        pytest.param('{"name": "acme", "endpoint": 5}', id="a wrong value"),
        pytest.param('{"name": "acme", "endpoint": "https://else.example"}', id="another URL"),
        pytest.param("x" * 100_000, id="large"),
    ],
)
def test_an_invalid_manifest_is_ignored(tmp_path: Path, text: str) -> None:
    """None of its settings are used."""
    path = manifest_directory(configured(tmp_path))
    (path / MANIFEST).write_text(text)

    assert read_manifest(str(path)) is None


def test_without_a_manifest_there_is_no_configuration(tmp_path: Path) -> None:
    """A symbolic link or a missing directory gives none either."""
    path = manifest_directory(configured(tmp_path))
    (tmp_path / "link").symlink_to(path)

    assert read_manifest(str(tmp_path / "link")) is None
    destination.delete_manifest(str(path))
    assert read_manifest(str(path)) is None
    assert read_manifest(str(tmp_path / "gone")) is None


def test_each_destination_has_a_directory_of_its_own(tmp_path: Path) -> None:
    """It is the same in every process."""
    first = spool_directory(configured(tmp_path), "acme")
    second = spool_directory(configured(tmp_path, endpoint="https://b.example"), "acme")

    assert first is not None
    assert first != second
    assert Path(first).parent == tmp_path / "acme"
    assert first == spool_directory(configured(tmp_path), "acme")


def test_the_manifest_is_a_json_object_of_the_manifest_fields(tmp_path: Path) -> None:
    """A person can read it."""
    settings = json.loads((manifest_directory(configured(tmp_path)) / MANIFEST).read_text())

    assert settings["endpoint"] == "https://telemetry.acme.example"
    assert set(settings) == set(destination.MANIFEST_FIELDS)
