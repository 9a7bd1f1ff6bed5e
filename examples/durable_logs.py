"""Keep the logs of an application through an outage of the collector and a crash.

`OTLPLogRecordProcessor` replaces BatchLogRecordProcessor with OTLPLogExporter in any
LoggerProvider. Here a child process logs while the collector is down, and kills itself. The next
process delivers its records.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource

from otel_telemetry import OTLPLogRecordProcessor
from otel_telemetry.testing import OTLPReceiver


def provider(endpoint: str, spool: str) -> LoggerProvider:
    """Return a provider that keeps its records in a spool."""
    result = LoggerProvider(Resource({"service.name": "acme-billing"}), shutdown_on_exit=False)
    result.add_log_record_processor(OTLPLogRecordProcessor(endpoint=endpoint, spool=spool))
    return result


def log_and_crash(endpoint: str, spool: str) -> None:
    """Log three records, then kill this process."""
    logger = provider(endpoint, spool).get_logger("billing")
    for number in range(3):
        logger.emit(
            LogRecord(severity_number=SeverityNumber.INFO, body=f"charged invoice {number}")
        )
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    collector = OTLPReceiver()
    with collector:
        endpoint = collector.http_endpoint  # after the block, the collector is down
    with tempfile.TemporaryDirectory() as spool:
        child = subprocess.run([sys.executable, __file__, endpoint, spool], check=False)  # noqa: S603
        print(f"the application was killed by signal {-child.returncode}")
        with collector:
            next_provider = provider(endpoint, spool)
            for record in collector.wait_for_events(3):
                print(f"the collector has: {record.body!r}")
            next_provider.shutdown()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        log_and_crash(*sys.argv[1:])
    main()
