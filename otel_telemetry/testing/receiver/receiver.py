"""The receiver: an OTLP backend in the process of the test."""

from __future__ import annotations

import ssl
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from otel_telemetry.testing.receiver.http import HTTPServer
from otel_telemetry.testing.receiver.request_log import RequestLog

if TYPE_CHECKING:
    from types import TracebackType

    from grpc import ServerCredentials
    from typing_extensions import Self

    from otel_telemetry.testing.receiver.answers import Answer
    from otel_telemetry.testing.receiver.received import (
        ReceivedEvent,
        ReceivedRequest,
        ReceivedSpan,
        Signal,
    )


class OTLPReceiver:
    """An OTLP backend in the process of the test, on real sockets, with the answers of the test.

    It receives OTLP over HTTP (protobuf and JSON; plain, gzip or deflate) and gRPC, stores the
    events, and answers with success, or as the test says::

        with OTLPReceiver() as receiver:
            receiver.answer(Answer.unavailable(retry_after=1))
            ...  # run code that sends to receiver.http_endpoint
            (event,) = receiver.wait_for_events(1)
            assert event.name == "didCreateEntry"

    A stopped receiver can be started again, like a backend after an outage: on the same ports, and
    with its events and queued answers.

    All methods are thread-safe. All threads are daemons, and `stop` ends them. The receiver writes
    nothing to stderr or a log.
    """

    def __init__(
        self,
        *,
        http: bool = True,
        grpc: bool = False,
        host: str = "127.0.0.1",
        http_port: int = 0,
        grpc_port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        grpc_credentials: ServerCredentials | None = None,
        http_max_request_bytes: int = 20 * 1024 * 1024,
        grpc_max_request_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        """Create a receiver; `start`, or `with`, opens its ports.

        Args:
            http: Receive OTLP/HTTP. Default True.
            grpc: Receive OTLP/gRPC, which imports gRPC. Default False.
            host: The address to listen on. Default 127.0.0.1.
            http_port: The port for HTTP. Default 0: the system chooses.
            grpc_port: The port for gRPC. Default 0: the system chooses.
            ssl_context: A server-side context, for HTTPS. Default None: plain HTTP.
            grpc_credentials: Server credentials, for gRPC over TLS. Default None: plain.
            http_max_request_bytes: The longest HTTP body, before and after its decompression. A
                longer one gets 413, and decompression stops at the limit. Default 20 MiB, as in
                the Collector.
            grpc_max_request_bytes: The longest gRPC message. For a longer one gRPC itself answers
                RESOURCE_EXHAUSTED, and `requests` does not list it. Default 4 MiB, as in the
                Collector.

        Raises:
            ValueError: Both `http` and `grpc` are False, or `ssl_context` is for clients.
        """
        if not http and not grpc:
            raise ValueError("a receiver needs http=True, grpc=True, or both")
        if ssl_context is not None and ssl_context.protocol is ssl.PROTOCOL_TLS_CLIENT:
            raise ValueError("ssl_context must be for a server: PROTOCOL_TLS_SERVER")
        self._serves_http = http
        self._serves_grpc = grpc
        self._host = host
        self._http_port = http_port
        self._grpc_port = grpc_port
        self._ssl_context = ssl_context
        self._grpc_credentials = grpc_credentials
        self._http_max_request_bytes = http_max_request_bytes
        self._grpc_max_request_bytes = grpc_max_request_bytes
        self._request_log = RequestLog()
        self._lock = threading.Lock()
        self._running: ExitStack | None = None

    def start(self) -> None:
        """Open the ports; when this returns, the receiver accepts requests. Idempotent.

        Raises:
            OSError: A port cannot be opened.
        """
        with self._lock:
            if self._running is not None:
                return
            with ExitStack() as stack:
                if self._serves_http:
                    self._start_http(stack)
                if self._serves_grpc:
                    self._start_grpc(stack)
                self._running = stack.pop_all()

    def _start_http(self, stack: ExitStack) -> None:
        """Start the HTTP server, and keep its port for the next start."""
        server = HTTPServer(
            self._request_log,
            host=self._host,
            port=self._http_port,
            ssl_context=self._ssl_context,
            max_request_bytes=self._http_max_request_bytes,
        )
        stack.callback(server.stop)
        self._http_port = server.port

    def _start_grpc(self, stack: ExitStack) -> None:
        """Start the gRPC server, and keep its port for the next start."""
        from otel_telemetry.testing.receiver.grpc import GRPCServer  # noqa: PLC0415 -- imports gRPC

        server = GRPCServer(
            self._request_log,
            host=self._host,
            port=self._grpc_port,
            credentials=self._grpc_credentials,
            max_request_bytes=self._grpc_max_request_bytes,
        )
        stack.callback(server.stop)
        self._grpc_port = server.port

    def stop(self) -> None:
        """Close the ports and all connections at once, even if an answer still waits. Idempotent.

        The requests and events stay readable.
        """
        with self._lock:
            running, self._running = self._running, None
            if running is not None:
                running.close()

    def __enter__(self) -> Self:
        """Start the receiver."""
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the receiver."""
        self.stop()

    @property
    def http_endpoint(self) -> str:
        """The base URL for OTLP/HTTP, to which a sender adds `/v1/logs`; known after `start`.

        Raises:
            RuntimeError: The receiver has not been started, or does not receive HTTP.
        """
        if not self._serves_http:
            raise RuntimeError("the receiver does not receive HTTP: see OTLPReceiver(http=)")
        return self._endpoint(self._http_port, tls=self._ssl_context is not None)

    @property
    def grpc_endpoint(self) -> str:
        """The URL for OTLP/gRPC; known after `start`.

        Raises:
            RuntimeError: The receiver has not been started, or does not receive gRPC.
        """
        if not self._serves_grpc:
            raise RuntimeError("the receiver does not receive gRPC: see OTLPReceiver(grpc=)")
        return self._endpoint(self._grpc_port, tls=self._grpc_credentials is not None)

    def _endpoint(self, port: int, *, tls: bool) -> str:
        """Return the URL of a port."""
        if not port:
            raise RuntimeError("the receiver has no port before start()")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if tls else 'http'}://{host}:{port}"

    def answer(self, *answers: Answer) -> None:
        """Queue answers for the next log requests, one each, in order of arrival.

        Requests for traces and metrics succeed, and a request that cannot be read is refused.
        Neither takes an answer from the queue.
        """
        self._request_log.answer(*answers)

    def answer_always(self, answer: Answer | None) -> None:
        """Set the answer to log requests once the queue is empty; None is success."""
        self._request_log.answer_always(answer)

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All requests, with any answer, in the order of arrival: a snapshot."""
        return self._request_log.requests

    @property
    def events(self) -> tuple[ReceivedEvent, ...]:
        """The stored events, copies included, in the order of arrival: a snapshot."""
        return self._request_log.events

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]:
        """The spans, in the order of arrival: a snapshot."""
        return self._request_log.spans

    def wait_for_events(
        self, count: int, timeout: float = 10.0, *, distinct: bool = False
    ) -> tuple[ReceivedEvent, ...]:
        """Wait until at least `count` events are stored, and return all stored events.

        Args:
            count: How many events.
            timeout: Seconds to wait at most. Default 10.
            distinct: Count, and return, the copies of an event once; see `unique`. Default False.

        Raises:
            TimeoutError: Fewer events are stored; the message lists the requests and events.
        """
        return self._request_log.wait_for_events(count, timeout, distinct=distinct)

    def wait_for_requests(
        self, count: int, timeout: float = 10.0, *, signal: Signal | None = None
    ) -> tuple[ReceivedRequest, ...]:
        """Wait until at least `count` requests have arrived, and return all that have.

        A request counts as soon as it is read; its answer may still wait.

        Args:
            count: How many requests.
            timeout: Seconds to wait at most. Default 10.
            signal: Count, and return, only requests of this signal. Default None: all.

        Raises:
            TimeoutError: Fewer requests arrived; the message lists the requests and events.
        """
        return self._request_log.wait_for_requests(count, timeout, signal)

    def clear(self) -> None:
        """Delete the requests, events and spans. Queued answers stay."""
        self._request_log.clear()
