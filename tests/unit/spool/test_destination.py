"""Where events go: what one process tells another, and what that one makes of it."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry import TelemetryConfig
from otel_telemetry.spool import destination
from otel_telemetry.spool.destination import read_manifest, spool_directory, write_manifest
from otel_telemetry.spool.layout import MANIFEST


def configured(spool: Path, **changed: Any) -> TelemetryConfig:
    """Return settings with most of what a destination has."""
    given = {
        "name": "acme",
        "enabled": True,
        "consent_version": 2,
        "endpoint": "https://telemetry.acme.example",
        "headers": {"x-key": "secret"},
        "spool": str(spool),
        "delivery": "detached",
        **changed,
    }
    return TelemetryConfig(**given)


def told_of(config: TelemetryConfig) -> Path:
    """Tell of *config* in its directory; return that."""
    path = spool_directory(config, config.name)
    assert path is not None
    write_manifest(path, config)
    return Path(path)


def test_what_is_told_is_what_is_needed(tmp_path: Path) -> None:
    """Where to and how, whose they are, and what its code says of permission."""
    config = configured(tmp_path, timeout=3, notice="n", protocol="grpc", spool_max_age=60)
    heard = read_manifest(str(told_of(config)))

    assert heard is not None
    for name in (
        *("name", "enabled", "consent_version", "notice"),
        *("url", "headers", "timeout", "protocol", "compression", "spool_max_age", "spool"),
    ):
        assert getattr(heard, name) == getattr(config, name)


def test_it_is_heard_in_the_state_directory_too(tmp_path: Path) -> None:
    """And only by the application whose directory it is."""
    config = dataclasses.replace(configured(tmp_path), spool=True)
    heard = read_manifest(str(told_of(config)))
    assert heard is not None
    assert heard.spool is True

    path = told_of(configured(tmp_path))
    other = tmp_path / "another" / path.name
    other.parent.mkdir()
    path.rename(other)

    assert read_manifest(str(other)) is None


def test_only_its_user_can_read_it(tmp_path: Path) -> None:
    """There may be keys among the headers."""
    path = told_of(configured(tmp_path)) / MANIFEST

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_written_when_it_differs(tmp_path: Path) -> None:
    """Every run tells; most have nothing new to say."""
    path = told_of(configured(tmp_path)) / MANIFEST
    first = path.stat().st_ino
    told_of(configured(tmp_path))

    assert path.stat().st_ino == first

    told_of(configured(tmp_path, timeout=3))
    heard = read_manifest(str(path.parent))

    assert heard is not None
    assert heard.timeout == 3


def test_other_headers_are_another_destination(tmp_path: Path) -> None:
    """Many backends tell their tenants apart by them alone."""
    assert told_of(configured(tmp_path)) != told_of(configured(tmp_path, headers={"x-key": "b"}))


def test_files_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever delivers works in another directory."""
    (tmp_path / "ca.pem").write_text("")
    monkeypatch.chdir(tmp_path)
    path = told_of(configured(tmp_path, certificate_file="ca.pem"))
    monkeypatch.chdir("/")
    heard = read_manifest(str(path))

    assert heard is not None
    assert heard.certificate_file == str(tmp_path / "ca.pem")


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
def test_what_cannot_be_so_is_not_heard(tmp_path: Path, text: str) -> None:
    """Nothing of it is guessed."""
    path = told_of(configured(tmp_path))
    (path / MANIFEST).write_text(text)

    assert read_manifest(str(path)) is None


def test_nothing_is_heard_where_nothing_is_told(tmp_path: Path) -> None:
    """Nor where the directory is not one, or is gone."""
    path = told_of(configured(tmp_path))
    (tmp_path / "link").symlink_to(path)

    assert read_manifest(str(tmp_path / "link")) is None
    destination.delete_manifest(str(path))
    assert read_manifest(str(path)) is None
    assert read_manifest(str(tmp_path / "gone")) is None


def test_a_destination_has_a_directory_of_its_own(tmp_path: Path) -> None:
    """The same one in every process."""
    first = spool_directory(configured(tmp_path), "acme")
    second = spool_directory(configured(tmp_path, endpoint="https://b.example"), "acme")

    assert first is not None
    assert first != second
    assert Path(first).parent == tmp_path / "acme"
    assert first == spool_directory(configured(tmp_path), "acme")


def test_it_can_be_read_by_a_person(tmp_path: Path) -> None:
    """Plain JSON, and no more in it than that."""
    said = json.loads((told_of(configured(tmp_path)) / MANIFEST).read_text())

    assert said["endpoint"] == "https://telemetry.acme.example"
    assert "before_send" not in said
    assert os.sep not in said["name"]
