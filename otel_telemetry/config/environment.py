"""Settings from environment variables. Only this module reads `os.environ`.

There are three families of variables. None of them affects the settings of another:

* OTEL_TELEMETRY_<SETTING>: for every application that uses this library.
* <APP>_TELEMETRY and <APP>_TELEMETRY_ENDPOINT: for one application; its user sets them.
* OTEL_EXPORTER_OTLP_*: the OpenTelemetry configuration of the application; read only where it is
  inherited, with the meaning that the stock Python exporters give it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from otel_telemetry._internal.log import quiet_log
from otel_telemetry.config import validators
from otel_telemetry.config.validators import Setting, Validator, suggest
from otel_telemetry.errors import ConfigurationError

_PREFIX = "OTEL_TELEMETRY_"
_CONSENT_VARIABLES = frozenset({"OTEL_TELEMETRY", "OTEL_SDK_DISABLED"})

_OTLP_SETTINGS = {
    "TIMEOUT": ("timeout", validators.POSITIVE_SECONDS),
    "CERTIFICATE": ("certificate_file", validators.FILE),
    "CLIENT_CERTIFICATE": ("client_certificate_file", validators.FILE),
    "CLIENT_KEY": ("client_key_file", validators.FILE),
    "PROTOCOL": ("protocol", validators.one_of("http/protobuf", "grpc")),
}


def current() -> Mapping[str, str]:
    """Return a copy of the environment as it is now."""
    return dict(_variables())


def _variables() -> Iterator[tuple[str, str]]:
    for name in list(os.environ):
        value = os.environ.get(name)
        if value is not None:  # else another thread has deleted it
            yield name, value


class PresetVariable:
    """Context manager that sets a variable while a library that reads it is imported.

    A variable that the user has set does not change.
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


def uploader_environment() -> dict[str, str]:
    """Return the environment for the detached uploader: all variables except most of OTEL_*.

    It keeps proxies, certificates and the variables that turn telemetry off. Other OTEL_* variables
    belong to other exporters, or have become settings already.
    """
    return {
        name: value
        for name, value in _variables()
        if not name.startswith("OTEL_") or name in _CONSENT_VARIABLES
    }


