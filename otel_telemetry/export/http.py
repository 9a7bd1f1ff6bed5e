"""The end of requests that take too long."""

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

THREAD_NAME = "otel_telemetry-overtime"
_LOOK = 0.1  # seconds


class RequestDeadline:
    """Breaks off what takes too long, from a thread of its own. Thread-safe.

    One thread for many requests in a row: to start one for each would cost more than to send it.
    The thread looks ten times a second, and ends if none is under way then.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None
        self._cut: Callable[[], object] = bool

    def begin(self, seconds: float, cut: Callable[[], object]) -> None:
        """Call *cut* in so many seconds, unless `end` comes before."""
        with self._changed:
            self._deadline, self._cut = self._clock() + seconds, cut
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._watch, name=THREAD_NAME, daemon=True)
        # Once the interpreter goes down there are no new threads, and the end comes soon enough.
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def end(self) -> None:
        """Note that what began has ended; the thread learns of it when it looks."""
        with self._changed:
            self._deadline = None

    def stop(self) -> None:
        """Note the same, and have the thread look now."""
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
        config: Where to, with what headers, and how long a request may take.
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
        """Begin with no connection: two processes on one would read each other's answers."""
        self._line = _Line()
        self._overtime = RequestDeadline()
        self._pools = _pool_manager(self._url, self._line, self._tls)

    def send(self, request: bytes) -> ExportResult:
        """Send an ExportLogsServiceRequest and return what became of it; never raises."""
        self._line.open()
        # Looked at after that: an abort from here on cuts the line again.
        if self._aborted:
            return no_response("shutting down")
        body = _gzip(request) if self._compress else request
        # The time-outs of a socket begin anew with every byte; this one is for the whole request.
        self._overtime.begin(self._timeout, self._line.cut)
        _sending.now = True
        try:
            return self._post(body)
        except Exception as error:
            # Whatever left us without an answer may pass. The error's name alone: its text may
            # hold a proxy's credentials.
            return no_response(type(error).__name__)
        finally:
            _sending.now = False
            self._overtime.end()

    def abort(self) -> None:
        """Break off the request under way, and every later one."""
        self._aborted = True
        self._line.cut()
        self._overtime.stop()

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
        content, is_whole = b"", False
        # The status has been read and counts, even if the body breaks off: the backend has spoken.
        with contextlib.suppress(Exception):
            content = response.read(_LONGEST_ANSWER)
            is_whole = len(content) < _LONGEST_ANSWER
        if is_whole:
            response.release_conn()
        else:
            response.close()
        return from_http(response.status, response.headers, content)


def _is_hosts(_: logging.LogRecord) -> bool:
    """Keep what urllib3 says of our requests out of the host's log.

    A host that listens asked for its own; and where its log is sent through us, each request would
    be the reason for the next.
    """
    return not getattr(_sending, "now", False)


for _name in _LOGGERS:
    logging.getLogger(f"urllib3.{_name}").addFilter(_is_hosts)


class _Line:
    """The connection in use, for another thread to cut."""

    def __init__(self) -> None:
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._is_cut = False

    def open(self) -> None:
        """Begin another request."""
        self._is_cut = False

    def connect(self, connection: HTTPConnection, connect: Callable[[], None]) -> None:
        """Connect *connection*, by *connect*, within reach of `cut`."""
        self._connection = connection
        connect()
        # Kept here too: a connection lets go of its socket while its last answer is still read.
        self._socket = connection.sock
        if self._is_cut:  # while a name was looked up, which nothing can break off
            connection.close()
            raise ConnectionAbortedError

    def cut(self) -> None:
        """Shut the socket down: whoever waits on it, in another thread, waits no more.

        Where there is none yet, its request ends as soon as there is one.
        """
        self._is_cut = True
        for sock in (self._socket, getattr(self._connection, "sock", None)):
            if isinstance(sock, socket.socket):
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own, which takes the TLS session from under its reader.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _pool_manager(url: str, line: _Line, tls: ssl.SSLContext | None) -> urllib3.PoolManager:
    """Return what connects to *url*, by way of the environment's proxy if there is one."""

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
    """Return whom we trust, and who we are, over TLS; raises OSError over a file that is wrong."""
    context = ssl.create_default_context(cafile=config.certificate_file)
    if config.client_certificate_file is not None:
        context.load_cert_chain(config.client_certificate_file, config.client_key_file)
    return context
