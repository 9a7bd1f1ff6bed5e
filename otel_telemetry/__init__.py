"""Usage telemetry for Python software, on OpenTelemetry.

Off by default, never in the way, and honest about what arrived. Start with
`create_telemetry_instance`.

Inside, an event falls from floor to floor, and imports run the same way:

* `telemetry` is what a program talks to, with `consent` and `lifecycle`; `pipeline` takes an event
  through hooks and checks to one of the `sinks`. Beside it, `preview` only looks, `diversion` is
  for tests, and `uploader` is the process that delivers for others.
* `trust` decides whether anything may leave, and what of it. `delivery` brings bytes to a backend.
* `mapping` makes OpenTelemetry of an event, `otlp` makes bytes of that, `files` keeps them.
* All the other modules here are what everybody shares: settings, values, counts.

`cli`, `integrations` and `testing` stand apart: no program that only sends events imports them.
"""

from __future__ import annotations

from importlib import import_module

# Not from `typing`, which costs every program 3 ms: type checkers know the name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_telemetry.config import DeliveryConfig, TelemetryConfig
    from otel_telemetry.delivery.processor import OTLPLogRecordProcessor
    from otel_telemetry.errors import ConfigurationError, InvalidEventError, TelemetryError
    from otel_telemetry.payload import Event, TelemetryPayload
    from otel_telemetry.receipt import Outcome, Receipt
    from otel_telemetry.stats import Stats
    from otel_telemetry.telemetry import Telemetry, create_telemetry_instance
    from otel_telemetry.trust.catalog import Catalog
    from otel_telemetry.trust.decision import Decision

__all__ = [
    "Catalog",
    "ConfigurationError",
    "Decision",
    "DeliveryConfig",
    "Event",
    "InvalidEventError",
    "OTLPLogRecordProcessor",
    "Outcome",
    "Receipt",
    "Stats",
    "Telemetry",
    "TelemetryConfig",
    "TelemetryError",
    "TelemetryPayload",
    "create_telemetry_instance",
]

_HOMES = {
    "Catalog": "trust.catalog",
    "ConfigurationError": "errors",
    "Decision": "trust.decision",
    "DeliveryConfig": "config",
    "Event": "payload",
    "InvalidEventError": "errors",
    "OTLPLogRecordProcessor": "delivery.processor",
    "Outcome": "receipt",
    "Receipt": "receipt",
    "Stats": "stats",
    "Telemetry": "telemetry",
    "TelemetryConfig": "config",
    "TelemetryError": "errors",
    "TelemetryPayload": "payload",
    "create_telemetry_instance": "telemetry",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562): importing us costs nothing."""
    if name == "__version__":
        return import_module(f"{__name__}.version").VERSION
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
