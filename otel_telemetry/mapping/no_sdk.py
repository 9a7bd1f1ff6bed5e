"""Event → bytes without OpenTelemetry in the process: the same bytes as with it.

Pure standard library.
"""

from __future__ import annotations

import sys

from otel_telemetry.mapping.mapper import Mapper
from otel_telemetry.otlp.encoder import log_record_field, resource_field, scope_field

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.otlp.requests import EncodedRecord
    from otel_telemetry.stats import Correction
    from otel_telemetry.types import AttributeValue

_INFO = 9  # SeverityNumber.INFO (specification, logs/data-model, "SeverityNumber")


def encoded_events(
    config: TelemetryConfig,
    cleaner: Cleaner,
    *,
    base: Mapping[str, AttributeValue],
    on_correction: Callable[[Correction, int], None],
    session: str | None,
) -> Mapper[bytes, bytes, EncodedRecord]:
    """Return what makes encoded records of one application's events.

    Args:
        config: Whose events, and where each of their parts goes.
        cleaner: Makes properties legal.
        base: What every resource has before its user properties.
        on_correction: As in `Mapper`.
        session: As in `Mapper`.
    """
    return Mapper(
        cleaner=cleaner,
        make_resource=lambda attributes, dropped: resource_field(
            {**base, **attributes}, dropped=dropped
        ),
        make_scope=lambda attributes, dropped: scope_field(
            config.name, config.version, attributes, dropped=dropped
        ),
        make_record=_encode,
        on_record=config.properties_on == "record",
        name=config.name,
        name_in_body=config.event_name_in_body,
        validate=True,  # the encoder refuses what is not
        on_correction=on_correction,
        session=session,
    )


def _encode(
    name: str,
    body: str | None,
    timestamp: int,
    observed_timestamp: int,
    attributes: dict[str, AttributeValue],
    dropped: int,
    resource: bytes,
    scope: bytes,
    fields: list[bytes] | None,
) -> EncodedRecord:
    record = log_record_field(
        timestamp,
        observed_timestamp,
        _INFO,
        body,
        attributes,
        name,
        "",
        dropped,
        *_active_span(),
        fields,
    )
    return resource, scope, record


def _active_span() -> tuple[int, int, int]:
    """Return trace id, span id and flags of the active span, if the host has OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    try:
        span = trace.get_current_span().get_span_context()  # type: ignore[union-attr]  # the except
    except Exception:  # it is not there, or half imported by another thread
        return 0, 0, 0
    return span.trace_id, span.span_id, span.trace_flags
