"""Our delivery behind the SDK's exporter interface, for set-ups that take nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from otel_telemetry.delivery.processor import OTLPLogRecordProcessor

__all__ = ["DurableLogExporter"]


class DurableLogExporter(LogRecordExporter):
    """Takes records into the spool, from where they are delivered over OTLP. Thread-safe.

    The entry point ``otlp_durable``: ``OTEL_LOGS_EXPORTER=otlp_durable`` under
    ``opentelemetry-instrument``. All settings come from the environment. The SDK's batch processor
    in front of it still holds records in memory for up to a second; `OTLPLogRecordProcessor` in
    code has no such gap.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """

    def __init__(self) -> None:
        self._processor = OTLPLogRecordProcessor()
        self._is_shut_down = False

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Take *batch*; never waits for the backend."""
        if self._is_shut_down:
            return LogRecordExportResult.FAILURE
        for record in batch:
            self._processor.on_emit(record)
        return LogRecordExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """Send everything now; True only if the backend acknowledged it in time.

        Args:
            timeout_millis: Milliseconds at most.
        """
        return self._processor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Flush for as long as the shutdown timeout allows, and leave the rest on disk."""
        self._is_shut_down = True
        self._processor.shutdown()
