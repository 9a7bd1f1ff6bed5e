"""A pipeline whose events stay in the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.pipeline.pipeline import create_pipeline
from otel_telemetry.stats import Counters

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from opentelemetry.sdk._logs import ReadableLogRecord

    from otel_telemetry.receipt import Receipt
    from otel_telemetry.types import Properties


class AppPipeline:
    """A pipeline on an application's provider, and the records that its processors get."""

    def __init__(self, **settings: object) -> None:
        self._exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(self._exporter))
        self.counters = Counters()
        settings = {"name": "acme", "version": "5.1.0", "logger_provider": provider, **settings}
        self.config = TelemetryConfig(**settings)  # type: ignore[arg-type]  # it checks them
        self.pipeline = create_pipeline(self.config, self.counters, ConsentGate())

    def send(
        self,
        name: object = "e",
        event: Mapping[str, object] | None = None,
        user: Mapping[str, object] | None = None,
        group: Mapping[str, object] | None = None,
        *,
        payload: object = None,
        moment: datetime.datetime | int | None = None,
    ) -> Receipt:
        """Send an event."""
        buckets: tuple[Properties | None, ...] = (event, user, group)
        if payload is not None:
            buckets = self.pipeline.unpack(payload, event, user, group)
        return self.pipeline.send(name, buckets[0], buckets[1], buckets[2], moment)

    @property
    def records(self) -> tuple[ReadableLogRecord, ...]:
        """The records."""
        return self._exporter.get_finished_logs()

    @property
    def record(self) -> ReadableLogRecord:
        """The last record."""
        return self.records[-1]

    @property
    def buckets(self) -> tuple[object, object, object]:
        """The buckets of the last record, without the attributes that every record has."""
        base = base_attributes("acme", "5.1.0").keys() | {UID}
        found = (
            self.record.log_record.attributes,
            self.record.resource.attributes,
            self.record.instrumentation_scope and self.record.instrumentation_scope.attributes,
        )
        event, user, group = (
            {key: value for key, value in (item or {}).items() if key not in base} for item in found
        )
        return event, user, group
