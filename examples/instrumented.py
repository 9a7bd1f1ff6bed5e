"""Send product events and traces of an instrumented app to one collector.

This starts a receiver in place of the collector, runs `flask_app.py` with opentelemetry-instrument,
and shows that each event has the trace id of its request.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from otel_telemetry.testing import OTLPReceiver

APP = Path(__file__).with_name("flask_app.py")
INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")


def main() -> None:
    with OTLPReceiver(http=False, grpc=True) as collector:
        environment = {
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.grpc_endpoint,
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_SERVICE_NAME": "acme-shop",
        }
        command = [str(INSTRUMENT), sys.executable, str(APP)]
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)  # noqa: S603

        spans = {span.trace_id: span for span in collector.spans}
        for event in collector.events:
            if not event.name:  # a log line of the web server, if logging is instrumented
                continue
            span = spans[event.trace_id]
            print(f"{event.name} {event.attributes['items']!r}")
            print(f"  trace {event.trace_id}, within the span {span.name}")


if __name__ == "__main__":
    main()
