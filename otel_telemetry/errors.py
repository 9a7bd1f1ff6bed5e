"""The exceptions that this library raises.

* TelemetryError
  + ConfigurationError (also a ValueError): a wrong or unknown setting, or a wrong
    declaration, at construction
  + InvalidEventError (also a ValueError): wrong input to `send`, with ``strict=True`` only

No other exception reaches the application: after construction, the library handles every error and
counts it in `Telemetry.stats`.
"""

from __future__ import annotations


class TelemetryError(Exception):
    """Base class of the exceptions that this library raises."""


class ConfigurationError(TelemetryError, ValueError):
    """A setting is wrong or unknown, or a declaration is wrong; the message names the fix."""


class InvalidEventError(TelemetryError, ValueError):
    """An event cannot be sent as it is; raised by `send` with ``strict=True`` only."""
