"""A backend for tests: an OTLP receiver in the process of the test."""

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
    """An OTLP backend inside the test: real sockets, and the answers the test wants.

    Speaks OTLP over HTTP (protobuf and JSON; plain, gzip or deflate) and gRPC, keeps what arrives,
    and answers with success unless told otherwise::

        with OTLPReceiver() as receiver:
            receiver.answer(Answer.unavailable(retry_after=1))
            ...  # let the code under test send to receiver.http_endpoint
            (event,) = receiver.wait_for_events(1)
            assert event.name == "didCreateEntry"

    A stopped receiver can be started again: it comes back on the same ports, as a backend after an
    outage, with the events and the queued answers it had.

    All methods are thread-safe. All threads are daemons, and `stop` leaves none behind. Nothing is
    written to stderr or a log.
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
        """Describe the receiver; `start`, or `with`, opens its ports.

        Args:
            http: Speak OTLP/HTTP.
            grpc: Speak OTLP/gRPC. gRPC is imported only then.
            host: The address to listen on.
            http_port: The port for HTTP; 0 lets the system choose.
            grpc_port: The port for gRPC; 0 lets the system choose.
            ssl_context: A server-side context makes the HTTP side HTTPS.
            grpc_credentials: Server credentials give the gRPC side TLS.
            http_max_request_bytes: A larger HTTP body, compressed or not, is answered 413. Default
                20 MiB, as in the Collector.
            grpc_max_request_bytes: A larger message is answered RESOURCE_EXHAUSTED by gRPC itself,
                and not listed in `requests`. Default 4 MiB, as in the Collector.

        Raises:
            ValueError: Neither HTTP nor gRPC is wanted, or `ssl_context` is for clients.
        """
        if not http and not grpc:
            raise ValueError("a receiver speaks http, grpc, or both")
        if ssl_context is not None and ssl_context.protocol is ssl.PROTOCOL_TLS_CLIENT:
            raise ValueError("ssl_context must be for a server: PROTOCOL_TLS_SERVER")
        self._speaks_http = http
        self._speaks_grpc = grpc
        self._host = host
        self._http_port = http_port
        self._grpc_port = grpc_port
        self._ssl_context = ssl_context
        self._grpc_credentials = grpc_credentials
        self._http_max_request_bytes = http_max_request_bytes
        self._grpc_max_request_bytes = grpc_max_request_bytes
        self._journal = RequestLog()
        self._lock = threading.Lock()
        self._running: ExitStack | None = None

    def start(self) -> None:
        """Open the ports. When this returns, requests are taken. Idempotent.

        Raises:
            OSError: A port cannot be had.
        """
        with self._lock:
            if self._running is not None:
                return
            with ExitStack() as stack:
                if self._speaks_http:
                    self._start_http(stack)
                if self._speaks_grpc:
                    self._start_grpc(stack)
                self._running = stack.pop_all()

    def _start_http(self, stack: ExitStack) -> None:
        """Start the HTTP side, and note its port for the next start."""
        server = HTTPServer(
            self._journal,
            host=self._host,
            port=self._http_port,
            ssl_context=self._ssl_context,
            max_request_bytes=self._http_max_request_bytes,
        )
        stack.callback(server.stop)
        self._http_port = server.port

    def _start_grpc(self, stack: ExitStack) -> None:
        """Start the gRPC side, and note its port for the next start."""
        from otel_telemetry.testing.receiver.grpc import GRPCServer  # noqa: PLC0415 -- imports gRPC

        server = GRPCServer(
            self._journal,
            host=self._host,
            port=self._grpc_port,
            credentials=self._grpc_credentials,
            max_request_bytes=self._grpc_max_request_bytes,
        )
        stack.callback(server.stop)
        self._grpc_port = server.port

    def stop(self) -> None:
        """Close the ports and all connections at once, also those with a held answer. Idempotent.

        What has arrived stays readable.
        """
        with self._lock:
            running, self._running = self._running, None
            if running is not None:
                running.close()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def http_endpoint(self) -> str:
        """The base URL for OTLP/HTTP, to which a sender adds `/v1/logs`; known from `start` on.

        Raises:
            RuntimeError: It is not known yet, or this receiver does not speak HTTP.
        """
        spoken = "http" if self._speaks_http else None
        return self._endpoint(spoken, self._http_port, tls=self._ssl_context is not None)

    @property
    def grpc_endpoint(self) -> str:
        """The URL for OTLP/gRPC; known from `start` on.

        Raises:
            RuntimeError: It is not known yet, or this receiver does not speak gRPC.
        """
        spoken = "grpc" if self._speaks_grpc else None
        return self._endpoint(spoken, self._grpc_port, tls=self._grpc_credentials is not None)

    def _endpoint(self, spoken: str | None, port: int, *, tls: bool) -> str:
        """Write an endpoint as a URL."""
        if spoken is None:
            raise RuntimeError("the receiver does not speak this: see OTLPReceiver(http=, grpc=)")
        if not port:
            raise RuntimeError("the receiver has no port before start()")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if tls else 'http'}://{host}:{port}"

    def answer(self, *answers: Answer) -> None:
        """Queue answers for the next log requests, one each, in order of arrival.

        Requests for traces and metrics succeed; what cannot be read is refused. Neither uses up an
        answer.
        """
        self._journal.answer(*answers)

    def answer_always(self, answer: Answer | None) -> None:
        """Answer log requests like this once the queue is empty; None: with success again."""
        self._journal.answer_always(answer)

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All requests that arrived, whatever they were answered: a snapshot."""
        return self._journal.requests

    @property
    def events(self) -> tuple[ReceivedEvent, ...]:
        """The events that were stored, copies included, in the order of arrival: a snapshot."""
        return self._journal.events

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]:
        """The spans that arrived: a snapshot."""
        return self._journal.spans

    def wait_for_events(
        self, count: int, timeout: float = 10.0, *, distinct: bool = False
    ) -> tuple[ReceivedEvent, ...]:
        """Wait until at least `count` events are stored, and return all there are.

        Args:
            count: How many events.
            timeout: Seconds to wait at most.
            distinct: Count, and return, the copies of an event once; see `unique`.

        Raises:
            TimeoutError: They did not come; the message names what did.
        """
        return self._journal.wait_for_events(count, timeout, distinct=distinct)

    def wait_for_requests(
        self, count: int, timeout: float = 10.0, *, signal: Signal | None = None
    ) -> tuple[ReceivedRequest, ...]:
        """Wait until at least `count` requests have arrived, and return all there are.

        A request is there as soon as it was read; its answer may still be held.

        Args:
            count: How many requests.
            timeout: Seconds to wait at most.
            signal: Count, and return, only requests of this signal. Default None: all.

        Raises:
            TimeoutError: They did not come; the message names what did.
        """
        return self._journal.wait_for_requests(count, timeout, signal)

    def clear(self) -> None:
        """Forget what arrived. Queued answers stay."""
        self._journal.clear()
