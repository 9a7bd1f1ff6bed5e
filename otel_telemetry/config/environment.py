"""What the environment says, as settings. The only reader of `os.environ`.

Three families, and nothing of one leaks into another:

* OTEL_TELEMETRY_<FIELD>: ours, for any application that uses this library.
* <APP>_TELEMETRY and <APP>_TELEMETRY_ENDPOINT: one application's own; they belong to its user.
* OTEL_EXPORTER_OTLP_*: the application's OpenTelemetry set-up; read only where it is inherited,
  with the meaning that the stock Python exporters give them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.config import validators
from otel_telemetry.config.validators import Validator
from otel_telemetry.errors import ConfigurationError

_PREFIX = "OTEL_TELEMETRY_"
_SWITCHES = frozenset({"OTEL_TELEMETRY", "OTEL_SDK_DISABLED"})
_NEVER_HERE = {"enabled": "OTEL_TELEMETRY=on or off"}

_OTLP_FIELDS = {
    "TIMEOUT": ("timeout", validators.DURATION),
    "CERTIFICATE": ("certificate_file", validators.FILE),
    "CLIENT_CERTIFICATE": ("client_certificate_file", validators.FILE),
    "CLIENT_KEY": ("client_key_file", validators.FILE),
    "PROTOCOL": ("protocol", validators.choice("http/protobuf", "grpc")),
}


def current() -> Mapping[str, str]:
    """Return a copy of the environment as it is now."""
    return dict(_pairs())


def _pairs() -> Iterator[tuple[str, str]]:
    for name in list(os.environ):
        value = os.environ.get(name)
        if value is not None:  # deleted by another thread meanwhile
            yield name, value


class Preset:
    """Sets a variable for the block in which a library that reads it is imported.

    What the user has set stays as it is.
    """

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value
        self._is_ours = False

    def __enter__(self) -> None:
        self._is_ours = self._name not in os.environ
        os.environ.setdefault(self._name, self._value)

    def __exit__(self, *error: object) -> None:
        if self._is_ours:
            os.environ.pop(self._name, None)


def for_uploader() -> dict[str, str]:
    """Return the environment for a process that delivers what this one recorded.

    Proxies, certificates and whatever turns telemetry off: all of it, but for what is another
    exporter's. What of OTEL_* is ours to use has become settings already.
    """
    return {
        name: value for name, value in _pairs() if not name.startswith("OTEL_") or name in _SWITCHES
    }


def app_prefix(app: str) -> str:
    """Return what the variables of *app* begin with: ``ACME_CMS`` for ``acme-cms``."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in app.strip()).upper()


def app_endpoint(environ: Mapping[str, str], app: str) -> str | None:
    """Return where the machine's owner wants the telemetry of *app* to go, if they say so."""
    variable = f"{app_prefix(app)}_TELEMETRY_ENDPOINT"
    if variable == f"{_PREFIX}ENDPOINT":  # an app named "otel": its variable is everybody's
        return None
    text = environ.get(variable, "").strip()
    return str(validators.URL.parsed(variable, text)) if text else None


def own_settings(
    environ: Mapping[str, str],
    kinds: Mapping[str, Validator],
    nearest: Callable[[str, Mapping[str, object]], str],
) -> dict[str, object]:
    """Return the settings of the OTEL_TELEMETRY_* variables; raises ConfigurationError."""
    values: dict[str, object] = {}
    for variable, text in environ.items():
        if not variable.startswith(_PREFIX) or not text.strip():
            continue
        name = variable[len(_PREFIX) :].lower()
        if name in _NEVER_HERE:
            raise ConfigurationError(f"{variable} is no setting; use {_NEVER_HERE[name]}")
        if name not in kinds:
            known = {
                f"{_PREFIX}{known.upper()}": None for known in kinds if known not in _NEVER_HERE
            }
            raise ConfigurationError(f"unknown variable {variable}{nearest(variable, known)}")
        values[name] = kinds[name].parsed(variable, text)
    return values


