"""Where files lie: where platformdirs says, without importing it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from otel_telemetry._internal import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_XDG = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="has other places")

_ENVIRONMENTS: tuple[Mapping[str, str], ...] = (
    {},
    {"XDG_CONFIG_HOME": "/somewhere/config", "XDG_STATE_HOME": "/somewhere/state"},
    {"XDG_CONFIG_HOME": "", "XDG_STATE_HOME": " "},
    {"XDG_CONFIG_HOME": "relative", "XDG_STATE_HOME": "relative"},
    {"HOME": "/home/of its own"},
)


@_ON_XDG
@pytest.mark.parametrize("changed", _ENVIRONMENTS, ids=str)
def test_places_are_those_of_platformdirs(
    changed: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the XDG variables say, or do not."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    for name, value in changed.items():
        monkeypatch.setenv(name, value)

    config = platformdirs.user_config_dir("acme-cms", appauthor=False)
    state = platformdirs.user_state_dir("acme-cms", appauthor=False)

    assert paths.consent_file("acme-cms", os.environ) == os.path.join(config, "telemetry.json")
    assert paths.state_directory("acme-cms", os.environ) == os.path.join(state, "telemetry")


def test_elsewhere_platformdirs_is_asked_itself() -> None:
    """On macOS and Windows: here it answers for this system."""
    config = platformdirs.user_config_dir("acme", appauthor=False)
    state = platformdirs.user_state_dir("acme", appauthor=False)
    site = platformdirs.site_config_dir("acme", appauthor=False)

    assert paths.consent_file("acme", {}, xdg=False) == os.path.join(config, "telemetry.json")
    assert paths.state_directory("acme", {}, xdg=False) == os.path.join(state, "telemetry")
    assert paths.policy_files("acme", {}, xdg=False) == (os.path.join(site, "telemetry.json"),)


@_ON_XDG
def test_a_policy_of_the_machine_cannot_be_hidden_by_a_variable() -> None:
    """XDG_CONFIG_DIRS adds places; those of the machine stay the first to be looked at."""
    machine = ("/etc/acme/telemetry.json", "/etc/xdg/acme/telemetry.json")

    assert paths.policy_files("acme", {}) == machine
    said = {"XDG_CONFIG_DIRS": "/opt/etc:relative::/etc/xdg"}
    assert paths.policy_files("acme", said) == (*machine, "/opt/etc/acme/telemetry.json")


@_ON_XDG
def test_without_a_home_there_is_the_one_of_record_or_no_place() -> None:
    """A daemon has no HOME; a container's user may have no home at all."""
    assert paths.home_of_record(os.getuid()) == str(Path(f"~{_own_name()}").expanduser())
    assert paths.home_of_record(2**31 - 2) == ""
    assert paths.consent_file("acme", {"HOME": "relative"}) is None
    assert paths.state_directory("acme", {"HOME": "relative"}) is None
    assert paths.state_directory("acme", {}) is not None


def _own_name() -> str:
    done = subprocess.run(["id", "-un"], capture_output=True, check=True, text=True)
    return done.stdout.strip()


@_ON_XDG
@pytest.mark.parametrize(
    ("app", "folder"),
    [
        ("acme-cms", "acme-cms"),
        ("Acme CMS 5.1", "Acme CMS 5.1"),
        ("Käse", "Käse"),
        ("@acme/cms", "_acme_cms"),
        ("../../etc", "_.._etc"),
        ("..", "_"),
        (".hidden", "hidden"),
        ("a\x00b\nc\\d:e", "a_b_c_d_e"),
        (" padded ", "padded"),
    ],
)
def test_every_name_is_that_of_one_folder(app: str, folder: str) -> None:
    """No application's name leads out of the place that is for it."""
    environ = {"XDG_CONFIG_HOME": "/config", "XDG_STATE_HOME": "/state"}

    assert paths.consent_file(app, environ) == f"/config/{folder}/telemetry.json"
    assert paths.state_directory(app, environ) == f"/state/{folder}/telemetry"
