"""What is said of the software itself, in every event: the base resource.

Never the host's name, the user's name, an address, a path or a command line. Pure standard library.
"""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from otel_telemetry.typing import AttributeValue

DISTRIBUTION = "otel-telemetry"

# Semantic conventions, resource/host: values of host.arch, where `platform` says it otherwise.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "x86", "i686": "x86"}


def base_attributes(
    name: str, version: str | None, installation_id: str | None = None
) -> dict[str, AttributeValue]:
    """Return the attributes of the base resource.

    Args:
        name: The application's name.
        version: Its version.
        installation_id: A random id that its user has agreed to.
    """
    machine = platform.machine().lower()
    attributes: dict[str, AttributeValue] = {
        "service.name": name,
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": metadata.version("opentelemetry-sdk"),
        "telemetry.distro.name": DISTRIBUTION,
        "telemetry.distro.version": metadata.version(DISTRIBUTION),
        "os.type": platform.system().lower(),
        "os.version": platform.release(),
        "host.arch": _ARCHITECTURES.get(machine, machine),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
    }
    if version is not None:
        attributes["service.version"] = version
    if installation_id is not None:
        attributes["app.installation.id"] = installation_id
    return attributes