def variable_prefix(app: str) -> str:
    """Return the prefix of the variables of *app*: ``ACME_CMS`` for ``acme-cms``."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in app.strip()).upper()


def read_app_endpoint(environ: Mapping[str, str], app: str) -> str | None:
    """Return the endpoint that <APP>_TELEMETRY_ENDPOINT sets for *app*; None if it is not set."""
    variable = f"{variable_prefix(app)}_TELEMETRY_ENDPOINT"
    if variable == f"{_PREFIX}ENDPOINT":  # of an app named "otel", and of every application
        return None
    text = environ.get(variable, "").strip()
    return str(validators.BASE_URL.parse_variable(variable, text)) if text else None


def read_telemetry_variables(
    environ: Mapping[str, str], settings: Mapping[str, Setting]
) -> dict[str, object]:
    """Return the values of the OTEL_TELEMETRY_* variables.

    Args:
        environ: The environment.
        settings: All settings by name.

    Raises:
        ConfigurationError: A variable is wrong, unknown, or for a setting that only code sets.
    """
    values: dict[str, object] = {}
    for variable, text in environ.items():
        if not variable.startswith(_PREFIX) or not text.strip():
            continue
        name = variable[len(_PREFIX) :].lower()
        if name not in settings:
            known = [
                f"{_PREFIX}{name.upper()}"
                for name, setting in settings.items()
                if setting.in_environment
            ]
            raise ConfigurationError(f"unknown variable {variable}{suggest(variable, known)}")
        setting = settings[name]
        if not setting.in_environment:
            fix = f"use {setting.variables}" if setting.variables else f"set {name} in code"
            raise ConfigurationError(f"{variable} is not supported: {fix}")
        values[name] = setting.validator.parse_variable(variable, text)
    return values


def read_otlp_variables(environ: Mapping[str, str], protocol: str = "") -> dict[str, object]:
    """Return the settings of OTEL_EXPORTER_OTLP_*; variables for logs before those for all signals.

    A wrong variable is ignored and logged: it may be right for another exporter.

    Args:
        environ: The environment.
        protocol: The protocol, if it is known already; endpoints and names of headers depend on it.
    """
    values: dict[str, object] = {}
    for suffix, (name, validator) in _OTLP_SETTINGS.items():
        values |= _parse_inherited(name, validator, *_otlp_variable(environ, suffix))
    is_grpc = (protocol or values.get("protocol")) == "grpc"
    validator = validators.GRPC_HEADERS if is_grpc else validators.HEADERS
    values |= _parse_inherited("headers", validator, *_otlp_variable(environ, "HEADERS"))
    variable, text = _otlp_variable(environ, "COMPRESSION")
    # The stock HTTP exporter also knows "deflate"; backends accept gzip as widely.
    word = "gzip" if text.lower() == "deflate" else text.lower()
    values |= _parse_inherited("compression", validators.one_of("gzip", "none"), variable, word)
    return values | _otlp_endpoint(environ, is_grpc=is_grpc)


def _otlp_endpoint(environ: Mapping[str, str], *, is_grpc: bool) -> dict[str, object]:
    variable, text = _otlp_variable(environ, "ENDPOINT")
    if text and is_grpc and "://" not in text:
        _, insecure = _otlp_variable(environ, "INSECURE")
        text = f"{'http' if insecure.lower() == 'true' else 'https'}://{text}"
    # OTLP exporter specification, "Endpoint URLs for OTLP/HTTP": the URL for logs is used as it is,
    # the one for all signals is a base URL.
    if "_LOGS_" in variable:
        return _parse_inherited("logs_endpoint", validators.FULL_URL, variable, text)
    return _parse_inherited("endpoint", validators.BASE_URL, variable, text)


def _parse_inherited(
    name: str, validator: Validator, variable: str, text: str
) -> dict[str, object]:
    if not text:
        return {}
    try:
        return {name: validator.parse_variable(variable, text)}
    except ConfigurationError as error:
        quiet_log.warning(f"telemetry ignores a variable: {error}")
        return {}


def _otlp_variable(environ: Mapping[str, str], suffix: str) -> tuple[str, str]:
    """Return the variable for logs, else the one for all signals, and its text; "" if unset."""
    for variable in (f"OTEL_EXPORTER_OTLP_LOGS_{suffix}", f"OTEL_EXPORTER_OTLP_{suffix}"):
        text = environ.get(variable, "").strip()
        if text:
            return variable, text
    return "", ""


def read_resource_attributes(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of OTEL_RESOURCE_ATTRIBUTES, as the SDK reads them.

    Specification, resource/sdk, "Specifying resource information via an environment variable". A
    pair without ``=`` is ignored. OTEL_SERVICE_NAME is not read: an application names itself.
    """
    attributes: dict[str, str] = {}
    for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, equals, value = pair.partition("=")
        if equals:
            attributes[name.strip()] = unquote(value.strip())
    return attributes


def read_attribute_limits(environ: Mapping[str, str]) -> dict[str, object]:
    """Return the settings of OTEL_LOGRECORD_ATTRIBUTE_* and OTEL_ATTRIBUTE_*, the attribute limits.

    They apply even if nothing else is inherited, since they only reduce what is sent. A wrong one
    is ignored: it may be meant for another application.
    """
    values: dict[str, object] = {}
    for name, suffix in (
        ("attribute_count_limit", "COUNT_LIMIT"),
        ("attribute_length_limit", "VALUE_LENGTH_LIMIT"),
    ):
        for variable in (f"OTEL_LOGRECORD_ATTRIBUTE_{suffix}", f"OTEL_ATTRIBUTE_{suffix}"):
            text = environ.get(variable, "").strip()
            # A number of over 18 digits limits nothing, and `int` rejects one of 5,000 digits.
            if text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0:
                values[name] = int(text)
                break
    return values
