"""A minimal HTTP server, which records what a proxy or collector forwards."""

from __future__ import annotations

import gzip
import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import Self

from tests.support.processes import LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request: its path, and its body, decompressed."""

    path: str
    body: bytes


class Sink:
    """Answers each POST with 200 and an empty body.

    It uses nothing of the package, because it tests the parts that test the package.
    """

    def __init__(self) -> None:
        """Open a port; the `with` block serves requests."""
        self._requests: queue.Queue[Request] = queue.Queue()
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.requests = self._requests
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def next_request(self, *, within: float) -> Request:
        """Wait for the next request, and return it once.

        Raises:
            queue.Empty: No request came within `within` seconds.
        """
        return self._requests.get(timeout=within)

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the server, and join every thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """Has no daemon threads, so that `server_close` waits for them."""

    daemon_threads = False
    requests: queue.Queue[Request]


class _Handler(BaseHTTPRequestHandler):
    """Uses HTTP/1.0, so that each connection ends with its request."""

    timeout = 5

    def do_POST(self) -> None:
        """Record the request, and answer it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        assert isinstance(self.server, _Server)
        self.server.requests.put(Request(path=self.path, body=body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Write no log: the test checks the requests."""
