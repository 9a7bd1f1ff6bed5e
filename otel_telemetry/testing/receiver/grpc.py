"""The gRPC server of the receiver."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn, ParamSpec, TypeVar

import grpc

from otel_telemetry.testing.receiver.answers import Answer, retry_later, success
from otel_telemetry.testing.receiver.decoding import UnreadableError, from_protobuf
from otel_telemetry.testing.receiver.threads import ThreadTracker, wait_before_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_telemetry.testing.receiver.decoding import Message
    from otel_telemetry.testing.receiver.received import Signal
    from otel_telemetry.testing.receiver.request_log import RequestLog

_SERVICES: Final[Mapping[str, Signal]] = {
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
}
_STOP_GRACE = 0.2
_JOIN_TIMEOUT = 5.0
_P = ParamSpec("_P")
_T = TypeVar("_T")
_tracking_lock = threading.Lock()


class GRPCServer:
    """A gRPC server, which runs from its construction to `stop`."""

    def __init__(
        self,
        request_log: RequestLog,
        *,
        host: str,
        port: int,
        credentials: grpc.ServerCredentials | None,
        max_request_bytes: int,
    ) -> None:
        """Bind, listen and accept."""
        # gRPC reports an address that is in use only on stderr; this raises OSError.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
        self._request_log = request_log
        self._stopping = threading.Event()
        self._threads = ThreadTracker("otel-telemetry-receiver-grpc")
        self._server = grpc.server(
            _ThreadPerCall(self._threads),
            handlers=[self._handler(service, signal) for service, signal in _SERVICES.items()],
            options=[
                ("grpc.max_receive_message_length", max_request_bytes),
                # Otherwise a second receiver could share the port and get half of the calls.
                ("grpc.so_reuseport", 0),
            ],
        )
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, credentials)
        with self._track_grpc_thread("(_serve)"):
            self._server.start()

    def stop(self) -> None:
        """End every call and close every connection at once."""
        self._stopping.set()
        # With no grace period, clients in this process would log to stderr. Running calls end by
        # themselves, so only a client that hangs uses up the period.
        with self._track_grpc_thread("(cancel_all_calls_after_grace)"):
            stopped = self._server.stop(_STOP_GRACE)
        stopped.wait(_JOIN_TIMEOUT)
        self._threads.join(_JOIN_TIMEOUT)

    @contextlib.contextmanager
    def _track_grpc_thread(self, name: str) -> Iterator[None]:
        """Track the thread that gRPC starts in the block and does not return."""
        with _tracking_lock:
            before = set(threading.enumerate())
            yield
            started = set(threading.enumerate()) - before
            for thread in [thread for thread in started if thread.name.endswith(name)]:
                self._threads.track(thread)

    def _handler(self, service: str, signal: Signal) -> grpc.GenericRpcHandler[bytes, bytes]:
        """Return the handler of a service, on raw bytes, which the request log keeps."""
        behaviour = partial(self._export, signal, f"/{service}/Export")
        method = grpc.unary_unary_rpc_method_handler(behaviour)
        return grpc.method_handlers_generic_handler(service, {"Export": method})

    def _export(
        self, signal: Signal, path: str, data: bytes, context: grpc.ServicerContext
    ) -> bytes:
        """Record one request and answer it."""
        content: Message | Answer
        protobuf = data
        try:
            content = from_protobuf(signal, data)
        except UnreadableError as error:
            protobuf = b""
            content = Answer.bad_data(str(error))
        answer = self._request_log.record(
            protocol="grpc",
            signal=signal,
            path=path,
            headers={
                # Binary metadata is base64 on the wire.
                key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
                for key, value in context.invocation_metadata()
            },
            size=len(data),
            protobuf=protobuf,
            content=content,
        )
        if not wait_before_answer(answer, self._stopping) or answer.drop:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        metadata: list[tuple[str, str | bytes]] = [
            (name.lower(), value) for name, value in answer.headers.items()
        ]
        if answer.grpc_code != "OK":
            _fail(context, answer, metadata)
        context.set_trailing_metadata(tuple(metadata))
        return success(answer).SerializeToString() if answer.body is None else answer.body


class _ThreadPerCall(futures.ThreadPoolExecutor):
    """A pool of daemon threads without a limit.

    The threads of the standard pool are not daemons, so an answer that waits would keep the
    interpreter alive. With a limit, answers that wait would block other calls.
    """

    def __init__(self, tracker: ThreadTracker) -> None:
        """Create a pool that starts its threads through the tracker."""
        super().__init__(max_workers=1)
        self._tracker = tracker

    def submit(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> futures.Future[_T]:
        """Run the function, which is gRPC's and never raises, in a new thread."""
        future: futures.Future[_T] = futures.Future()
        self._tracker.start(lambda: future.set_result(function(*args, **kwargs)))
        return future


def _fail(
    context: grpc.ServicerContext, answer: Answer, metadata: list[tuple[str, str | bytes]]
) -> NoReturn:
    """End the call with a status other than OK."""
    code = grpc.StatusCode[answer.grpc_code]
    if isinstance(answer.retry_after, (int, float)):
        details = retry_later(answer, code.value[0], answer.retry_after)
        metadata.append(("grpc-status-details-bin", details))
    context.set_trailing_metadata(tuple(metadata))
    context.abort(code, answer.message)
