"""Encoded records without OpenTelemetry in the process: the same bytes as with its SDK.

Pure standard library.
"""

from __future__ import annotations

import sys

from otel_telemetry.mapping.mapper import Mapper
from otel_telemetry.otlp.encoder import log_record_field, resource_field, scope_field
from otel_telemetry.otlp.requests import EncodedRecord

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.stats import Correction
    from otel_telemetry.types import AttributeValue

_INFO = 9  # SeverityNumber.INFO (specification, logs/data-model, "SeverityNumber")


class EncodingMapper(Mapper[bytes, bytes, EncodedRecord]):
    """Maps the events of one application to encoded records. Thread-safe.

    Args:
        config: The settings.
        cleaner: Makes properties legal.
        base: The attributes that every resource has before its user properties.
        on_correction: As in `Mapper`.
        session_id: As in `Mapper`.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        cleaner: Cleaner,
        *,
        base: Mapping[str, AttributeValue],
        on_correction: Callable[[Correction, int], None],
        session_id: str | None,
    ) -> None:
        self._base = base
        self._scope = config.name, config.version
        super().__init__(
            config,
            cleaner,
            validate=True,  # the encoder raises over an illegal value
            on_correction=on_correction,
            session_id=session_id,
        )

    def _create_resource(self, attributes: dict[str, AttributeValue], dropped_count: int) -> bytes:
        return resource_field({**self._base, **attributes}, dropped_count=dropped_count)

    def _create_scope(self, attributes: dict[str, AttributeValue], dropped_count: int) -> bytes:
        return scope_field(*self._scope, attributes, dropped_count=dropped_count)

    def _create_record(
        self,
        name: str,
        body: str | None,
        timestamp: int,
        observed_timestamp: int,
        attributes: dict[str, AttributeValue],
        dropped_count: int,
        resource: bytes,
        scope: bytes,
        encoded_attributes: list[bytes] | None,
    ) -> EncodedRecord:
        record = log_record_field(
            timestamp,
            observed_timestamp,
            _INFO,
            body,
            attributes,
            name,
            "",
            dropped_count,
            *_active_span(),
            encoded_attributes,
        )
        return resource, scope, record


def _active_span() -> tuple[int, int, int]:
    """Return trace id, span id and flags of the active span, if the program has OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    try:
        span = trace.get_current_span().get_span_context()  # type: ignore[union-attr]  # the except
    except Exception:  # the program has none, or another thread is importing it
        return 0, 0, 0
    return span.trace_id, span.span_id, span.trace_flags
