"""The paths of files are those of platformdirs, which is not imported on Linux."""

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
def test_the_directories_are_those_of_platformdirs(
    changed: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without each of the XDG variables."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    for name, value in changed.items():
        monkeypatch.setenv(name, value)

    config = platformdirs.user_config_dir("acme-cms", appauthor=False)
    state = platformdirs.user_state_dir("acme-cms", appauthor=False)

    assert paths.consent_file("acme-cms", os.environ) == os.path.join(config, "telemetry.json")
    assert paths.state_directory("acme-cms", os.environ) == os.path.join(state, "telemetry")


def test_on_other_systems_the_directories_come_from_platformdirs() -> None:
    """On macOS and Windows; in this test, platformdirs returns those of this system."""
    config = platformdirs.user_config_dir("acme", appauthor=False)
    state = platformdirs.user_state_dir("acme", appauthor=False)
    site = platformdirs.site_config_dir("acme", appauthor=False)

    assert paths.consent_file("acme", {}, xdg=False) == os.path.join(config, "telemetry.json")
    assert paths.state_directory("acme", {}, xdg=False) == os.path.join(state, "telemetry")
    assert paths.policy_files("acme", {}, xdg=False) == (os.path.join(site, "telemetry.json"),)


@_ON_XDG
def test_xdg_config_dirs_cannot_hide_the_policy_of_the_machine() -> None:
    """It adds directories after those of the machine."""
    machine = ("/etc/acme/telemetry.json", "/etc/xdg/acme/telemetry.json")

    assert paths.policy_files("acme", {}) == machine
    environ = {"XDG_CONFIG_DIRS": "/opt/etc:relative::/etc/xdg"}
    assert paths.policy_files("acme", environ) == (*machine, "/opt/etc/acme/telemetry.json")


@_ON_XDG
def test_without_the_variable_home_the_user_database_names_the_home() -> None:
    """Without a home directory there are no paths, as for some users in containers."""
    assert paths.home_of_user(os.getuid()) == str(Path(f"~{_own_name()}").expanduser())
    assert paths.home_of_user(2**31 - 2) == ""
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
def test_every_application_name_becomes_one_folder_name(app: str, folder: str) -> None:
    """No name leads out of its directory."""
    environ = {"XDG_CONFIG_HOME": "/config", "XDG_STATE_HOME": "/state"}

    assert paths.consent_file(app, environ) == f"/config/{folder}/telemetry.json"
    assert paths.state_directory(app, environ) == f"/state/{folder}/telemetry"
