"""Every setting: its type, default, values and meaning, and where its value comes from.

A setting is defined once, as a field of `DeliveryConfig` or `TelemetryConfig` and as an entry of
that class's docstring. Beside this, `keyword_arguments` names its type for the constructors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from urllib.parse import urlsplit

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config import environment, validators
from otel_telemetry.config.validators import (
    Setting,
    metadata,
    optional,
    setting,
    settings_of,
    suggest,
)
from otel_telemetry.errors import ConfigurationError

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Literal, TypeVar

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk._logs import LoggerProvider

    from otel_telemetry.catalog import Catalog
    from otel_telemetry.events import BeforeSend

    _Config = TypeVar("_Config", bound="DeliveryConfig")


_MEBIBYTE = 1024 * 1024
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryConfig:
    """How events reach the backend. Immutable. Times are in seconds, sizes in bytes.

    Attributes:
        endpoint: Base URL of an OTLP backend; with HTTP, ``/v1/logs`` is appended. Default: the
            OTEL_EXPORTER_OTLP_* variables, else localhost with port 4318, or 4317 with gRPC.
        logs_endpoint: Full URL for logs, used as it is, for a backend with a path of its own.
        insecure: Whether an endpoint that is set in code may send plain text to another machine.
        protocol: ``"http/protobuf"`` or ``"grpc"``.
        headers: Sent with every request; never shown in `repr`.
        timeout: The longest time that one request may take.
        compression: ``"gzip"`` or ``"none"``.
        certificate_file: PEM file of the authorities to trust instead of the system's.
        client_certificate_file: PEM file of the client's certificate chain.
        client_key_file: PEM file of the client's private key.
        inherit_otel_env: Whether OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES and resource
            detectors apply. Default: only if no endpoint is set.
        flush_interval: The longest time that an event waits until its batch is full.
        max_batch_events: The largest number of events in one request.
        max_batch_bytes: The largest size of one request, before compression.
        max_pending_bytes: Memory for undelivered events; when it is full, new events are dropped.
            With a spool, it holds the open batch and the batch that is being sent.
        spool: Where undelivered events are stored: True for the user's state directory, a path for
            another directory, or False for memory only.
        spool_max_bytes: Disk space for undelivered events; when it is full, the oldest batch is
            deleted.
        spool_max_age: The age at which an undelivered event is dropped.
        shutdown_timeout: The longest time that the last flush may take.
        attribute_count_limit: The largest number of attributes in each bucket; None for no limit.
        attribute_length_limit: The largest number of characters in a str, and of bytes in a bytes
            value; None for no limit.
        meter_provider: A MeterProvider that receives `stats` as metrics, under the names
            ``otel.sdk.*`` of the semantic conventions.
    """

    endpoint: str | None = setting(
        None, optional(validators.BASE_URL), in_manifest=True, is_endpoint=True
    )
    logs_endpoint: str | None = setting(
        None, optional(validators.FULL_URL), in_manifest=True, is_endpoint=True
    )
    insecure: bool = setting(False, validators.BOOL)
    protocol: Literal["http/protobuf", "grpc"] = setting(
        "http/protobuf", validators.one_of("http/protobuf", "grpc"), in_manifest=True
    )
    headers: Mapping[str, str] = setting(
        {}, validators.HEADERS, repr=False, in_manifest=True, belongs_to_endpoint=True
    )
    timeout: float = setting(10, validators.POSITIVE_SECONDS, in_manifest=True)
    compression: Literal["gzip", "none"] = setting(
        "gzip", validators.one_of("gzip", "none"), in_manifest=True
    )
    certificate_file: str | None = setting(
        None, optional(validators.FILE), in_manifest=True, belongs_to_endpoint=True
    )
    client_certificate_file: str | None = setting(
        None, optional(validators.FILE), in_manifest=True, belongs_to_endpoint=True
    )
    client_key_file: str | None = setting(
        None, optional(validators.FILE), in_manifest=True, belongs_to_endpoint=True
    )
    inherit_otel_env: bool = setting(False, validators.BOOL)
    flush_interval: float = setting(1, validators.POSITIVE_SECONDS)
    max_batch_events: int = setting(512, validators.POSITIVE_INT, in_manifest=True)
    max_batch_bytes: int = setting(_MEBIBYTE, validators.POSITIVE_INT, in_manifest=True)
    max_pending_bytes: int = setting(16 * _MEBIBYTE, validators.POSITIVE_INT)
    spool: bool | str = setting(True, validators.SPOOL)
    spool_max_bytes: int = setting(16 * _MEBIBYTE, validators.POSITIVE_INT, in_manifest=True)
    spool_max_age: float = setting(14 * _DAY, validators.UNLIMITED_SECONDS, in_manifest=True)
    shutdown_timeout: float = setting(1, validators.NON_NEGATIVE_SECONDS)
    attribute_count_limit: int | None = setting(128, optional(validators.POSITIVE_INT))
    attribute_length_limit: int | None = setting(None, optional(validators.POSITIVE_INT))
    meter_provider: MeterProvider | None = setting(
        None, optional(validators.METER_PROVIDER), repr=False, in_environment=False
    )

    def __post_init__(self) -> None:
        for name, options in settings_of(self).items():
            object.__setattr__(self, name, options.validator.validate(name, getattr(self, name)))
        if self.protocol == "grpc":
            validators.GRPC_HEADERS.validate("headers", self.headers)
        if (self.client_key_file is None) != (self.client_certificate_file is None):
            raise ConfigurationError(
                "client_certificate_file and client_key_file belong together: set both or neither"
            )

    @property
    def url(self) -> str:
        """The URL of requests: a full URL with HTTP, a base URL with gRPC."""
        if self.protocol == "grpc":
            return self.logs_endpoint or self.endpoint or "http://localhost:4317"
        if self.logs_endpoint is not None:
            return self.logs_endpoint
        base = self.endpoint or "http://localhost:4318"
        # Many give the full URL as the endpoint; its meaning is clear.
        return base if base.endswith("/v1/logs") else f"{base}/v1/logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryConfig(DeliveryConfig):
    """Every setting of `Telemetry`: those of `DeliveryConfig`, and these. Immutable.

    Attributes:
        name: The application's name, sent as ``service.name`` and as the name of the scope.
        version: The application's version, sent as ``service.version`` and as the version of the
            scope.
        enabled: None: off unless the user turns telemetry on. True: on unless the user, an
            administrator or the environment turns it off. False: off.
        consent_version: The version of what is collected. Raise it when you collect more: users who
            agreed to an earlier version are asked again.
        notice: The text of 1 to 6 lines that `Telemetry.show_notice` shows; ``enabled=True`` has no
            effect until the user has seen it.
        resource_attributes: Attributes that are added to the base resource.
        properties_on: ``"resource_and_scope"``; or ``"record"``, which sends user and group
            properties as attributes ``user.*`` and ``group.*`` of the record, for backends that
            cannot handle many resources.
        event_name_in_body: Whether the record's body repeats the event's name as text: many
            backends still drop the field for the name.
        delivery: ``"background"``: a thread of this process delivers the events. ``"detached"``,
            for command-line tools: this process only writes events to the spool, and when it ends
            it starts another process that delivers them.
        detached_interval: With detached delivery, the shortest time between two starts of a process
            that delivers.
        before_send: Hooks that see each event before it leaves, in this order.
        catalog: The declared events; undeclared ones are dropped. Default: every event may leave.
        strict: Whether `send` raises InvalidEventError for wrong input instead of counting it.
        logger_provider: The application's own LoggerProvider of the SDK, which emits the events.
    """

    # `setting` would give this field a default in the eyes of type checkers.
    name: str = field(
        metadata=metadata(Setting(validator=validators.NON_EMPTY_STR, in_manifest=True))
    )
    version: str | None = setting(None, optional(validators.NON_EMPTY_STR))
    enabled: bool | None = setting(
        None,
        optional(validators.BOOL),
        in_environment=False,
        variables="OTEL_TELEMETRY=on or OTEL_TELEMETRY=off",
        in_manifest=True,
    )
    consent_version: int = setting(
        1, validators.POSITIVE_INT, in_environment=False, in_manifest=True
    )
    notice: str | None = setting(
        None, optional(validators.NOTICE), in_environment=False, in_manifest=True
    )
    resource_attributes: Mapping[str, object] = setting({}, validators.ATTRIBUTES)
    properties_on: Literal["resource_and_scope", "record"] = setting(
        "resource_and_scope", validators.one_of("resource_and_scope", "record")
    )
    event_name_in_body: bool = setting(True, validators.BOOL)
    delivery: Literal["background", "detached"] = setting(
        "background", validators.one_of("background", "detached")
    )
    detached_interval: float = setting(3600, validators.NON_NEGATIVE_SECONDS)
    before_send: tuple[BeforeSend, ...] = setting((), validators.HOOKS, in_environment=False)
    catalog: Catalog | None = setting(None, optional(validators.CATALOG), in_environment=False)
    strict: bool = setting(False, validators.BOOL)
    logger_provider: LoggerProvider | None = setting(
        None, optional(validators.LOGGER_PROVIDER), repr=False, in_environment=False
    )

    def __post_init__(self) -> None:
        DeliveryConfig.__post_init__(self)  # not `super()`: `slots` replaces the class
        if self.delivery == "detached":
            if self.spool is False:
                raise ConfigurationError(
                    'delivery="detached" needs a spool: do not set spool=False'
                )
            for name in ("logger_provider", "meter_provider"):
                if getattr(self, name) is not None:
                    raise ConfigurationError(
                        f'delivery="detached" cannot be combined with {name}: another process '
                        "sends the events, and only that process knows the results"
                    )


def resolve(
    config: type[_Config],
    arguments: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    app: str | None = None,
) -> _Config:
    """Return a *config* from the *arguments*, else the environment, else the defaults.

    Args:
        config: The class of the configuration.
        arguments: The settings that are given in code.
        environ: The environment.
        app: The application's name, for the variables that begin with it.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """
    settings = settings_of(config)
    for name in arguments:
        if name not in settings:
            raise ConfigurationError(f"unknown setting {name!r}{suggest(name, settings)}")
    # An endpoint of None means its default, which is the environment's.
    code = {
        name: value
        for name, value in arguments.items()
        if value is not None or not settings[name].is_endpoint
    }
    own = {
        name: value
        for name, value in environment.read_telemetry_variables(
            environ, settings_of(TelemetryConfig)
        ).items()
        if name in settings
    }
    app_endpoint = environment.read_app_endpoint(environ, app) if app else None
    if app_endpoint is not None:
        # The user of the machine names another endpoint, which must not get keys from code.
        code = {name: code[name] for name in code if not settings[name].belongs_to_endpoint}
        values = {**own, **code, "endpoint": app_endpoint, "logs_endpoint": None}
    else:
        if any(settings[name].is_endpoint for name in code):  # one in code replaces both variables
            own = {name: own[name] for name in own if not settings[name].is_endpoint}
        values = {**own, **code}
        if values.get("insecure") is not True:
            _reject_plain_text({name: code[name] for name in code if settings[name].is_endpoint})
    has_endpoint = values.get("endpoint") is not None or values.get("logs_endpoint") is not None
    values.setdefault("inherit_otel_env", not has_endpoint)
    if values["inherit_otel_env"] is True:
        inherited = environment.read_otlp_variables(environ, str(values.get("protocol", "")))
        if has_endpoint:
            inherited = {
                name: inherited[name] for name in inherited if not settings[name].is_endpoint
            }
        values = {**inherited, **values}
    return config(**{**environment.read_attribute_limits(environ), **values})  # type: ignore[arg-type]  # __post_init__ checks


def settings_of_app(app: object) -> dict[str, object]:
    """Return the name and the version of an application as settings.

    Args:
        app: The name, or an object with a `name` and perhaps a `version`.

    Raises:
        ConfigurationError: It is neither.
    """
    if isinstance(app, str):
        return {"name": app}
    name, version = getattr(app, "name", None), getattr(app, "version", None)
    if not isinstance(name, str):
        raise ConfigurationError("app must be a name, or an object that has a name (str)")
    return {"name": name, **({"version": version} if isinstance(version, str) else {})}


def _reject_plain_text(endpoints: Mapping[str, object]) -> None:
    """Raise ConfigurationError if one of the *endpoints* is plain HTTP to another machine."""
    settings = settings_of(DeliveryConfig)
    for name, value in endpoints.items():
        parts = urlsplit(str(settings[name].validator.validate(name, value)))
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise ConfigurationError(
                f"{name} would send events in plain text: use https://, or set insecure=True"
            )


def _is_loopback(host: str) -> bool:
    # Digits only: anyone can own 127.0.0.1.example.com.
    is_address = host.isascii() and host.replace(".", "").isdigit()
    return host in {"localhost", "::1"} or (is_address and host.startswith("127."))
