"""The stock OpenTelemetry SDK, made to send the same records by hand.

One provider, one batch processor, one OTLP exporter; the caller keeps a Resource per user and a
scope per group. That is the best one can do with the SDK alone.
"""

# Packages are imported when a connection is made: the registry must not load what it describes.
# ruff: noqa: PLC0415

from __future__ import annotations

import time
from random import getrandbits
from typing import TYPE_CHECKING

from benchmarks.systems.base import Connection, System

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from benchmarks.workload import Event


def _connect(endpoint: str, state: str) -> Connection:
    del state  # it keeps nothing on disk
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider, ReadWriteLogRecord
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    base = Resource.create({"service.name": "bench", "service.version": "1"})
    provider = LoggerProvider(resource=base)
    exporter = OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", compression=Compression.Gzip)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    emit = provider.get_logger("bench", "1").emit
    resources: dict[str, Resource] = {}
    scopes: dict[str, InstrumentationScope] = {}

    def send(event: Event) -> None:
        resource = resources.get(event.user_id)
        if resource is None:
            resource = base.merge(Resource(event.user_properties))
            resources[event.user_id] = resource
        scope = scopes.get(event.group_id)
        if scope is None:
            scope = InstrumentationScope("bench", "1", attributes=event.group_properties)
            scopes[event.group_id] = scope
        now = time.time_ns()
        record = LogRecord(
            timestamp=now,
            observed_timestamp=now,
            severity_number=SeverityNumber.INFO,
            body=event.name,
            event_name=event.name,
            attributes={**event.event_properties, "log.record.uid": f"{getrandbits(128):032x}"},
        )
        # The SDK takes its own record type here, whatever the API's annotation says.
        emit(ReadWriteLogRecord(record, resource=resource, instrumentation_scope=scope))  # type: ignore[call-overload]

    return Connection(send=send, flush=provider.force_flush, close=provider.shutdown)


SYSTEMS = (
    System(
        name="stock",
        title="OpenTelemetry SDK (stock)",
        distribution="opentelemetry-sdk",
        module="opentelemetry.exporter.otlp.proto.http",
        import_line=(
            "from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter; "
            "from opentelemetry.sdk._logs import LoggerProvider; "
            "from opentelemetry.sdk._logs.export import BatchLogRecordProcessor"
        ),
        connect=_connect,
        remark="gzip; the caller keeps a Resource per user and a scope per group",
    ),
)
