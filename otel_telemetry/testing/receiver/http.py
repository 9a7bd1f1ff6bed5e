"""The receiver's HTTP side: a thread for each connection, and no thread left after stop."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
from functools import partial
from typing import IO, TYPE_CHECKING, Final

from otel_telemetry.testing.receiver.answers import Answer
from otel_telemetry.testing.receiver.decoding import UnreadableError, from_json, from_protobuf
from otel_telemetry.testing.receiver.http_messages import (
    CONTINUE,
    Head,
    MalformedError,
    RefusedError,
    decompress,
    read_body,
    read_head,
    response,
)
from otel_telemetry.testing.receiver.responses import JSON, PROTOBUF
from otel_telemetry.testing.receiver.threads import ThreadTracker, hold

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
_TICK = 0.01
_JOIN_TIMEOUT = 5.0


class HTTPServer:
    """One listening socket, from construction to `stop`."""

    def __init__(
        self,
        journal: RequestLog,
        *,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        max_request_bytes: int,
    ) -> None:
        """Bind, listen and accept."""
        self._journal = journal
        self._ssl_context = ssl_context
        self._max_request_bytes = max_request_bytes
        self._stopping = threading.Event()
        self._crew = ThreadTracker("otel-telemetry-receiver-http")
        self._connections: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._alarm, self._alarmed = socket.socketpair()
        self._acceptor = self._crew.start(self._accept)

    def stop(self) -> None:
        """Close everything at once, whatever is under way."""
        self._stopping.set()
        self._alarm.close()
        self._acceptor.join()
        # From here on there are no new connections; the threads of the old ones do the closing.
        for connection in tuple(self._connections):
            _shut_down(connection)
        self._crew.join(_JOIN_TIMEOUT)

    def _accept(self) -> None:
        """Accept connections until the alarm."""
        with self._listener, self._alarmed, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._alarmed, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                # Not ready is the alarm's case; also, a client may be gone again already.
                with contextlib.suppress(OSError):
                    self._welcome(self._listener.accept()[0])
            # A process that a test forked holds this socket too; only shutting it down frees the
            # port in both.
            _shut_down(self._listener)

    def _welcome(self, connection: socket.socket) -> None:
        """Give a connection its thread, where the handshake can then keep nobody else waiting."""
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
        self._crew.start(partial(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        """Answer requests until one side has enough."""
        try:
            with connection, connection.makefile("rb") as stream:
                if isinstance(connection, ssl.SSLSocket):
                    connection.do_handshake()
                while self._exchange(connection, stream):
                    pass
                _shut_down(connection)
        except (OSError, EOFError):
            pass  # the client is gone, or the receiver is stopping
        finally:
            self._connections.discard(connection)

    def _exchange(self, connection: socket.socket, stream: IO[bytes]) -> bool:
        """Take one request and answer it; False if it was the connection's last."""
        try:
            head = read_head(stream)
            if head is None:
                return False
            if head.expects_continue:
                connection.sendall(CONTINUE)
            body = read_body(stream, head.headers)
        except MalformedError as error:
            answer = Answer(status=400, message=str(error))
            connection.sendall(response(answer, "", keep_alive=False))
            return False
        answer = self._judge(head, body)
        if not hold(answer, self._stopping) or answer.drop:
            return False
        # A client of another method may not expect the body that the answer has.
        keep_alive = head.keep_alive and head.method == "POST"
        data = response(answer, head.content_type, keep_alive=keep_alive)
        return self._send(connection, data, answer.bytes_per_second) and keep_alive

    def _judge(self, head: Head, body: bytes) -> Answer:
        """Read the request, enter it in the journal, and get its answer."""
        protobuf = b""
        content: Message | Answer
        try:
            content, protobuf = self._read(head, body)
        except RefusedError as error:
            content = Answer(status=error.status, message=str(error))
        except UnreadableError as error:
            content = Answer(status=400, message=str(error))
        return self._journal.record(
            protocol="http/json" if head.content_type == JSON else "http/protobuf",
            signal=_signal(head),
            path=head.path,
            headers=head.headers,
            size=len(body),
            protobuf=protobuf,
            content=content,
        )

    def _read(self, head: Head, body: bytes) -> tuple[Message, bytes]:
        """Read the request's message, and its protobuf.

        Raises:
            RefusedError: It cannot be taken.
            UnreadableError: It is no such message.
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
        """Send the response, in small pieces if it has a speed; False if the receiver stops."""
        if bytes_per_second is None:
            connection.sendall(data)
            return True
        piece = max(1, int(bytes_per_second * _TICK))
        for start in range(0, len(data), piece):
            if start and self._stopping.wait(piece / bytes_per_second):
                return False
            connection.sendall(data[start : start + piece])
        return True


def _signal(head: Head) -> Signal | None:
    """Tell the signal by the path."""
    return _SIGNALS.get(head.path.partition("?")[0])


def _shut_down(connection: socket.socket) -> None:
    """End a connection for both sides, and wake the thread that waits for it.

    `SSLSocket.shutdown` would first forget the encryption, and a thread in the middle of sending
    would go on in the clear.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
