"""What a setting is: its validator, its sources, and how a wrong value is reported."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote, urlsplit

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.errors import ConfigurationError

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _T = TypeVar("_T")

_TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
_FALSE_WORDS = frozenset({"0", "false", "no", "off"})
_HEADER_NAME_PUNCTUATION = "!#$%&'*+-.^_`|~"  # RFC 9110, section 5.6.2
_MAX_NOTICE_LINES = 6  # the library appends two
_MAX_SECONDS = 1_000_000  # sockets and locks accept at most 24 days


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """The values that a setting accepts.

    Attributes:
        expected: A description of these values that completes "... must be".
        check: Returns the value in the form in which it is kept; raises ValueError or TypeError if
            it is wrong.
        parse: Converts the text of an environment variable to a value for `check`.
        is_file: Whether the value is the path of a file.
    """

    expected: str
    check: Callable[[object], object]
    parse: Callable[[str], object] = str
    is_file: bool = False

    def validate(self, setting: str, value: object) -> object:
        """Return *value* in the form in which it is kept.

        Raises:
            ConfigurationError: It is wrong; the message begins with the name of the *setting*.
        """
        try:
            return self.check(value)
        except (ValueError, TypeError) as error:
            raise self._error(setting, error, f"not {type(value).__name__}") from None

    def parse_variable(self, variable: str, text: str) -> object:
        """Return the value for the *text* of an environment variable.

        Raises:
            ConfigurationError: It is wrong; the message begins with the name of the *variable*.
        """
        try:
            return self.check(self.parse(text.strip()))
        except (ValueError, TypeError) as error:
            raise self._error(variable, error) from None

    def _error(self, name: str, error: Exception, default: str = "") -> ConfigurationError:
        # Messages of the standard library quote the value, which may be a secret; ours do not.
        detail = str(error) if isinstance(error, _ReasonError) else default
        return ConfigurationError(
            f"{name} must be {self.expected}{f' ({detail})' if detail else ''}"
        )


class _ReasonError(ValueError):
    """A value is wrong, for a reason that is shown in parentheses and does not quote the value."""


class Setting:
    """The properties of a setting beside its name, type and default, which its field has.

    Not a dataclass: making forty of them would add 0.1 ms to every import.

    Attributes:
        validator: The values that it accepts.
        in_environment: Whether ``OTEL_TELEMETRY_<NAME>`` sets it.
        variables: The environment variables that are used instead, as text for users.
        in_manifest: Whether the detached uploader gets it, through the manifest of the spool.
        is_endpoint: Whether it says where events go. One that is set in code replaces all of the
            environment.
        belongs_to_endpoint: Whether it may be a key for the endpoint that is set in code, and is
            ignored where the environment of the application names another endpoint.
    """

    __slots__ = (
        "belongs_to_endpoint",
        "in_environment",
        "in_manifest",
        "is_endpoint",
        "validator",
        "variables",
    )

    def __init__(
        self,
        *,
        validator: Validator,
        in_environment: bool = True,
        variables: str = "",
        in_manifest: bool = False,
        is_endpoint: bool = False,
        belongs_to_endpoint: bool = False,
    ) -> None:
        self.validator = validator
        self.in_environment = in_environment
        self.variables = variables
        self.in_manifest = in_manifest
        self.is_endpoint = is_endpoint
        self.belongs_to_endpoint = belongs_to_endpoint


_KEY = "setting"


def metadata(setting: Setting) -> Mapping[str, Setting]:
    """Return the metadata of a dataclass field that is a setting."""
    return {_KEY: setting}


def setting(
    default: _T,
    validator: Validator,
    *,
    repr: bool = True,  # noqa: A002 - as in `dataclasses.field`
    in_environment: bool = True,
    variables: str = "",
    in_manifest: bool = False,
    is_endpoint: bool = False,
    belongs_to_endpoint: bool = False,
) -> _T:
    """Define a setting: a dataclass field with a *default*; see `Setting` for the rest.

    The meaning of the setting stands in the section Attributes of its class's docstring.
    """
    options = metadata(
        Setting(
            validator=validator,
            in_environment=in_environment,
            variables=variables,
            in_manifest=in_manifest,
            is_endpoint=is_endpoint,
            belongs_to_endpoint=belongs_to_endpoint,
        )
    )
    if isinstance(default, dict):  # each instance gets a copy
        return dataclasses.field(default_factory=default.copy, repr=repr, metadata=options)  # type: ignore[return-value]  # a copy has the type of the default
    return dataclasses.field(default=default, repr=repr, metadata=options)


def settings_of(config: Any) -> dict[str, Setting]:
    """Return the settings of a configuration, or of its class, by name."""
    return {field.name: field.metadata[_KEY] for field in dataclasses.fields(config)}


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown *name*: the nearest known one, or all."""
    import difflib  # noqa: PLC0415 - takes milliseconds, and only a mistake needs it

    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else f"; use one of {', '.join(names)}"


