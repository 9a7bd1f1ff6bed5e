"""One thing that was looked at."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.export.engine import connect
from otel_telemetry.export.http import proxy_for, tls_context
from otel_telemetry.stats import Disposition

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Literal
    from urllib.parse import SplitResult

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.export.result import ExportResult

    Level = Literal["ok", "skipped", "warning", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found.

    Attributes:
        name: What was looked at.
        level: ``"ok"``; ``"skipped"``: not looked at; ``"warning"``: works, but; ``"problem"``.
        found: What was found.
        advice: What to do; empty if nothing.
    """

    name: str
    level: Level
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Check:
    """Return a check with nothing to do."""
    return Check(name=name, level="ok", found=found)


def skipped(name: str, found: str, advice: str = "") -> Check:
    """Return a check that was not made."""
    return Check(name=name, level="skipped", found=found, advice=advice)


def warning(name: str, found: str, advice: str) -> Check:
    """Return a check with something that may do harm."""
    return Check(name=name, level="warning", found=found, advice=advice)


def problem(name: str, found: str, advice: str) -> Check:
    """Return a check with something that keeps telemetry from working."""
    return Check(name=name, level="problem", found=found, advice=advice)


_KEY = "The key in headers is missing or wrong."
_PATH = (
    "Nothing there takes OTLP logs: set the base URL in endpoint, or the full one in logs_endpoint."
)
_KINDS = "It does not take OTLP as it was sent: look at protocol, endpoint and compression."
_LATER = "Events are kept and tried again; if it stays so, look at the backend."
_PORT = "Is it the port of this protocol? OTLP/HTTP mostly has 4318, gRPC 4317."

_ADVICE = {
    "HTTP status 400": _KINDS,
    "HTTP status 401": _KEY,
    "HTTP status 403": _KEY,
    "HTTP status 404": _PATH,
    "HTTP status 405": _PATH,
    "HTTP status 406": _KINDS,
    "HTTP status 407": "The proxy wants credentials: put them into its URL in the environment.",
    "HTTP status 415": _KINDS,
    "gRPC status UNAUTHENTICATED": _KEY,
    "gRPC status PERMISSION_DENIED": _KEY,
    "gRPC status UNIMPLEMENTED": "It is a gRPC server, but takes no OTLP logs.",
    "gRPC status UNAVAILABLE": _PORT,
}
_REDIRECT = "HTTP status 3"


def meaning(answer: ExportResult, protocol: str) -> Check:
    """Return what the *answer* to a request without events says of the backend."""
    if answer.is_accepted:
        return ok("answer", f"the backend takes OTLP {protocol}")
    reason = answer.reason
    if reason.startswith(_REDIRECT):
        return problem("answer", reason, "Set the URL that it redirects to: none is followed.")
    if reason in _ADVICE:
        return problem("answer", reason, _ADVICE[reason])
    if reason.startswith(("HTTP status", "gRPC status")):
        if answer.disposition is Disposition.RETRY:
            return warning("answer", reason, _LATER)
        return problem("answer", reason, "Look at the backend's log.")
    return problem("answer", f"no answer: {reason}", _PORT)


_T = TypeVar("_T")

# OpenSSL's X509_V_ERR_* numbers, as `SSLCertVerificationError.verify_code` has them.
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN = frozenset({2, 18, 19, 20, 21})
_WRONG_HOST = frozenset({62, 64})


