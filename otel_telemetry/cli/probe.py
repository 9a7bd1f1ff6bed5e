"""The checks of ``doctor`` on the way to the backend: proxy, name, port, TLS, and the response."""

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
from otel_telemetry.export.engine import create_transport
from otel_telemetry.export.http import proxy_for, tls_context
from otel_telemetry.stats import Disposition

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Literal
    from urllib.parse import SplitResult

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.export.result import ExportResult

    Level = Literal["ok", "skipped", "warning", "problem"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check.

    Attributes:
        name: The subject of the check.
        level: ``"ok"``, ``"skipped"``, ``"warning"``: it works, but may do harm; or ``"problem"``:
            telemetry does not work.
        found: What the check found.
        advice: What the user can do; empty for nothing.
    """

    name: str
    level: Level
    found: str
    advice: str = ""


def ok(name: str, found: str) -> CheckResult:
    """Return the result of a check that found no problem."""
    return CheckResult(name=name, level="ok", found=found)


def skipped(name: str, found: str, advice: str = "") -> CheckResult:
    """Return the result of a check that was not made."""
    return CheckResult(name=name, level="skipped", found=found, advice=advice)


def warning(name: str, found: str, advice: str) -> CheckResult:
    """Return the result of a check that found something harmful."""
    return CheckResult(name=name, level="warning", found=found, advice=advice)


def problem(name: str, found: str, advice: str) -> CheckResult:
    """Return the result of a check that found why telemetry does not work."""
    return CheckResult(name=name, level="problem", found=found, advice=advice)


class Prober:
    """Names and time for the checks.

    Args:
        seconds: The time limit for all checks together.
        look_up: Returns the addresses of a host and port; None for `socket.getaddrinfo`.
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

    def remaining(self) -> float:
        """Return the seconds that remain; never 0, which sets a socket to non-blocking."""
        return max(self._end - self._clock(), 0.05)

    def look_up(self, host: str, port: int) -> list[str]:
        """Return the addresses of *host*; raises OSError, and TimeoutError after the time limit."""
        return self.bounded(lambda: self._look_up(host, port))

    def bounded(self, function: Callable[[], _T]) -> _T:
        """Return the result of *function*, which runs in a thread.

        A look-up of a name cannot be cancelled: after the time limit its thread, a daemon, runs on.

        Raises:
            TimeoutError: The function takes longer than the time that remains.
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
        thread.join(self.remaining())
        if errors:
            raise errors[0]
        if not results:
            raise TimeoutError
        return results[0]


def _addresses(host: str, port: int) -> list[str]:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in addresses))


def check_connection(config: TelemetryConfig, prober: Prober) -> Iterator[CheckResult]:
    """Yield the result of each check on the way to the backend, up to the first problem."""
    url = urlsplit(config.url)
    try:
        proxy, headers = proxy_for(config.url)
    except ValueError:  # its text may hold credentials: it is not shown
        yield problem("proxy", "the environment names a proxy that is not a URL", _PROXY_ADVICE)
        return
    if proxy is not None:
        yield (check := _check_proxy(proxy, has_credentials=bool(headers)))
        if check.level == "problem":
            return
    for check in _check_host(
        url if proxy is None else urlsplit(proxy), prober, is_proxy=proxy is not None
    ):
        yield check
        if check.level == "problem":
            return
    if url.scheme == "https":
        check = (
            _check_tls(config, url, prober)
            if proxy is None
            else skipped("tls", "not checked through a proxy")
        )
        yield check
        if check.level == "problem":
            return
    yield _check_response(config, prober)


_PROXY_ADVICE = (
    "Only http:// and https:// proxies work: correct the proxy in the environment, or add the "
    "backend to no_proxy."
)


def _check_proxy(proxy: str, *, has_credentials: bool) -> CheckResult:
    try:
        parts = urlsplit(proxy)
        is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    text = f"{proxy}{', with credentials' if has_credentials else ''}, from the environment"
    return ok("proxy", text) if is_usable else problem("proxy", text, _PROXY_ADVICE)


def _check_host(url: SplitResult, prober: Prober, *, is_proxy: bool) -> Iterator[CheckResult]:
    yield _check_name(url, prober)
    yield _check_port(url, prober, _DEAD_PROXY if is_proxy else _DEAD_BACKEND)


_NAME_ADVICE = "Check the spelling of the endpoint's host name, and the network."
_DEAD_BACKEND = "Start the backend, or correct the port in the endpoint."
_DEAD_PROXY = "Start the proxy, correct it in the environment, or add the backend to no_proxy."


def _check_name(url: SplitResult, prober: Prober) -> CheckResult:
    host, port = _host_and_port(url)
    try:
        addresses = prober.look_up(host, port)
    except TimeoutError:
        text = f"the look-up of {host} did not finish within {prober.seconds:g} s"
        return problem("name", text, _NAME_ADVICE)
    except (OSError, UnicodeError):
        return problem("name", f"the host name {host} is not known", _NAME_ADVICE)
    return ok("name", f"{host} is {', '.join(addresses)}")


def _check_port(url: SplitResult, prober: Prober, advice: str) -> CheckResult:
    host, port = _host_and_port(url)
    try:
        socket.create_connection((host, port), prober.remaining()).close()
    except TimeoutError:
        text = f"no response from {host}, port {port}, within {prober.seconds:g} s"
        return problem("connect", text, "A firewall may block this port: have it opened.")
    except OSError as error:
        text = f"{host}, port {port}: {error.strerror or type(error).__name__}"
        return problem("connect", text, advice)
    return ok("connect", f"port {port} is open")


def _host_and_port(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


_TRY_AGAIN = "Try again, or read the backend's log."


def _check_tls(config: TelemetryConfig, url: SplitResult, prober: Prober) -> CheckResult:
    host, port = _host_and_port(url)
    try:
        context = tls_context(config)
        if config.protocol == "grpc":
            context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection((host, port), prober.remaining()) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            return ok("tls", f"{secured.version()}, the certificate is trusted")
    except ssl.SSLCertVerificationError as error:
        return problem("tls", *_certificate_problem(error, host))
    except TimeoutError:
        text = f"{host} did not finish the TLS handshake within {prober.seconds:g} s"
        return problem("tls", text, "Check that this port speaks TLS.")
    except ssl.SSLError as error:
        text = f"the TLS handshake with {host} failed: {error.reason or type(error).__name__}"
        advice = "Check that this port speaks TLS, and whether it asks for a client certificate."
        return problem("tls", text, advice)
    except OSError as error:
        text = f"the connection broke: {error.strerror or type(error).__name__}"
        return problem("tls", text, _TRY_AGAIN)


# OpenSSL's X509_V_ERR_* numbers, as in `SSLCertVerificationError.verify_code`.
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
_WRONG_HOST = frozenset({62, 64})


def _certificate_problem(error: ssl.SSLCertVerificationError, host: str) -> tuple[str, str]:
    """Return why a certificate is not trusted, and the advice for it."""
    code = error.verify_code
    if code == _EXPIRED:
        return "the certificate has expired", "Have it renewed, or set this machine's clock."
    if code == _NOT_YET_VALID:
        return "the certificate is not valid yet", "Set this machine's clock."
    if code in _UNKNOWN_AUTHORITY:
        return (
            "the certificate is signed by an authority that is not trusted here",
            "Name that authority in certificate_file; a proxy that decrypts TLS has its own.",
        )
    if code in _WRONG_HOST:
        return (
            f"the certificate is not for {host}",
            "Use the host name in the certificate, or have one issued for this name.",
        )
    return f"the certificate is not trusted: {error.verify_message}", "Have it replaced."


def _check_response(config: TelemetryConfig, prober: Prober) -> CheckResult:
    """Send an ExportLogsServiceRequest without events, and judge the response."""
    try:
        transport = create_transport(
            replace(config, timeout=min(config.timeout, prober.remaining()))
        )
    except Exception as error:
        text = f"the request could not be made: {type(error).__name__}"
        return problem("answer", text, _TRY_AGAIN)
    try:
        result: ExportResult = prober.bounded(lambda: transport.send(b""))
    except TimeoutError:
        text = f"no response within {prober.seconds:g} s"
        advice = "The backend is reachable, but does not respond: read its log."
        return problem("answer", text, advice)
    finally:
        transport.abort()
    return judge_response(result, config)


_KEY = "The key in headers is missing or wrong."
_FORMAT = "The backend does not accept this form of OTLP: check protocol and compression."
_PORT = "Check that the port is the one of this protocol: OTLP/HTTP often has 4318, gRPC 4317."

_WRONG_PATH = frozenset({"HTTP status 404", "HTTP status 405"})
_ADVICE = {
    "HTTP status 400": _FORMAT,
    "HTTP status 401": _KEY,
    "HTTP status 403": _KEY,
    "HTTP status 406": _FORMAT,
    "HTTP status 407": "The proxy asks for credentials: add them to its URL in the environment.",
    "HTTP status 415": _FORMAT,
    "gRPC status UNAUTHENTICATED": _KEY,
    "gRPC status PERMISSION_DENIED": _KEY,
    "gRPC status UNIMPLEMENTED": "This gRPC server does not accept OTLP logs.",
    "gRPC status UNAVAILABLE": _PORT,
}


def judge_response(result: ExportResult, config: TelemetryConfig) -> CheckResult:
    """Return what the *result* of a request without events tells about the backend."""
    if result.disposition is Disposition.DELIVERED:
        return ok("answer", f"the backend accepts OTLP {config.protocol}")
    reason = result.reason
    if reason in _WRONG_PATH:
        text = f"{reason} for the path {urlsplit(config.url).path or '/'}"
        return problem("answer", text, _path_advice(config))
    if reason.startswith("HTTP status 3"):
        advice = "Set the URL that the backend redirects to: redirects are not followed."
        return problem("answer", reason, advice)
    if reason in _ADVICE:
        return problem("answer", reason, _ADVICE[reason])
    if reason.startswith(("HTTP status", "gRPC status")):
        if result.disposition is Disposition.RETRY:
            advice = "Events are kept and sent later. If this lasts, read the backend's log."
            return warning("answer", reason, advice)
        return problem("answer", reason, "Read the backend's log.")
    return problem("answer", f"no response: {reason}", _PORT)


def _path_advice(config: TelemetryConfig) -> str:
    """Return the likely correction of a URL whose path the backend does not know."""
    url = urlsplit(config.url)
    origin, path = f"{url.scheme}://{url.netloc}", url.path
    if config.logs_endpoint is not None:
        if path.endswith("/v1/logs"):
            return "Look up the path for OTLP logs in the backend's documentation."
        base = path.rstrip("/")
        return (
            "logs_endpoint is used as it is, and most paths for logs end in /v1/logs. Try "
            f"{origin}{base}/v1/logs."
        )
    base = path.removesuffix("/v1/logs")
    for signal in ("/v1/traces", "/v1/metrics"):
        if base.endswith(signal):
            correct = f"{origin}{base.removesuffix(signal)}"
            return f"{signal} is not a path for logs. Set endpoint to {correct}."
    if base:
        return (
            f"/v1/logs is added to endpoint. If {base} is the full path for logs, set "
            f"logs_endpoint to {origin}{base} instead."
        )
    return (
        "/v1/logs is added to endpoint. Many backends accept OTLP below a path of their own: try "
        f"endpoint {origin}/otlp, or set the full URL in logs_endpoint."
    )
