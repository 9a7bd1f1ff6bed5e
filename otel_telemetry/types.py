"""The vocabulary of the public surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    import dataclasses
    import os
    from typing import Any

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk._logs import LoggerProvider

    from otel_telemetry.catalog import Catalog
    from otel_telemetry.events import Event

__all__ = [
    "App",
    "AttributeValue",
    "BeforeSend",
    "DeliverySettings",
    "Properties",
    "TelemetrySettings",
    "TypedEvent",
]

_Scalar: TypeAlias = "str | bool | int | float | bytes | None"
# In one piece: to some type checkers, a str put together of several says nothing.
AttributeValue: TypeAlias = "_Scalar | Sequence[AttributeValue] | Mapping[str, AttributeValue]"
"""A legal attribute value (OpenTelemetry specification, common/README, "AnyValue")."""

Properties = Mapping[str, object]
"""A bucket of properties as the caller gives it: any values, made legal at `send`."""


class App(Protocol):
    """An application that names itself; it may also have a `version` (str)."""

    @property
    def name(self) -> str:
        """The name, as in ``service.name``."""


class TypedEvent(Protocol):
    """An instance of a class decorated with `otel_telemetry.catalog.event`.

    Type checkers know such a class as a dataclass, and other dataclasses pass for one; `send` tells
    them apart.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


BeforeSend = Callable[["Event"], "Event | None"]
"""A hook that sees each event before it leaves.

It gets the event with its values made legal, as frozen as its buckets, and returns it, another one,
or None to drop it. Several threads may call it at once. If it raises, the event is dropped and
counted, never sent as it was.
"""


class DeliverySettings(TypedDict, total=False):
    """The settings of `DeliveryConfig`, as keyword arguments."""

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
    """The settings of `TelemetryConfig`, as keyword arguments."""

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
