"""What this library raises.

* TelemetryError
  + ConfigurationError (also a ValueError): a wrong or unknown setting, or a wrong
    declaration, at construction
  + InvalidEventError (also a ValueError): wrong input to `send`, with ``strict=True`` only

Nothing else reaches the host: after construction, what goes wrong is contained, and counted in
`Telemetry.stats`.
"""

from __future__ import annotations


class TelemetryError(Exception):
    """Base class of everything that this library raises."""


class ConfigurationError(TelemetryError, ValueError):
    """A setting is wrong or unknown, or a declaration is; the message names it and the fix."""


class InvalidEventError(TelemetryError, ValueError):
    """An event cannot be sent as it is; raised by `send` with ``strict=True`` only."""
