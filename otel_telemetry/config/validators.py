"""One setting at a time: what it may be, and how the environment spells it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.errors import ConfigurationError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_NAME_SIGNS = "!#$%&'*+-.^_`|~"  # beside letters and digits (RFC 9110, section 5.6.2)
_NOTICE_LINES = 6  # and two of ours
_LONGEST = 1_000_000  # seconds; sockets and locks take no more than 24 days


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """A kind of setting.

    Attributes:
        expected: What it may be, in words that complete "... must be".
        check: Returns the value, made regular; raises ValueError or TypeError if it is wrong.
        parse: Returns the value that a string in the environment stands for, to be checked after;
            None if the environment cannot set it.
    """

    expected: str
    check: Callable[[object], object]
    parse: Callable[[str], object] | None = None

    def checked(self, setting: str, value: object) -> object:
        """Return *value* as *setting* holds it; raises ConfigurationError."""
        try:
            return self.check(value)
        except (ValueError, TypeError) as error:
            raise self._wrong(setting, f"not {type(value).__name__}", error) from None

    def parsed(self, variable: str, text: str) -> object:
        """Return what *text* of the environment's *variable* stands for."""
        if self.parse is None:
            raise ConfigurationError(f"{variable} cannot be set here: give {self.expected} in code")
        try:
            return self.check(self.parse(text.strip()))
        except (ValueError, TypeError) as error:
            raise self._wrong(variable, "", error) from None

    def _wrong(self, setting: str, instead: str, error: Exception) -> ConfigurationError:
        # Only what a check says of its own: messages of the standard library quote the value, and
        # a value may be a secret.
        detail = str(error) if isinstance(error, _Wrong) else instead
        return ConfigurationError(
            f"{setting} must be {self.expected}{f' ({detail})' if detail else ''}"
        )


