"""Log record processors and the exporter that encode records for a delivery engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_telemetry._internal import fork
from otel_telemetry._internal.log import quiet_log
from otel_telemetry._internal.scalars import SCALARS
from otel_telemetry.config import environment
from otel_telemetry.config.config import DeliveryConfig, resolve
from otel_telemetry.export.engine import DeliveryEngine
from otel_telemetry.mapping.attributes import Cleaner, Limits
from otel_telemetry.mapping.sdk import EventRecord
from otel_telemetry.mapping.values import valid_unicode
from otel_telemetry.otlp.encoder import log_record_field, resource_field, scope_field
from otel_telemetry.receipt import dropped
from otel_telemetry.stats import Counters, DropReason, Stats
from otel_telemetry.types import AttributeValue

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from otel_telemetry.config.keyword_arguments import DeliverySettings


_T = TypeVar("_T")
_INFO = SeverityNumber.INFO.value


class EncodingProcessor(LogRecordProcessor):
    """Encodes each record as it is emitted, and appends it to a delivery engine.

    Does not own the engine: the object that made it ends it.

    Args:
        engine: Queues and delivers the encoded records.
    """

    def __init__(self, engine: DeliveryEngine) -> None:
        self._engine = engine
        self._append = engine.append
        self._cleaner = Cleaner(Limits(count=None))
        self._resources = _Encoded(self._resource_bytes)
        self._scopes = _Encoded(self._scope_bytes)

    def on_emit(self, log_record: ReadWriteLogRecord | ReadableLogRecord) -> None:
        """Encode and queue *log_record* as it is now. Never raises, never waits for the backend."""
        try:
            if isinstance(log_record, EventRecord):
                log_record.receipt = self._append(
                    log_record.resource.otlp,
                    log_record.instrumentation_scope.otlp,
                    self._encode_event(log_record),
                )
            else:
                self._append(
                    self._resources(log_record.resource),
                    self._scopes(log_record.instrumentation_scope),
                    self._encode(log_record),
                )
        except Exception:
            self._engine.counters.drop(DropReason.INVALID)
            quiet_log.warning("a log record was dropped: it cannot be encoded")
            if isinstance(log_record, EventRecord):
                log_record.receipt = dropped(DropReason.INVALID)

    def _encode_event(self, event: EventRecord) -> bytes:
        try:
            return log_record_field(
                event.timestamp,
                event.observed_timestamp,
                _INFO,
                event.body,
                event.attributes,
                event.event_name,
                "",
                event.dropped_count,
                event.trace_id,
                event.span_id,
                event.trace_flags,
                event.encoded_attributes,
            )
        except Exception:
            return self._encode(event)  # which corrects it

    def _encode(self, log_record: ReadWriteLogRecord | ReadableLogRecord) -> bytes:
        record = log_record.log_record
        try:
            if not isinstance(log_record, EventRecord) and not _is_flat(record):
                # Backends refuse a whole request for one value that nests too deep.
                return self._encode_corrected(log_record)
            return _encoded(
                record, record.body, record.attributes or {}, log_record.dropped_attributes
            )
        except Exception:
            # Something in it is not legal: it is corrected.
            return self._encode_corrected(log_record)

    def _encode_corrected(self, log_record: ReadWriteLogRecord | ReadableLogRecord) -> bytes:
        record = log_record.log_record
        attributes, cut, _ = self._cleaner.clean(record.attributes)
        body = self._cleaner.clean({"body": record.body})[0].get("body")
        return _encoded(record, body, attributes, log_record.dropped_attributes + cut)

    def _resource_bytes(self, resource: Resource | None) -> bytes:
        if resource is None:
            return resource_field({})
        attributes, cut, _ = self._cleaner.clean(resource.attributes)
        return resource_field(attributes, dropped_count=cut, schema_url=resource.schema_url or "")

    def _scope_bytes(self, scope: InstrumentationScope | None) -> bytes:
        if scope is None:
            return scope_field("")
        attributes, cut, _ = self._cleaner.clean(scope.attributes)
        return scope_field(
            valid_unicode(scope.name),
            scope.version,
            attributes,
            dropped_count=cut,
            schema_url=scope.schema_url or "",
        )

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send everything now.

        Args:
            timeout_millis: Milliseconds at most; this deadline is kept.

        Returns:
            True only if the backend acknowledged everything in time.
        """
        return self._engine.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Do nothing: the owner of the engine ends it."""


class OTLPLogRecordProcessor(EncodingProcessor):
    """Delivers the records of any LoggerProvider over OTLP. Thread-safe and fork-safe.

    A replacement of BatchLogRecordProcessor with OTLPLogExporter: one bad record does not cost its
    batch, flush and shutdown keep their deadlines and report failures, and `stats` counts the
    outcome of every record.

    Args:
        **settings: The fields of `DeliveryConfig`; missing ones come from OTEL_TELEMETRY_*
            and, without an endpoint, from OTEL_EXPORTER_OTLP_*.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """

    def __init__(self, **settings: Unpack[DeliverySettings]) -> None:
        config = resolve(DeliveryConfig, settings, environment.current())
        engine = DeliveryEngine(config, Counters(), app="otel_telemetry")
        if config.spool is not False:
            engine.ensure_started()
        super().__init__(engine)
        self._shutdown_timeout = config.shutdown_timeout
        fork.watch(engine.after_fork)

    def shutdown(self) -> None:
        """Flush for at most `shutdown_timeout` seconds, then end the engine. Idempotent."""
        self._engine.shutdown(self._shutdown_timeout)

    @property
    def stats(self) -> Stats:
        """The counts of the records so far."""
        return self._engine.counters.snapshot()


class _Encoded(Generic[_T]):
    """A cache of encoded objects, by identity.

    For the SDK's equality ``True``, ``1`` and ``1.0`` are the same, and its hashes cost more than
    encoding.
    """

    _CAPACITY = 512

    def __init__(self, encode: Callable[[_T], bytes]) -> None:
        self._encode = encode
        self._known: dict[int, tuple[object, bytes]] = {}

    def __call__(self, item: _T) -> bytes:
        # Kept with its bytes, so that no other object gets its id.
        known = self._known.get(id(item))
        if known is None:
            if len(self._known) >= self._CAPACITY:
                self._known.clear()
            known = self._known[id(item)] = (item, self._encode(item))
        return known[1]


def _is_flat(record: LogRecord) -> bool:
    attributes = record.attributes or {}
    return type(record.body) in SCALARS and SCALARS.issuperset(map(type, attributes.values()))


def _encoded(
    record: LogRecord,
    body: AttributeValue,
    attributes: Mapping[str, AttributeValue],
    dropped_count: int,
) -> bytes:
    severity = record.severity_number
    return log_record_field(
        timestamp=record.timestamp or 0,
        observed_timestamp=record.observed_timestamp or 0,
        severity_number=0 if severity is None else severity.value,
        severity_text=record.severity_text or "",
        body=body,
        attributes=attributes,
        event_name=record.event_name or "",
        dropped_count=dropped_count,
        trace_id=record.trace_id or 0,
        span_id=record.span_id or 0,
        trace_flags=record.trace_flags or 0,
    )


class DurableLogExporter(LogRecordExporter):
    """Writes records to the spool, from which they are delivered over OTLP. Thread-safe.

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
        """Queue *batch*; never waits for the backend."""
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
        """Flush for at most `shutdown_timeout` seconds, and leave the rest on disk."""
        self._is_shut_down = True
        self._processor.shutdown()
