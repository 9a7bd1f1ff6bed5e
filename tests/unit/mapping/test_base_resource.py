"""What is said of the software itself, and what only the library may say."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from importlib import metadata

import pytest

from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.mapping.values import is_reserved

ALWAYS = {
    *("service.name", "os.type", "os.version", "host.arch"),
    *("process.runtime.name", "process.runtime.version"),
    *("telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"),
    *("telemetry.distro.name", "telemetry.distro.version"),
}


@pytest.mark.parametrize("version", [None, "5.1.0"])
def test_nothing_else_is_said(version: str | None) -> None:
    """No host name, user name, address, path or command line: these keys, and no others."""
    attributes = base_attributes("acme-cms", version)

    assert set(attributes) == ALWAYS | ({"service.version"} if version else set())


def test_no_value_names_the_machine_or_its_user() -> None:
    """Nor where anything lies on it."""
    said = [str(value) for value in base_attributes("acme-cms", "5.1.0").values()]

    assert getpass.getuser() not in said
    assert platform.node() not in said
    assert not [value for value in said if os.sep in value or sys.executable in value]


def test_what_is_said_is_so() -> None:
    """In the words of the semantic conventions."""
    attributes = base_attributes("acme-cms", "5.1.0")

    assert attributes["service.name"] == "acme-cms"
    assert attributes["service.version"] == "5.1.0"
    assert attributes["os.type"] in {"linux", "darwin", "windows"}
    assert attributes["host.arch"] in {"amd64", "arm64", "x86", "ppc64le", "s390x", "riscv64"}
    assert attributes["process.runtime.name"] == "cpython"
    assert attributes["process.runtime.version"] == platform.python_version()
    assert attributes["telemetry.sdk.name"] == "opentelemetry"
    assert attributes["telemetry.sdk.language"] == "python"
    assert attributes["telemetry.sdk.version"] == metadata.version("opentelemetry-sdk")
    assert attributes["telemetry.distro.name"] == "otel-telemetry"
    assert attributes["telemetry.distro.version"] == metadata.version("otel-telemetry")


@pytest.mark.parametrize(
    "key",
    [
        *("service.name", "service.version", "app.installation.id", "log.record.uid"),
        *("telemetry.sdk.name", "telemetry.distro.name", "telemetry.anything"),
    ],
)
def test_what_says_who_speaks_is_reserved(key: str) -> None:
    """Nobody speaks in another's name."""
    assert is_reserved(key)


@pytest.mark.parametrize(
    "key", ["plan", "os.type", "service", "service.names", "telemetry", "user.telemetry.x", ""]
)
def test_anything_else_is_free(key: str) -> None:
    """The rest of the base resource, too: a user property beats it."""
    assert not is_reserved(key)
