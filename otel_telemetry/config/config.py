"""Every setting: its meaning, its default, and where its value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from urllib.parse import urlsplit

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config import environment, validators
from otel_telemetry.config.validators import Validator, optional
from otel_telemetry.errors import ConfigurationError

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Literal, TypeVar

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk._logs import LoggerProvider

    from otel_telemetry.catalog import Catalog
    from otel_telemetry.events import BeforeSend

    _Config = TypeVar("_Config", bound="DeliveryConfig")


_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryConfig:
    """How events reach the backend. Times in seconds, sizes in bytes. Immutable.

    Attributes:
        endpoint: Base URL of an OTLP backend; ``/v1/logs`` is added for HTTP. Default: what the
            OTEL_EXPORTER_OTLP_* environment says, else localhost, port 4318 or, for gRPC, 4317.
        logs_endpoint: The full URL for logs, taken as it is, for a backend with a path of its own.
        insecure: Permit plain text to a host that is not loopback, where the endpoint is given in
            code.
        protocol: ``"http/protobuf"`` or ``"grpc"``.
        headers: Sent with every request; never shown in `repr`.
        timeout: For one request.
        compression: ``"gzip"`` or ``"none"``.
        certificate_file: PEM file of the authorities to trust instead of the system's.
        client_certificate_file: PEM file of our own certificate chain.
        client_key_file: PEM file of its key.
        inherit_otel_env: Whether OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES and resource
            detectors apply. Default: only if no endpoint is given.
        flush_interval: The longest that an event waits for its batch to fill.
        max_batch_events: Events in one request.
        max_batch_bytes: Bytes of one request before compression.
        max_pending_bytes: Memory for events not yet delivered; beyond it, new events are dropped.
            With a spool, that is the open batch and the one being sent.
        spool: Where events are kept until they are delivered, beside memory: True for the user's
            state directory, a path, or False for memory only.
        spool_max_bytes: Disk for events not yet delivered; beyond it, the oldest batch goes first.
        spool_max_age: After which an event is given up.
        shutdown_timeout: For the last flush.
        attribute_count_limit: Attributes kept of each bucket; None for no limit.
        attribute_length_limit: Characters kept of a str, bytes of a bytes value; None for no limit.
        meter_provider: Where to show `stats` as metrics, under the names ``otel.sdk.*`` of the
            semantic conventions.
    """

    endpoint: str | None = None
    logs_endpoint: str | None = None
    insecure: bool = False
    protocol: Literal["http/protobuf", "grpc"] = "http/protobuf"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10
    compression: Literal["gzip", "none"] = "gzip"
    certificate_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None
    inherit_otel_env: bool = False
    flush_interval: float = 1
    max_batch_events: int = 512
    max_batch_bytes: int = _MEBIBYTE
    max_pending_bytes: int = 16 * _MEBIBYTE
    spool: bool | str = True
    spool_max_bytes: int = 16 * _MEBIBYTE
    spool_max_age: float = 14 * 24 * 3600
    shutdown_timeout: float = 1
    attribute_count_limit: int | None = 128
    attribute_length_limit: int | None = None
    meter_provider: MeterProvider | None = field(default=None, repr=False)

    # No annotation: it is the class's, and no field.
    kinds = MappingProxyType(
        {
            "endpoint": optional(validators.URL),
            "logs_endpoint": optional(validators.FULL_URL),
            "insecure": validators.FLAG,
            "protocol": validators.choice("http/protobuf", "grpc"),
            "headers": validators.HEADERS,
            "timeout": validators.DURATION,
            "compression": validators.choice("gzip", "none"),
            "certificate_file": optional(validators.FILE),
            "client_certificate_file": optional(validators.FILE),
            "client_key_file": optional(validators.FILE),
            "inherit_otel_env": validators.FLAG,
            "flush_interval": validators.DURATION,
            "max_batch_events": validators.WHOLE,
            "max_batch_bytes": validators.WHOLE,
            "max_pending_bytes": validators.WHOLE,
            "spool": validators.SPOOL,
            "spool_max_bytes": validators.WHOLE,
            "spool_max_age": validators.AGE,
            "shutdown_timeout": validators.SECONDS,
            "attribute_count_limit": optional(validators.WHOLE),
            "attribute_length_limit": optional(validators.WHOLE),
            "meter_provider": optional(validators.METER_PROVIDER),
        }
    )

    def __post_init__(self) -> None:
        for name, kind in self.kinds.items():
            object.__setattr__(self, name, kind.checked(name, getattr(self, name)))
        if self.protocol == "grpc":
            validators.METADATA.checked("headers", self.headers)
        if (self.client_key_file is None) != (self.client_certificate_file is None):
            raise ConfigurationError(
                "client_certificate_file and client_key_file belong together: give both or neither"
            )

    @property
    def url(self) -> str:
        """Where requests go: the full URL for HTTP, the base URL for gRPC."""
        if self.protocol == "grpc":
            return self.logs_endpoint or self.endpoint or "http://localhost:4317"
        if self.logs_endpoint is not None:
            return self.logs_endpoint
        base = self.endpoint or "http://localhost:4318"
        # Given the full URL by mistake, as many are: it can mean only one thing.
        return base if base.endswith("/v1/logs") else f"{base}/v1/logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryConfig(DeliveryConfig):
    """Every setting of `Telemetry`: those of `DeliveryConfig`, and these.

    Attributes:
        name: The application's name: ``service.name``, and the scope's name.
        version: Its version: ``service.version``, and the scope's version.
        enabled: None: the user's choice, else off. True: on unless anybody denies it. False: off.
        consent_version: Which version of what is collected this is; raise it when that grows, and
            those who agreed to an earlier one are asked again.
        notice: What the user must have seen before ``enabled=True`` counts: 1 to 6 lines, shown by
            `Telemetry.show_notice`.
        resource_attributes: Joined to the base resource.
        properties_on: ``"resource_and_scope"``, or ``"record"``: user and group properties become
            attributes ``user.*`` and ``group.*`` of the record, for backends that cannot take many
            resources.
        event_name_in_body: The event's name also as the record's body, a display string: many
            backends still drop the field for the name.
        delivery: ``"background"``: a thread of this process delivers. ``"detached"``, for
            command-line tools: this process only records to the spool, and at its end starts
            another one that delivers.
        detached_interval: With detached delivery, start no process that delivers within this time
            after the last.
        before_send: Hooks that see each event before it leaves, in order.
        catalog: The declared events; what is not declared does not leave. Default: anything may.
        strict: Raise InvalidEventError for wrong input to `send`, instead of counting it.
        logger_provider: Emit through the application's own SDK LoggerProvider.
    """

    name: str
    version: str | None = None
    enabled: bool | None = None
    consent_version: int = 1
    notice: str | None = None
    resource_attributes: Mapping[str, object] = field(default_factory=dict)
    properties_on: Literal["resource_and_scope", "record"] = "resource_and_scope"
    event_name_in_body: bool = True
    delivery: Literal["background", "detached"] = "background"
    detached_interval: float = 3600
    before_send: tuple[BeforeSend, ...] = ()
    catalog: Catalog | None = None
    strict: bool = False
    logger_provider: LoggerProvider | None = field(default=None, repr=False)

    kinds = MappingProxyType(
        {
            **DeliveryConfig.kinds,
            "name": validators.TEXT,
            "version": optional(validators.TEXT),
            "enabled": optional(validators.FLAG),
            "consent_version": validators.VERSION,
            "notice": optional(validators.NOTICE),
            "resource_attributes": validators.ATTRIBUTES,
            "properties_on": validators.choice("resource_and_scope", "record"),
            "event_name_in_body": validators.FLAG,
            "delivery": validators.choice("background", "detached"),
            "detached_interval": validators.SECONDS,
            "before_send": validators.HOOKS,
            "catalog": optional(validators.CATALOG),
            "strict": validators.FLAG,
            "logger_provider": optional(validators.LOGGER_PROVIDER),
        }
    )

    def __post_init__(self) -> None:
        DeliveryConfig.__post_init__(self)  # `super` knows not of the class that `slots` makes
        if self.delivery == "detached":
            if self.spool is False:
                raise ConfigurationError('delivery="detached" needs a spool: leave spool on')
            for name in ("logger_provider", "meter_provider"):
                if getattr(self, name) is not None:
                    raise ConfigurationError(
                        f'delivery="detached" and {name} exclude each other: this process neither '
                        "sends events nor learns what becomes of them"
                    )


_WHERE: Mapping[str, Validator] = {"endpoint": validators.URL, "logs_endpoint": validators.FULL_URL}
_KEYS = frozenset({"headers", "certificate_file", "client_certificate_file", "client_key_file"})


def resolve(
    config: type[_Config],
    given: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    app: str | None = None,
) -> _Config:
    """Return a *config*: *given* before the environment before the defaults.

    Args:
        config: The class to make.
        given: The settings that code gave.
        environ: The environment.
        app: The application's name, for its own variables.

    Raises:
        ConfigurationError: A setting is wrong or unknown.
    """
    for name in given:
        if name not in config.kinds:
            raise ConfigurationError(f"unknown setting {name!r}{_nearest(name, config.kinds)}")
    # None for an endpoint leaves it to the environment, as its default does.
    given = {name: given[name] for name in given if given[name] is not None or name not in _WHERE}
    own = environment.own_settings(environ, TelemetryConfig.kinds, _nearest)
    own = {name: value for name, value in own.items() if name in config.kinds}
    own_endpoint = environment.app_endpoint(environ, app) if app else None
    if own_endpoint is not None:
        # The machine's owner points us at a collector of theirs. What code gave may be keys of the
        # maintainer's: they stay here.
        kept = {name: given[name] for name in given if name not in _KEYS}
        values = {**own, **kept, "endpoint": own_endpoint, "logs_endpoint": None}
    else:
        if any(name in given for name in _WHERE):  # one argument beats both variables
            own = {name: own[name] for name in own if name not in _WHERE}
        values = {**own, **given}
        _check_plain_text(given, insecure=values.get("insecure") is True)
    explicit = values.get("endpoint") is not None or values.get("logs_endpoint") is not None
    values.setdefault("inherit_otel_env", not explicit)
    if values["inherit_otel_env"] is True:
        inherited = environment.otel_settings(environ, str(values.get("protocol", "")))
        if explicit:
            inherited = {name: inherited[name] for name in inherited if "endpoint" not in name}
        values = {**inherited, **values}
    return config(**{**environment.limit_settings(environ), **values})  # type: ignore[arg-type]  # __post_init__ checks


def app_settings(app: object) -> dict[str, object]:
    """Return what an application, a name or an object with a name, says of itself, as settings."""
    if isinstance(app, str):
        return {"name": app}
    name, version = getattr(app, "name", None), getattr(app, "version", None)
    if not isinstance(name, str):
        raise ConfigurationError("app must be a name, or an object with a name (str)")
    return {"name": name, **({"version": version} if isinstance(version, str) else {})}


def _check_plain_text(given: Mapping[str, object], *, insecure: bool) -> None:
    for name, kind in _WHERE.items():
        if insecure or name not in given:
            continue
        parts = urlsplit(str(kind.checked(name, given[name])))
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise ConfigurationError(
                f"{name} would send events in plain text: use https://, or set insecure=True"
            )


def _is_loopback(host: str) -> bool:
    # All digits: 127.0.0.1.example.com is anybody's.
    is_address = host.isascii() and host.replace(".", "").isdigit()
    return host in {"localhost", "::1"} or (is_address and host.startswith("127."))


def _nearest(name: str, known: Mapping[str, object]) -> str:
    """Say which known setting *name* was meant to be, as the tail of a message."""
    import difflib  # noqa: PLC0415 - milliseconds that only a mistake costs

    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}"