class _Wrong(ValueError):  # noqa: N818 - half a sentence, never shown by itself
    """A reason that is safe to show."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _parse_flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError


def _number(
    value: object, *, least: float, least_excluded: bool = False, most: float = _LONGEST
) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    # Compared the long way round, for NaN is neither less nor more.
    if not least <= value <= most or (least_excluded and value == least):
        raise _Wrong("out of range")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if value < 1:
        raise _Wrong("out of range")
    return value


def _url(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if not value.isprintable() or " " in value:  # which `urlsplit` would pass over
        raise _Wrong("it holds blanks or control characters")
    # The scheme in small letters, for all who look at it later.
    scheme, colon, rest = value.partition(":")
    value = f"{scheme.lower()}{colon}{rest}"
    if not value.startswith(("http://", "https://")):
        raise _Wrong("it begins with neither http:// nor https://")
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise _Wrong("its host or its port is wrong") from None
    if not host:
        raise _Wrong("it names no host")
    if parts.username or parts.password:
        raise _Wrong("it holds credentials: put them into headers")
    if parts.query or parts.fragment:
        raise _Wrong("it holds a query or a fragment")
    return value


def _base_url(value: object) -> str:
    return _url(value).rstrip("/")


def _headers(value: object) -> Mapping[str, str]:
    checked: dict[str, str] = {}
    for name, text in _mapping(value).items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise _Wrong("a name or a value is no str")
        if not name or not all(c.isascii() and (c.isalnum() or c in _NAME_SIGNS) for c in name):
            raise _Wrong("a name is no HTTP header name")
        if not all(c.isprintable() and c.isascii() for c in text):
            raise _Wrong("a value holds characters that no header may")
        checked[name.lower()] = text
    return checked


def _metadata(value: object) -> Mapping[str, str]:
    headers = _headers(value)
    for name in headers:
        if not all(c.isalnum() or c in "-_." for c in name):
            raise _Wrong("a name is none of gRPC's: letters, digits, '-', '_' and '.'")
        if name.endswith("-bin"):
            raise _Wrong("gRPC keeps names with '-bin' at their end for bytes")
    return headers


def _mapping(value: object) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value)


def _parse_pairs(text: str) -> Mapping[str, str]:
    """Parse ``name=value,name=value``, percent-decoded, as OTEL_EXPORTER_OTLP_HEADERS is."""
    pairs: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise _Wrong("a pair has no '='")
        pairs[unquote(name.strip())] = unquote(value.strip())
    return pairs


def _file(value: object) -> str:
    path = os.fsdecode(value)  # type: ignore[arg-type]  # its TypeError is the answer
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise _Wrong("it cannot be read")
    return path


def _spool(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    path = os.fspath(value)  # type: ignore[call-overload]  # its TypeError is the answer
    if not isinstance(path, str) or not os.path.isabs(path):
        raise _Wrong("the path is not absolute")
    return path


def _parse_spool(text: str) -> bool | str:
    try:
        return _parse_flag(text)
    except ValueError:
        return text


_DEFERRED = 0x20 | 0x80 | 0x200  # a generator, a coroutine, both


def _hooks(value: object) -> tuple[object, ...]:
    hooks = (value,) if callable(value) else tuple(value)  # type: ignore[arg-type]  # see _file
    if not all(callable(hook) for hook in hooks):
        raise _Wrong("one is not callable")
    if any(map(_is_deferred, hooks)):
        raise _Wrong("one is async, or a generator, and would drop every event")
    return hooks


def _is_deferred(hook: object) -> bool:
    """Tell whether a call returns before anything is done (see `inspect`, which is slow)."""
    caller = hook if hasattr(hook, "__code__") else getattr(hook, "__call__", None)  # noqa: B004
    flags = getattr(getattr(caller, "__code__", None), "co_flags", 0)
    return isinstance(flags, int) and flags & _DEFERRED != 0


def _notice(value: object) -> str:
    text = _text(value).strip()
    if len(text.splitlines()) > _NOTICE_LINES:
        raise _Wrong("it is longer")
    return text


def _meter_provider(value: object) -> object:
    if not callable(getattr(value, "get_meter", None)):
        raise TypeError
    return value


def _logger_provider(value: object) -> object:
    # Whoever has one has imported its module; nobody else should have to.
    sdk = sys.modules.get("opentelemetry.sdk._logs")
    if sdk is None or not isinstance(value, sdk.LoggerProvider):
        raise TypeError
    return value


def _catalog(value: object) -> object:
    # As above.
    declared = sys.modules.get("otel_telemetry.catalog")
    if declared is None or not isinstance(value, declared.Catalog):
        raise TypeError
    return value


def choice(*words: str) -> Validator:
    """One of *words*."""

    def check(value: object) -> object:
        if value not in words:
            raise _Wrong("not another word")
        return value

    return Validator(expected=" or ".join(f'"{word}"' for word in words), check=check, parse=str)


def optional(kind: Validator) -> Validator:
    """None, or what *kind* may be."""
    return Validator(
        expected=f"{kind.expected} or None",
        check=lambda value: None if value is None else kind.check(value),
        parse=kind.parse,
    )


TEXT = Validator(expected="a str that is not empty", check=_text, parse=str)
FLAG = Validator(expected="True or False", check=_flag, parse=_parse_flag)
SECONDS = Validator(
    expected="a number of seconds from 0 to a million",
    check=lambda value: _number(value, least=0),
    parse=float,
)
DURATION = Validator(
    expected="a number of seconds greater than 0, up to a million",
    check=lambda value: _number(value, least=0, least_excluded=True),
    parse=float,
)
AGE = Validator(
    expected="a number of seconds greater than 0",
    check=lambda value: _number(value, least=0, least_excluded=True, most=sys.float_info.max),
    parse=float,
)
WHOLE = Validator(expected="a whole number, 1 or more", check=_whole, parse=int)
VERSION = Validator(expected="a whole number, 1 or more", check=_whole)
NOTICE = Validator(expected=f"a text of 1 to {_NOTICE_LINES} lines", check=_notice)
URL = Validator(
    expected="a base URL such as https://collector.example:4318", check=_base_url, parse=str
)
FULL_URL = Validator(
    expected="a full URL such as https://collector.example/v1/logs", check=_url, parse=str
)
HEADERS = Validator(expected="a mapping of header names to str", check=_headers, parse=_parse_pairs)
METADATA = Validator(
    expected="a mapping of gRPC's names to str", check=_metadata, parse=_parse_pairs
)
SPOOL = Validator(
    expected="True, False or the path of a directory", check=_spool, parse=_parse_spool
)
ATTRIBUTES = Validator(
    expected="a mapping of attribute names to values", check=_mapping, parse=_parse_pairs
)
FILE = Validator(expected="the path of a file", check=_file, parse=str)
HOOKS = Validator(expected="callables that take and return an Event", check=_hooks)
LOGGER_PROVIDER = Validator(
    expected="a LoggerProvider of opentelemetry.sdk._logs",
    check=_logger_provider,
)
CATALOG = Validator(expected="a Catalog of otel_telemetry", check=_catalog)
METER_PROVIDER = Validator(
    expected="a MeterProvider of opentelemetry.metrics", check=_meter_provider
)
