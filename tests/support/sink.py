"""The plainest server there is, to see what arrives behind another part."""

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
    """What a client asked: the path, and the body as it was before its compression."""

    path: str
    body: bytes


class Sink:
    """Takes every POST and answers 200 with an empty body.

    On purpose no part of the package under test: it judges the parts that judge the package.
    """

    def __init__(self) -> None:
        """Take a port; requests are served within the `with` block."""
        self._requests: queue.Queue[Request] = queue.Queue()
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.requests = self._requests
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def next_request(self, *, within: float) -> Request:
        """Wait for the next request nobody has looked at.

        Raises:
            queue.Empty: None came within `within` seconds.
        """
        return self._requests.get(timeout=within)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop serving and join every thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """Non-daemon threads: closing the server then waits for them."""

    daemon_threads = False
    requests: queue.Queue[Request]


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.0, so that no connection outlives its request."""

    timeout = 5

    def do_POST(self) -> None:
        """Record the request and thank for it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        assert isinstance(self.server, _Server)
        self.server.requests.put(Request(path=self.path, body=body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Stay silent: the test asserts on the requests."""