class Prober:
    """What probing needs of the world.

    Args:
        seconds: For all steps together.
        look_up: Finds addresses, as `socket.getaddrinfo` does.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        seconds: float,
        look_up: Callable[[str, int], list[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds
        self._look_up = look_up or _addresses

    def left(self) -> float:
        """Return the seconds that are left; never 0, which sockets take for something else."""
        return max(self._end - self._clock(), 0.05)

    def look_up(self, host: str, port: int) -> list[str]:
        """Return the addresses of *host*; raises OSError, and TimeoutError when the time is up."""
        return self.bounded(lambda: self._look_up(host, port))

    def bounded(self, function: Callable[[], _T]) -> _T:
        """Return what *function* does within the time that is left.

        A look-up of a name cannot be broken off: its thread is a daemon, and is left behind.

        Raises:
            TimeoutError: It takes longer.
        """
        results: list[_T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                results.append(function())
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=run, name="otel_telemetry-doctor", daemon=True)
        thread.start()
        thread.join(self.left())
        if errors:
            raise errors[0]
        if not results:
            raise TimeoutError
        return results[0]


def check_connection(config: TelemetryConfig, prober: Prober) -> Iterator[Check]:
    """Yield what is found on the way to the backend, up to the first thing that is wrong."""
    url = urlsplit(config.url)
    try:
        proxy, headers = proxy_for(config.url)
    except ValueError:  # not shown: it may hold credentials
        yield problem("proxy", "the environment names one that is no URL", _PROXY_ADVICE)
        return
    if proxy is not None:
        yield (check := _proxy(proxy, with_key=bool(headers)))
        if check.level == "problem":
            return
    for check in _reach(
        url if proxy is None else urlsplit(proxy), prober, proxied=proxy is not None
    ):
        yield check
        if check.level == "problem":
            return
    if url.scheme == "https":
        check = (
            _tls(config, url, prober)
            if proxy is None
            else skipped("tls", "not looked at through a proxy")
        )
        yield check
        if check.level == "problem":
            return
    yield _ask(config, prober)


def _proxy(proxy: str, *, with_key: bool) -> Check:
    try:
        parts = urlsplit(proxy)
        is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    what = f"{proxy}{', with credentials' if with_key else ''}, from the environment"
    return ok("proxy", what) if is_usable else problem("proxy", what, _PROXY_ADVICE)


def _reach(url: SplitResult, prober: Prober, *, proxied: bool) -> Iterator[Check]:
    yield _name(url, prober)
    advice = _DEAD_PROXY if proxied else "Start the backend, or set the port that it listens on."
    yield _connect(url, prober, advice)


def _name(url: SplitResult, prober: Prober) -> Check:
    host, port = _place(url)
    try:
        addresses = prober.look_up(host, port)
    except TimeoutError:
        return problem("name", f"no answer on {host} within {prober.seconds:g} s", _NAME_ADVICE)
    except (OSError, UnicodeError):
        return problem("name", f"{host} is not known to this machine's name service", _NAME_ADVICE)
    return ok("name", f"{host} is {', '.join(addresses)}")


def _connect(url: SplitResult, prober: Prober, advice: str) -> Check:
    host, port = _place(url)
    try:
        socket.create_connection((host, port), prober.left()).close()
    except TimeoutError:
        text = f"no answer from {host}, port {port}, within {prober.seconds:g} s"
        return problem("connect", text, "A firewall may swallow it: have this port opened.")
    except OSError as error:
        text = f"{host}, port {port}: {error.strerror or type(error).__name__}"
        return problem("connect", text, advice)
    return ok("connect", f"port {port} is open")


def _place(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def _tls(config: TelemetryConfig, url: SplitResult, prober: Prober) -> Check:
    host, port = _place(url)
    try:
        context = tls_context(config)
        if config.protocol == "grpc":
            context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection((host, port), prober.left()) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            return ok("tls", f"{secured.version()}, the certificate is trusted")
    except ssl.SSLCertVerificationError as error:
        return problem("tls", *_distrust(error, host))
    except TimeoutError:
        text = f"{host} does not shake hands within {prober.seconds:g} s"
        return problem("tls", text, "Is it a port that speaks TLS?")
    except ssl.SSLError as error:
        text = f"{host} does not speak TLS as it should: {error.reason or type(error).__name__}"
        return problem("tls", text, "Is it a port that speaks TLS, and does it want a certificate?")
    except OSError as error:
        return problem("tls", f"broken off: {error.strerror or type(error).__name__}", _TRY_AGAIN)


def _distrust(error: ssl.SSLCertVerificationError, host: str) -> tuple[str, str]:
    """Return why a certificate is not trusted, and what to do."""
    code = error.verify_code
    if code == _EXPIRED:
        return "the certificate has expired", "Have it renewed; or set this machine's clock."
    if code == _NOT_YET_VALID:
        return "the certificate is not valid yet", "Set this machine's clock."
    if code in _UNKNOWN:
        return (
            "the certificate is signed by an authority that is not trusted here",
            "Name that authority in certificate_file; a proxy that opens TLS has its own.",
        )
    if code in _WRONG_HOST:
        return (
            f"the certificate is not for {host}",
            "Use the name that it is for, or have one issued.",
        )
    return f"the certificate is not trusted: {error.verify_message}", "Have it replaced."


def _ask(config: TelemetryConfig, prober: Prober) -> Check:
    """Send an ExportLogsServiceRequest without any event."""
    try:
        transport = connect(replace(config, timeout=min(config.timeout, prober.left())))
    except Exception as error:
        return problem("answer", f"it cannot be asked: {type(error).__name__}", _TRY_AGAIN)
    try:
        answer: ExportResult = prober.bounded(lambda: transport.send(b""))
    except TimeoutError:
        text = f"no answer within {prober.seconds:g} s"
        return problem("answer", text, "It is there, and does not answer: look at its log.")
    finally:
        transport.abort()
    return meaning(answer, config.protocol)


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


_NAME_ADVICE = "Look for a mistake in the endpoint's name, or for the network."
_PROXY_ADVICE = (
    "Only http:// and https:// proxies are spoken to: mend it in the environment, or except the "
    "backend in no_proxy."
)
_DEAD_PROXY = "Start that proxy, or mend it in the environment, or except the backend in no_proxy."
_TRY_AGAIN = "Try again; look at the backend's log."
