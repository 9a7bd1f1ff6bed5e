"""The base resource, and the reserved keys."""

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
def test_the_base_resource_has_these_keys_alone(version: str | None) -> None:
    """No host name, user name, address, path or command line."""
    attributes = base_attributes("acme-cms", version)

    assert set(attributes) == ALWAYS | ({"service.version"} if version else set())


def test_no_value_names_the_machine_or_its_user() -> None:
    """And no value has a path."""
    values = [str(value) for value in base_attributes("acme-cms", "5.1.0").values()]

    assert getpass.getuser() not in values
    assert platform.node() not in values
    assert not [value for value in values if os.sep in value or sys.executable in value]


def test_the_values_are_those_of_the_system() -> None:
    """By the names of the semantic conventions."""
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
def test_keys_that_name_the_sender_are_reserved(key: str) -> None:
    """A caller cannot send as another application."""
    assert is_reserved(key)


@pytest.mark.parametrize(
    "key", ["plan", "os.type", "service", "service.names", "telemetry", "user.telemetry.x", ""]
)
def test_anything_else_is_free(key: str) -> None:
    """The rest of the base resource, too: a user property beats it."""
    assert not is_reserved(key)
