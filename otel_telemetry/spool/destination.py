"""Where events go: their directory on disk, and what a process that delivers them has to know.

Pure standard library.
"""

from __future__ import annotations

import json
import os

from otel_telemetry._internal import atomic_file, paths, private_directory
from otel_telemetry._internal.digest import digest
from otel_telemetry.config import environment
from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.errors import ConfigurationError
from otel_telemetry.spool import layout

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.config.config import DeliveryConfig

_FILES = ("certificate_file", "client_certificate_file", "client_key_file")
MANIFEST_FIELDS = (
    # Whose they are, and what its code says of permission:
    "name",
    "enabled",
    "consent_version",
    "notice",
    # Where to, and how:
    "endpoint",
    "logs_endpoint",
    "protocol",
    "headers",
    "timeout",
    "compression",
    *_FILES,
    "max_batch_events",
    "max_batch_bytes",
    "spool_max_bytes",
    "spool_max_age",
)
"""The settings that are written down."""


def spool_directory(config: DeliveryConfig, app: str) -> str | None:
    """Return where segments go; None for memory only.

    Each destination has a directory of its own: what was recorded for one backend must never reach
    another when the setting changes. The headers are part of the destination: many backends tell
    their tenants apart by them alone. And each application has one, in a path that several share:
    what its user no longer permits must not leave because another's user does. Only a
    `DeliveryConfig`, whose processor asks nobody, shares it by destination alone.

    Args:
        config: The settings.
        app: The application's name.
    """
    if config.spool is False:
        return None
    if is_apart(config):
        state = paths.state_directory(app, environment.current())
        base = paths.spool(config.spool, app, state)
    else:
        base = str(config.spool)
    if base is None:
        return None
    destination = repr((config.url, sorted(config.headers.items())))
    return os.path.join(base, digest(destination))


def is_apart(config: DeliveryConfig) -> bool:
    """Tell whether what lies beside a destination's directory is the same application's."""
    return config.spool is True or isinstance(config, TelemetryConfig)


def write_manifest(path: str, config: TelemetryConfig) -> None:
    """Write down in the directory *path* where its events go, for whoever delivers them.

    With the headers that code gave, which may be keys: the file is its user's alone, as the
    segments are.

    Raises:
        OSError: It cannot be written.
    """
    said = {name: getattr(config, name) for name in MANIFEST_FIELDS}
    for name in _FILES:
        if said[name] is not None:
            said[name] = os.path.abspath(said[name])
    data = json.dumps(said, default=dict).encode()
    file = os.path.join(path, layout.MANIFEST)
    if atomic_file.read_file(file) != data:
        atomic_file.write_file(file, data)


def read_manifest(path: str) -> TelemetryConfig | None:
    """Return where the events in the directory *path* go; None if nobody says, or it is not so."""
    try:
        private_directory.check(path)
        data = atomic_file.read_file(os.path.join(path, layout.MANIFEST))
        said = {} if data is None else json.loads(data)
        # In the state directory, or in a path that the setting named.
        spools = (True, os.path.dirname(os.path.dirname(path)))
        configs = [TelemetryConfig(**{**said, "spool": spool}) for spool in spools]
    except (OSError, ValueError, TypeError, RecursionError, ConfigurationError):
        return None
    # The events of another application or URL, or with other headers, lie in another directory.
    return next((each for each in configs if spool_directory(each, each.name) == path), None)


def delete_manifest(path: str) -> None:
    """Delete what was written down in the directory *path*; raises OSError."""
    os.unlink(os.path.join(path, layout.MANIFEST))