def _check_str(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


def _check_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _parse_bool(text: str) -> bool:
    if text.lower() in _TRUE_WORDS:
        return True
    if text.lower() in _FALSE_WORDS:
        return False
    raise ValueError


def _check_number(
    value: object, *, least: float, least_excluded: bool = False, most: float = _MAX_SECONDS
) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    # `not a <= b` is also true of NaN.
    if not least <= value <= most or (least_excluded and value == least):
        raise _ReasonError("out of range")
    return value


def _check_positive_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if value < 1:
        raise _ReasonError("out of range")
    return value


def _check_url(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if not value.isprintable() or " " in value:  # `urlsplit` ignores some of these
        raise _ReasonError("it contains spaces or control characters")
    scheme, colon, rest = value.partition(":")
    value = f"{scheme.lower()}{colon}{rest}"
    if not value.startswith(("http://", "https://")):
        raise _ReasonError("it does not start with http:// or https://")
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise _ReasonError("its host or port is invalid") from None
    if not host:
        raise _ReasonError("it has no host")
    if parts.username or parts.password:
        raise _ReasonError("it contains credentials: put them into headers")
    if parts.query or parts.fragment:
        raise _ReasonError("it contains a query or a fragment")
    return value


def _check_base_url(value: object) -> str:
    return _check_url(value).rstrip("/")


def _check_headers(value: object) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, text in _check_mapping(value).items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise _ReasonError("a name or a value is not a str")
        if not name or not all(map(_is_header_name_character, name)):
            raise _ReasonError("a name is not a valid HTTP header name")
        if not all(c.isprintable() and c.isascii() for c in text):
            raise _ReasonError("a value contains characters that are not allowed in a header")
        headers[name.lower()] = text
    return headers


def _is_header_name_character(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in _HEADER_NAME_PUNCTUATION)


def _check_grpc_headers(value: object) -> Mapping[str, str]:
    headers = _check_headers(value)
    for name in headers:
        if not all(c.isalnum() or c in "-_." for c in name):
            raise _ReasonError(
                "a name contains other characters than letters, digits, '-', '_' and '.'"
            )
        if name.endswith("-bin"):
            raise _ReasonError("gRPC reserves names that end in '-bin' for bytes")
    return headers


def _check_mapping(value: object) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value)


def _parse_pairs(text: str) -> Mapping[str, str]:
    """Parse ``name=value,name=value`` with percent-encoding, as in OTEL_EXPORTER_OTLP_HEADERS."""
    pairs: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise _ReasonError("a pair has no '='")
        pairs[unquote(name.strip())] = unquote(value.strip())
    return pairs


def _check_file(value: object) -> str:
    path = os.fsdecode(value)  # type: ignore[arg-type]  # `validate` handles its TypeError
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise _ReasonError("it cannot be read")
    return path


def _check_spool(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    path = os.fspath(value)  # type: ignore[call-overload]  # `validate` handles its TypeError
    if not isinstance(path, str) or not os.path.isabs(path):
        raise _ReasonError("the path is not absolute")
    return path


def _parse_spool(text: str) -> bool | str:
    try:
        return _parse_bool(text)
    except ValueError:
        return text


_ASYNC_OR_GENERATOR_FLAGS = 0x20 | 0x80 | 0x200  # generator, coroutine, async generator


def _check_hooks(value: object) -> tuple[object, ...]:
    hooks = (value,) if callable(value) else tuple(value)  # type: ignore[arg-type]  # see `_check_file`
    if not all(callable(hook) for hook in hooks):
        raise _ReasonError("one is not callable")
    if any(map(_is_async_or_generator, hooks)):
        raise _ReasonError("one is async or a generator, and would drop every event")
    return hooks


def _is_async_or_generator(hook: object) -> bool:
    """Return whether *hook* returns before its body runs; `inspect` could, but imports slowly."""
    caller = hook if hasattr(hook, "__code__") else getattr(hook, "__call__", None)  # noqa: B004
    flags = getattr(getattr(caller, "__code__", None), "co_flags", 0)
    return isinstance(flags, int) and flags & _ASYNC_OR_GENERATOR_FLAGS != 0


def _check_notice(value: object) -> str:
    text = _check_str(value).strip()
    if len(text.splitlines()) > _MAX_NOTICE_LINES:
        raise _ReasonError("it has more lines")
    return text


def _check_meter_provider(value: object) -> object:
    if not callable(getattr(value, "get_meter", None)):
        raise TypeError
    return value


def _check_logger_provider(value: object) -> object:
    # A program that has a LoggerProvider has imported its module; other programs need not.
    sdk = sys.modules.get("opentelemetry.sdk._logs")
    if sdk is None or not isinstance(value, sdk.LoggerProvider):
        raise TypeError
    return value


def _check_catalog(value: object) -> object:
    # See `_check_logger_provider`.
    catalog = sys.modules.get("otel_telemetry.catalog")
    if catalog is None or not isinstance(value, catalog.Catalog):
        raise TypeError
    return value


def one_of(*words: str) -> Validator:
    """Return a validator that accepts each of *words*."""

    def check(value: object) -> object:
        if value not in words:
            raise _ReasonError  # without a detail, for the message lists all words
        return value

    return Validator(expected=" or ".join(f'"{word}"' for word in words), check=check)


def optional(validator: Validator) -> Validator:
    """Return a validator that accepts None, and all that *validator* accepts."""
    return Validator(
        expected=f"{validator.expected} or None",
        check=lambda value: None if value is None else validator.check(value),
        parse=validator.parse,
        is_file=validator.is_file,
    )


NON_EMPTY_STR = Validator(expected="a str that is not empty", check=_check_str)
BOOL = Validator(expected="True or False", check=_check_bool, parse=_parse_bool)
NON_NEGATIVE_SECONDS = Validator(
    expected="a number of seconds from 0 to 1,000,000",
    check=lambda value: _check_number(value, least=0),
    parse=float,
)
POSITIVE_SECONDS = Validator(
    expected="a number of seconds greater than 0 and at most 1,000,000",
    check=lambda value: _check_number(value, least=0, least_excluded=True),
    parse=float,
)
UNLIMITED_SECONDS = Validator(
    expected="a number of seconds greater than 0",
    check=lambda value: _check_number(value, least=0, least_excluded=True, most=sys.float_info.max),
    parse=float,
)
POSITIVE_INT = Validator(expected="a whole number, 1 or more", check=_check_positive_int, parse=int)

NOTICE = Validator(expected=f"a str of 1 to {_MAX_NOTICE_LINES} lines", check=_check_notice)
BASE_URL = Validator(
    expected="a base URL such as https://collector.example:4318", check=_check_base_url
)
FULL_URL = Validator(
    expected="a full URL such as https://collector.example/v1/logs", check=_check_url
)
HEADERS = Validator(
    expected="a mapping of header names to str", check=_check_headers, parse=_parse_pairs
)
GRPC_HEADERS = Validator(
    expected="a mapping of gRPC metadata names to str",
    check=_check_grpc_headers,
    parse=_parse_pairs,
)
SPOOL = Validator(
    expected="True, False or the absolute path of a directory",
    check=_check_spool,
    parse=_parse_spool,
)
ATTRIBUTES = Validator(
    expected="a mapping of attribute names to values", check=_check_mapping, parse=_parse_pairs
)
FILE = Validator(expected="the path of a file", check=_check_file, is_file=True)
HOOKS = Validator(
    expected="one or more callables that take and return an Event", check=_check_hooks
)
LOGGER_PROVIDER = Validator(
    expected="a LoggerProvider of opentelemetry.sdk._logs",
    check=_check_logger_provider,
)
CATALOG = Validator(expected="a Catalog of otel_telemetry.catalog", check=_check_catalog)
METER_PROVIDER = Validator(
    expected="a MeterProvider of opentelemetry.metrics", check=_check_meter_provider
)
