"""A forward proxy: tunnels CONNECT, forwards plain requests, and can require credentials."""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests.support.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

_CHUNK: Final = 65536
_LONGEST_HEAD: Final = 65536
_JOIN_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRequest:
    """A request to the proxy, with its headers by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str]


class Proxy:
    """Serves each connection in a thread within its `with` block, and joins the threads at its end.

    With `credentials`, as ``user:password``, it answers 407 to a client without them.
    """

    def __init__(self, *, credentials: str | None = None) -> None:
        """Open a port."""
        self._expected = credentials and _basic(credentials)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self.requests: list[ProxyRequest] = []
        self.bytes_passed_on = 0

    @property
    def address(self) -> str:
        """The address of the proxy, as `host:port`."""
        return f"{LOOPBACK}:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        """The URL of the proxy."""
        return f"http://{self.address}"

    def __enter__(self) -> Self:
        """Start to serve."""
        self._start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        """Close every connection, and join every thread."""
        for sock in self._sockets:
            _cut(sock)
        for thread in self._threads:
            thread.join(_JOIN_TIMEOUT)
        for sock in self._sockets:
            sock.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), ExitStack() as stack:
            stack.callback(_cut, client)
            head, rest = _read_head(client)
            request = _parse(head)
            self.requests.append(request)
            if self._expected and request.headers.get("proxy-authorization") != self._expected:
                client.sendall(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b"Proxy-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            is_tunnel = request.method == "CONNECT"
            parts = urlsplit(f"//{request.target}" if is_tunnel else request.target)
            try:
                upstream = socket.create_connection((parts.hostname or "", parts.port or 80))
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            self._sockets.append(upstream)
            stack.callback(_cut, upstream)
            if is_tunnel:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                rest = _origin_form(request, parts.path, parts.netloc) + rest
            upstream.sendall(rest)
            self.bytes_passed_on += len(rest)
            self._start(self._pump, upstream, client, False)
            self._pump(client, upstream, True)

    def _pump(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:  # noqa: FBT001 - for _start
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                target.sendall(data)
                self.bytes_passed_on += len(data) if is_request else 0
        _cut(target)


def _read_head(client: socket.socket) -> tuple[str, bytes]:
    """Read up to the empty line; return the head, and the bytes after it."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _LONGEST_HEAD:
        more = client.recv(_CHUNK)
        if not more:
            raise OSError("the client has left")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _parse(head: str) -> ProxyRequest:
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    fields = (line.partition(":") for line in lines)
    return ProxyRequest(
        method=method,
        target=target,
        headers={name.strip().lower(): value.strip() for name, _, value in fields},
    )


def _origin_form(request: ProxyRequest, path: str, host: str) -> bytes:
    """Return the head for the server, without the headers for the proxy."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if not name.startswith("proxy-") and name not in {"connection", "host"}
    }
    headers |= {"host": host, "connection": "close"}
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode('ascii')}"


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
