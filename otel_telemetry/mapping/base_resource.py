"""The base resource: what every event says of the software that sends it.

It never has the name of the host or the user, an address, a path or a command line. Pure standard
library, without `platform` and `importlib.metadata`, which cost a command-line tool 24 ms.
"""

from __future__ import annotations

import os
import sys

from otel_telemetry._internal.version import VERSION
from otel_telemetry.mapping.attributes import Cleaner, Limits

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_telemetry.types import AttributeValue

DISTRIBUTION = "otel-telemetry"

# Semantic conventions, resource/host: the values of host.arch that systems call otherwise.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "x86", "i686": "x86"}


def base_attributes(
    name: str, version: str | None, installation_id: str | None = None, *, by_sdk: bool = True
) -> dict[str, AttributeValue]:
    """Return the attributes of the base resource for the application *name*.

    Args:
        name: The application's name.
        version: Its version.
        installation_id: A random id, with the user's consent; None for none.
        by_sdk: Whether the OpenTelemetry SDK makes the records. If not, ``telemetry.sdk.*`` names
            this package (semantic conventions, resource/README, "Telemetry SDK").
    """
    system, release, machine = _system()
    attributes: dict[str, AttributeValue] = {
        "service.name": name,
        "telemetry.sdk.name": "opentelemetry" if by_sdk else "otel_telemetry",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": _sdk_version() if by_sdk else VERSION,
        "telemetry.distro.name": DISTRIBUTION,
        "telemetry.distro.version": VERSION,
        "os.type": system.lower(),
        "os.version": release,
        "host.arch": _ARCHITECTURES.get(machine.lower(), machine.lower()),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": sys.version.split()[0],
    }
    if version is not None:
        attributes["service.version"] = version
    if installation_id is not None:
        attributes["app.installation.id"] = installation_id
    return attributes


def with_base(
    configured: Mapping[str, object], base: Mapping[str, AttributeValue]
) -> dict[str, AttributeValue]:
    """Return the *configured* attributes, made legal, with those of the *base*, which win."""
    attributes, _, _ = Cleaner(Limits(count=None)).clean(configured)
    return {**attributes, **base}


def _sdk_version() -> str:
    from importlib import metadata  # noqa: PLC0415 - only beside the SDK, which imports it as well

    return metadata.version("opentelemetry-sdk")


if sys.platform == "win32":

    def _system() -> tuple[str, str, str]:
        import platform  # noqa: PLC0415 - only where the system does not say it in one call

        return platform.system(), platform.release(), platform.machine()

else:

    def _system() -> tuple[str, str, str]:
        uname = os.uname()
        return uname.sysname, uname.release, uname.machine
