"""Send events through the LoggerProvider of the application.

The provider's processors and exporters deliver the events. Telemetry never shuts the provider down.
"""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from otel_telemetry import create_telemetry_instance
from otel_telemetry.testing import OTLPReceiver


def main() -> None:
    with OTLPReceiver() as receiver:
        provider = LoggerProvider(Resource({"service.name": "acme-shop"}), shutdown_on_exit=False)
        exporter = OTLPLogExporter(f"{receiver.http_endpoint}/v1/logs")
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))

        telemetry = create_telemetry_instance("acme-shop", enabled=True, logger_provider=provider)
        for user in ("free", "team"):
            telemetry.send("didSignIn", user_properties={"plan": user})
        telemetry.destroy()  # flushes the provider, and does not shut it down
        provider.shutdown()

        for event in receiver.wait_for_events(2):
            print(f"{event.name} of a user with plan {event.resource['plan']!r}")


if __name__ == "__main__":
    main()
