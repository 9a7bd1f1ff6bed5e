"""The settings as typed keyword arguments, for functions that pass settings on.

The package imports this module for type checkers only: `typing` costs a program milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk._logs import LoggerProvider

    from otel_telemetry.catalog import Catalog
    from otel_telemetry.events import BeforeSend


class DeliverySettings(TypedDict, total=False):
    """The settings of `DeliveryConfig`, which documents them, as keyword arguments.

    Where a setting takes more types in code than its configuration keeps, such as a path-like
    `spool`, it is declared here with all of them.
    """

    endpoint: str | None
    logs_endpoint: str | None
    insecure: bool
    protocol: Literal["http/protobuf", "grpc"]
    headers: Mapping[str, str]
    timeout: float
    compression: Literal["gzip", "none"]
    certificate_file: str | None
    client_certificate_file: str | None
    client_key_file: str | None
    inherit_otel_env: bool
    flush_interval: float
    max_batch_events: int
    max_batch_bytes: int
    max_pending_bytes: int
    spool: bool | str | os.PathLike[str]
    spool_max_bytes: int
    spool_max_age: float
    shutdown_timeout: float
    attribute_count_limit: int | None
    attribute_length_limit: int | None
    meter_provider: MeterProvider | None


class TelemetrySettings(DeliverySettings, total=False):
    """The settings of `TelemetryConfig`, which documents them, as keyword arguments."""

    name: str
    version: str | None
    enabled: bool | None
    consent_version: int
    notice: str | None
    resource_attributes: Mapping[str, object]
    properties_on: Literal["resource_and_scope", "record"]
    event_name_in_body: bool
    delivery: Literal["background", "detached"]
    detached_interval: float
    before_send: BeforeSend | Sequence[BeforeSend]
    catalog: Catalog | None
    strict: bool
    logger_provider: LoggerProvider | None
