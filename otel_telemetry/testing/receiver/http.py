"""The HTTP server of the receiver: one thread for each connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
from functools import partial
from typing import IO, TYPE_CHECKING, Final

from otel_telemetry.testing.receiver.answers import JSON, PROTOBUF, Answer
from otel_telemetry.testing.receiver.decoding import UnreadableError, from_json, from_protobuf
from otel_telemetry.testing.receiver.http_messages import (
    CONTINUE,
    Body,
    Head,
    MalformedError,
    RefusedError,
    decompress,
    read_body,
    read_head,
    response,
)
from otel_telemetry.testing.receiver.threads import ThreadTracker, wait_before_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_telemetry.testing.receiver.decoding import Message
    from otel_telemetry.testing.receiver.received import Signal
    from otel_telemetry.testing.receiver.request_log import RequestLog

_SIGNALS: Final[Mapping[str, Signal]] = {
    "/v1/logs": "logs",
    "/v1/traces": "traces",
    "/v1/metrics": "metrics",
}
_SEND_INTERVAL = 0.01
_JOIN_TIMEOUT = 5.0


class HTTPServer:
    """An HTTP server, which runs from its construction to `stop`."""

    def __init__(
        self,
        request_log: RequestLog,
        *,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        max_request_bytes: int,
    ) -> None:
        """Bind, listen and accept."""
        self._request_log = request_log
        self._ssl_context = ssl_context
        self._max_request_bytes = max_request_bytes
        self._stopping = threading.Event()
        self._threads = ThreadTracker("otel-telemetry-receiver-http")
        self._connections: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wakeup_sender, self._wakeup_receiver = socket.socketpair()
        self._acceptor = self._threads.start(self._accept)

    def stop(self) -> None:
        """Close all connections at once, and wait for the threads."""
        self._stopping.set()
        self._wakeup_sender.close()
        self._acceptor.join()
        # No new connection can come now; each connection's own thread closes it.
        for connection in tuple(self._connections):
            _shut_down(connection)
        self._threads.join(_JOIN_TIMEOUT)

    def _accept(self) -> None:
        """Accept connections until `stop` wakes this thread."""
        with self._listener, self._wakeup_receiver, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakeup_receiver, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                # After a wake-up no client waits, and a client may have left already.
                with contextlib.suppress(OSError):
                    self._start_connection(self._listener.accept()[0])
            # A process that a test forked has this socket too; only a shutdown frees the port.
            _shut_down(self._listener)

    def _start_connection(self, connection: socket.socket) -> None:
        """Start the thread of a connection, which also does the TLS handshake."""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._ssl_context is not None:
                connection = self._ssl_context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
        except OSError:
            connection.close()
            return
        self._connections.add(connection)
        self._threads.start(partial(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        """Answer requests until the client or the receiver closes the connection."""
        try:
            with connection, connection.makefile("rb") as stream:
                if isinstance(connection, ssl.SSLSocket):
                    connection.do_handshake()
                while self._exchange(connection, stream):
                    pass
                _shut_down(connection)
        except (OSError, EOFError):
            pass  # the client has left, or the receiver stops
        finally:
            self._connections.discard(connection)

    def _exchange(self, connection: socket.socket, stream: IO[bytes]) -> bool:
        """Read one request and answer it; return whether the connection stays open."""
        try:
            head = read_head(stream)
            if head is None:
                return False
            if head.expects_continue:
                connection.sendall(CONTINUE)
            body = read_body(stream, head.headers, self._max_request_bytes)
        except MalformedError as error:
            answer = Answer(status=400, message=str(error))
            connection.sendall(response(answer, "", keep_alive=False))
            return False
        answer = self._answer_to(head, body)
        if not wait_before_answer(answer, self._stopping) or answer.drop:
            return False
        # After another method, such as HEAD, a client may not expect the body of the answer.
        keep_alive = head.keep_alive and head.method == "POST"
        data = response(answer, head.content_type, keep_alive=keep_alive)
        return self._send(connection, data, answer.bytes_per_second) and keep_alive

    def _answer_to(self, head: Head, body: Body) -> Answer:
        """Record the request, and return its answer."""
        protobuf = b""
        content: Message | Answer
        try:
            content, protobuf = self._parse(head, body)
        except RefusedError as error:
            content = Answer(status=error.status, message=str(error))
        except UnreadableError as error:
            content = Answer(status=400, message=str(error))
        return self._request_log.record(
            protocol="http/json" if head.content_type == JSON else "http/protobuf",
            signal=_signal(head),
            path=head.path,
            headers=head.headers,
            size=body.size,
            protobuf=protobuf,
            content=content,
        )

    def _parse(self, head: Head, body: Body) -> tuple[Message, bytes]:
        """Return the message of the request, and its protobuf.

        Raises:
            RefusedError: The receiver does not accept such a request.
            UnreadableError: The body is not a message of the signal.
        """
        signal = _signal(head)
        if signal is None or head.method != "POST":
            raise RefusedError(404, "not found")
        if head.content_type not in {PROTOBUF, JSON}:
            raise RefusedError(415, "unknown content type")
        data = decompress(body, head.headers.get("content-encoding", ""), self._max_request_bytes)
        if head.content_type == PROTOBUF:
            return from_protobuf(signal, data), data
        message = from_json(signal, data)
        return message, message.SerializeToString()

    def _send(self, connection: socket.socket, data: bytes, bytes_per_second: float | None) -> bool:
        """Send the response, at its speed if it has one; return False if the receiver stops."""
        if bytes_per_second is None:
            connection.sendall(data)
            return True
        piece = max(1, int(bytes_per_second * _SEND_INTERVAL))
        for start in range(0, len(data), piece):
            if start and self._stopping.wait(piece / bytes_per_second):
                return False
            connection.sendall(data[start : start + piece])
        return True


def _signal(head: Head) -> Signal | None:
    """Return the signal of the path, if it has one."""
    return _SIGNALS.get(head.path.partition("?")[0])


def _shut_down(connection: socket.socket) -> None:
    """Shut a connection down in both directions, which wakes the thread that waits for it.

    `SSLSocket.shutdown` would drop the encryption first, and a thread that is sending would
    continue in plain text.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