def otel_settings(environ: Mapping[str, str], protocol: str = "") -> dict[str, object]:
    """Return the settings of OTEL_EXPORTER_OTLP_*; those for logs before those for all signals.

    A wrong one is passed over, and said in the log: it is the application's set-up, of which we are
    a guest, and it may be right for another exporter.

    Args:
        environ: The environment.
        protocol: The protocol, where it is settled already; what a URL means depends on it, and
            what a header may be called.
    """
    values: dict[str, object] = {}
    for suffix, (name, kind) in _OTLP_FIELDS.items():
        variable, text = _otlp(environ, suffix)
        values |= _inherited(name, kind, variable, text)
    is_grpc = (protocol or values.get("protocol")) == "grpc"
    kind = validators.METADATA if is_grpc else validators.HEADERS
    values |= _inherited("headers", kind, *_otlp(environ, "HEADERS"))
    variable, text = _otlp(environ, "COMPRESSION")
    # "deflate" is the stock HTTP exporter's third word; gzip is as widely understood.
    word = "gzip" if text.lower() == "deflate" else text.lower()
    values |= _inherited("compression", validators.choice("gzip", "none"), variable, word)
    return values | _otlp_endpoint(environ, is_grpc=is_grpc)


def _otlp_endpoint(environ: Mapping[str, str], *, is_grpc: bool) -> dict[str, object]:
    variable, text = _otlp(environ, "ENDPOINT")
    if text and is_grpc and "://" not in text:
        _, insecure = _otlp(environ, "INSECURE")
        text = f"{'http' if insecure.lower() == 'true' else 'https'}://{text}"
    # OTLP exporter specification, "Endpoint URLs for OTLP/HTTP": the signal's own URL is used as it
    # is, the common one is a base.
    if "_LOGS_" in variable:
        return _inherited("logs_endpoint", validators.FULL_URL, variable, text)
    return _inherited("endpoint", validators.URL, variable, text)


def _inherited(name: str, kind: Validator, variable: str, text: str) -> dict[str, object]:
    if not text:
        return {}
    try:
        return {name: kind.parsed(variable, text)}
    except ConfigurationError as error:
        quiet_log.warning(f"telemetry passes over {error}")
        return {}


def _otlp(environ: Mapping[str, str], suffix: str) -> tuple[str, str]:
    for variable in (f"OTEL_EXPORTER_OTLP_LOGS_{suffix}", f"OTEL_EXPORTER_OTLP_{suffix}"):
        text = environ.get(variable, "").strip()
        if text:
            return variable, text
    return "", ""


def resource_attributes(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what OTEL_RESOURCE_ATTRIBUTES says, as the SDK reads it.

    Specification, resource/sdk, "Specifying resource information via an environment variable". A
    pair without ``=`` is passed over. OTEL_SERVICE_NAME is not asked: an application names itself.
    """
    found: dict[str, str] = {}
    for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, equals, value = pair.partition("=")
        if equals:
            found[name.strip()] = unquote(value.strip())
    return found


def limit_settings(environ: Mapping[str, str]) -> dict[str, object]:
    """Return the attribute limits of the OpenTelemetry environment.

    They hold even where the rest is not inherited, for they can only make less leave. A wrong one
    is passed over: it may be another application's, and must not stop this one.
    """
    values: dict[str, object] = {}
    for name, suffix in (
        ("attribute_count_limit", "COUNT_LIMIT"),
        ("attribute_length_limit", "VALUE_LENGTH_LIMIT"),
    ):
        for variable in (f"OTEL_LOGRECORD_ATTRIBUTE_{suffix}", f"OTEL_ATTRIBUTE_{suffix}"):
            text = environ.get(variable, "").strip()
            # 18 digits are no limit at all, and `int` refuses thousands of them.
            if text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0:
                values[name] = int(text)
                break
    return values
