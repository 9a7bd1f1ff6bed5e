"""Usage telemetry for Python software, on OpenTelemetry.

Off by default, never in the way, and honest about what arrived. Start with
`create_telemetry_instance`.
"""

from __future__ import annotations

from importlib import import_module

# Not from `typing`, which costs every program 3 ms: type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
    from otel_telemetry.config.keyword_arguments import DeliverySettings, TelemetrySettings
    from otel_telemetry.consent.decision import Decision
    from otel_telemetry.errors import ConfigurationError, InvalidEventError, TelemetryError
    from otel_telemetry.events import Event, TelemetryPayload
    from otel_telemetry.export.processor import DurableLogExporter, OTLPLogRecordProcessor
    from otel_telemetry.receipt import Outcome, Receipt
    from otel_telemetry.stats import Stats
    from otel_telemetry.telemetry import Telemetry, create_telemetry_instance

    __version__: str

__all__ = [
    "ConfigurationError",
    "Decision",
    "DeliveryConfig",
    "DeliverySettings",
    "DurableLogExporter",
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
    "TelemetrySettings",
    "create_telemetry_instance",
]

_HOMES = {
    "ConfigurationError": "errors",
    "Decision": "consent.decision",
    "DeliveryConfig": "config.config",
    "DeliverySettings": "config.keyword_arguments",
    "DurableLogExporter": "export.processor",
    "Event": "events",
    "InvalidEventError": "errors",
    "OTLPLogRecordProcessor": "export.processor",
    "Outcome": "receipt",
    "Receipt": "receipt",
    "Stats": "stats",
    "Telemetry": "telemetry",
    "TelemetryConfig": "config.config",
    "TelemetryError": "errors",
    "TelemetryPayload": "events",
    "TelemetrySettings": "config.keyword_arguments",
    "create_telemetry_instance": "telemetry",
}


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name):
        """Import a public name at its first use (PEP 562), so that the package imports quickly."""
        if name == "__version__":
            return import_module(f"{__name__}._internal.version").VERSION
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
