"""OTLP over HTTP, on urllib3: one connection, with a deadline for the whole request.

`result` decides what the status of a response means.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
import urllib.request
import zlib
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from otel_telemetry._internal.version import VERSION
from otel_telemetry.config.config import DeliveryConfig
from otel_telemetry.export.result import ExportResult, from_http, no_response

THREAD_NAME = "otel_telemetry-deadline"
_LOOK = 0.1  # seconds


class RequestDeadline:
    """Aborts a request that takes too long, from a thread of its own. Thread-safe.

    One thread serves many requests in a row, because a thread start costs more than a request. The
    thread checks ten times a second, and ends if no request is in flight then.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None
        self._cut: Callable[[], object] = bool

    def start(self, seconds: float, cut: Callable[[], object]) -> None:
        """Call *cut* in *seconds* seconds, unless `cancel` comes first."""
        with self._changed:
            self._deadline, self._cut = self._clock() + seconds, cut
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._watch, name=THREAD_NAME, daemon=True)
        # At interpreter shutdown no thread can start; the process ends soon anyway.
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def cancel(self) -> None:
        """Note that the request has ended; the thread sees it at its next check."""
        with self._changed:
            self._deadline = None

    def stop(self) -> None:
        """Note that the request has ended, and end the thread now."""
        with self._changed:
            self._deadline = None
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._deadline is not None:
                left = self._deadline - self._clock()
                if left > 0:
                    self._changed.wait(min(left, _LOOK))
                else:
                    self._deadline = None
                    self._cut()
            self._thread = None


# Levels 1 to 3 cost the same and shrink these requests 14-fold; the default level costs three times
# their time for another fifth.
_GZIP_LEVEL = 3
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_LONGEST_ANSWER = 64 * 1024  # bytes; nothing beyond it is read
_LOGGERS = ("connection", "connectionpool", "poolmanager", "util.retry")  # of urllib3

_sending = threading.local()


class HTTPTransport:
    """Sends requests to one URL. `send` by one thread at a time; `abort` by any.

    Args:
        config: The URL, the headers and the time-out of a request.
    """

    def __init__(self, config: DeliveryConfig) -> None:
        self._url = config.url
        self._timeout = config.timeout
        self._compress = config.compression == "gzip"
        self._headers = {
            "user-agent": f"otel-telemetry/{VERSION}",
            **config.headers,
            "content-type": "application/x-protobuf",
            **({"content-encoding": "gzip"} if self._compress else {}),
        }
        self._tls = tls_context(config) if self._url.startswith("https://") else None
        self._aborted = False
        self.after_fork()

    def after_fork(self) -> None:
        """Start without a connection: two processes on one would read each other's responses."""
        self._connection_handle = _ConnectionHandle()
        self._deadline = RequestDeadline()
        self._pools = _pool_manager(self._url, self._connection_handle, self._tls)

    def send(self, request: bytes) -> ExportResult:
        """Send an ExportLogsServiceRequest and return its result; never raises."""
        self._connection_handle.open()
        # Checked after that: an abort from here on cuts the connection again.
        if self._aborted:
            return no_response("shutting down")
        body = _gzip(request) if self._compress else request
        # The time-out of a socket starts again with every byte; this one is for the whole request.
        self._deadline.start(self._timeout, self._connection_handle.cut)
        _sending.now = True
        try:
            return self._post(body)
        except Exception as error:
            # Every error without a response is retryable. The text of the error may contain the
            # credentials of a proxy, so only its name is shown.
            return no_response(type(error).__name__)
        finally:
            _sending.now = False
            self._deadline.cancel()

    def abort(self) -> None:
        """Abort the request in flight and every later one."""
        self._aborted = True
        self._connection_handle.cut()
        self._deadline.stop()

    def _post(self, body: bytes) -> ExportResult:
        response = self._pools.urlopen(
            "POST",
            self._url,
            body=body,
            headers=self._headers,
            timeout=self._timeout,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        content, is_complete = b"", False
        # The status counts, even if the body is incomplete.
        with contextlib.suppress(Exception):
            content = response.read(_LONGEST_ANSWER)
            is_complete = len(content) < _LONGEST_ANSWER
        if is_complete:
            response.release_conn()
        else:
            response.close()
        return from_http(response.status, response.headers, content)


def _is_host_record(_: logging.LogRecord) -> bool:
    """Keep urllib3's log records of our requests out of the application's log.

    Where the application exports its log through this library, each request would otherwise cause
    the next.
    """
    return not getattr(_sending, "now", False)


for _name in _LOGGERS:
    logging.getLogger(f"urllib3.{_name}").addFilter(_is_host_record)


class _ConnectionHandle:
    """The connection in use, so that another thread can cut it."""

    def __init__(self) -> None:
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._is_cut = False

    def open(self) -> None:
        """Begin another request."""
        self._is_cut = False

    def connect(self, connection: HTTPConnection, connect: Callable[[], None]) -> None:
        """Connect *connection* by *connect*, so that `cut` can reach it."""
        self._connection = connection
        connect()
        # Kept here too: a connection drops its socket while its last response is still read.
        self._socket = connection.sock
        if self._is_cut:  # during a DNS look-up, which cannot be aborted
            connection.close()
            raise ConnectionAbortedError

    def cut(self) -> None:
        """Shut the socket down, which ends every wait on it in other threads.

        Without a socket yet, the request ends as soon as it has one.
        """
        self._is_cut = True
        for sock in (self._socket, getattr(self._connection, "sock", None)):
            if isinstance(sock, socket.socket):
                with contextlib.suppress(OSError):
                    # Not SSLSocket's method, which removes the TLS session while it is read.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _pool_manager(
    url: str, line: _ConnectionHandle, tls: ssl.SSLContext | None
) -> urllib3.PoolManager:
    """Return the connection pools for *url*, through the environment's proxy if it names one."""

    class Connection(HTTPConnection):
        def connect(self) -> None:
            line.connect(self, super().connect)

    class TLSConnection(HTTPSConnection):
        def connect(self) -> None:
            line.connect(self, super().connect)

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class TLSPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TLSConnection

    proxy, proxy_headers = proxy_for(url)
    pools = (
        urllib3.PoolManager(num_pools=1, maxsize=1, ssl_context=tls)
        if proxy is None
        else urllib3.ProxyManager(
            proxy, proxy_headers=proxy_headers, num_pools=1, maxsize=1, ssl_context=tls
        )
    )
    pools.pool_classes_by_scheme = {"http": Pool, "https": TLSPool}
    return pools


def proxy_for(url: str) -> tuple[str | None, dict[str, str]]:
    """Return the URL of the proxy that the environment names for *url*, and headers for it."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None, {}
    named = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if named.username is None:
        return named.geturl(), {}
    # urllib3 takes credentials as a header only.
    credentials = f"{unquote(named.username)}:{unquote(named.password or '')}"
    bare = named._replace(netloc=named.netloc.rpartition("@")[2])
    return bare.geturl(), dict(urllib3.make_headers(proxy_basic_auth=credentials))


def _gzip(data: bytes) -> bytes:
    # Not `gzip.compress`, whose header holds the time.
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    return compressor.compress(data) + compressor.flush()


def tls_context(config: DeliveryConfig) -> ssl.SSLContext:
    """Return the TLS context with the configured certificates; raises OSError for a bad file."""
    context = ssl.create_default_context(cafile=config.certificate_file)
    if config.client_certificate_file is not None:
        context.load_cert_chain(config.client_certificate_file, config.client_key_file)
    return context
