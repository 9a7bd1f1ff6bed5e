"""Destinations: a spool directory for each, and the manifest that the detached uploader reads.

Pure standard library.
"""

from __future__ import annotations

import json
import os

from otel_telemetry._internal import atomic_file, paths, private_directory
from otel_telemetry._internal.digest import digest
from otel_telemetry.config import environment
from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.config.validators import settings_of
from otel_telemetry.errors import ConfigurationError
from otel_telemetry.spool import layout

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.config.config import DeliveryConfig

_MANIFEST_SETTINGS = {
    name: setting for name, setting in settings_of(TelemetryConfig).items() if setting.in_manifest
}

MANIFEST_FIELDS = tuple(_MANIFEST_SETTINGS)
"""The names of the settings that the manifest holds."""


def spool_directory(config: DeliveryConfig, app: str) -> str | None:
    """Return the directory for the segments of a destination; None for memory only.

    Each destination has a directory of its own, so that events for one backend never reach another
    when the setting changes. A destination is a URL with its headers, since many backends know
    their tenants by a header alone. Each application has a directory of its own too, even where
    several share the path of `spool`: consent given to one of them is not consent given to another.
    Only a `DeliveryConfig`, which knows no consent, shares a directory with others.

    Args:
        config: The configuration.
        app: The application's name.
    """
    if config.spool is False:
        return None
    if is_apart(config):
        state = paths.state_directory(app, environment.current())
        base = paths.spool_root(config.spool, app, state)
    else:
        base = str(config.spool)
    if base is None:
        return None
    destination = repr((config.url, sorted(config.headers.items())))
    return os.path.join(base, digest(destination))


def is_apart(config: DeliveryConfig) -> bool:
    """Return whether the directories beside the destination's belong to the same application."""
    return config.spool is True or isinstance(config, TelemetryConfig)


def write_manifest(path: str, config: TelemetryConfig) -> None:
    """Write the settings that the detached uploader needs into the spool directory *path*.

    Headers may be keys: only the user can read the file, like the segments.

    Raises:
        OSError: It cannot be written.
    """
    settings = {name: getattr(config, name) for name in _MANIFEST_SETTINGS}
    for name, setting in _MANIFEST_SETTINGS.items():
        if setting.validator.is_file and settings[name] is not None:
            settings[name] = os.path.abspath(settings[name])
    data = json.dumps(settings, default=dict).encode()
    file = os.path.join(path, layout.MANIFEST)
    if atomic_file.read_file(file) != data:
        atomic_file.write_file(file, data)


def read_manifest(path: str) -> TelemetryConfig | None:
    """Return the configuration for the events in *path*; None without a valid manifest for it."""
    try:
        private_directory.check(path)
        data = atomic_file.read_file(os.path.join(path, layout.MANIFEST))
        settings = {} if data is None else json.loads(data)
        # The directory is in the state directory, or in the path that `spool` names.
        spools = (True, os.path.dirname(os.path.dirname(path)))
        configs = [TelemetryConfig(**{**settings, "spool": spool}) for spool in spools]
    except (OSError, ValueError, TypeError, RecursionError, ConfigurationError):
        return None
    # Else the manifest is for another directory: that of another application, URL or headers.
    return next((each for each in configs if spool_directory(each, each.name) == path), None)


def delete_manifest(path: str) -> None:
    """Delete the manifest in the directory *path*; raises OSError."""
    os.unlink(os.path.join(path, layout.MANIFEST))
