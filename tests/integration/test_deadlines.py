"""Timeouts are kept against every kind of backend."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.processes import LOOPBACK, refusing_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry import OTLPLogRecordProcessor, Telemetry

SLACK: Final = 1.0  # seconds, for the noise of the machine; what goes wrong here takes ten
SHUTDOWN: Final = 0.3


@contextmanager
def refusing() -> Iterator[str]:
    """Refuse every connection."""
    with refusing_port() as port:
        yield f"http://{LOOPBACK}:{port}"


@contextmanager
def silent() -> Iterator[str]:
    """Accept connections and send nothing."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield f"http://{LOOPBACK}:{server.getsockname()[1]}"


@contextmanager
def silent_tls() -> Iterator[str]:
    """Accept connections and never start the handshake."""
    with silent() as url:
        yield url.replace("http://", "https://")


@contextmanager
def trickling() -> Iterator[str]:
    """Answer over HTTP, one byte a second."""
    with OTLPReceiver() as receiver:
        receiver.answer_always(Answer(bytes_per_second=1))
        yield receiver.http_endpoint


@contextmanager
def holding() -> Iterator[str]:
    """Accept a gRPC call, and hold its response."""
    with OTLPReceiver(http=False, grpc=True) as receiver:
        receiver.answer_always(Answer.held(threading.Event()))
        yield receiver.grpc_endpoint


@contextmanager
def throttling() -> Iterator[str]:
    """Ask for a retry in an hour."""
    with OTLPReceiver() as receiver:
        receiver.answer_always(Answer.throttled(retry_after=3600))
        yield receiver.http_endpoint


@contextmanager
def nowhere() -> Iterator[str]:
    """Use a name that does not resolve."""
    yield "https://nowhere.invalid"


BACKENDS: Final = [
    pytest.param(refusing, "http/protobuf", id="http-refuses"),
    pytest.param(silent, "http/protobuf", id="http-is-silent"),
    pytest.param(silent_tls, "http/protobuf", id="https-is-silent"),
    pytest.param(trickling, "http/protobuf", id="http-trickles"),
    pytest.param(throttling, "http/protobuf", id="http-throttles"),
    pytest.param(nowhere, "http/protobuf", id="http-is-nowhere"),
    pytest.param(refusing, "grpc", id="grpc-refuses"),
    pytest.param(silent, "grpc", id="grpc-is-silent"),
    pytest.param(holding, "grpc", id="grpc-holds"),
    pytest.param(nowhere, "grpc", id="grpc-is-nowhere"),
]


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a backend that never accepts an event."""
    with ExitStack() as stack:
        yield stack.enter_context(request.param())


def elapsed(action: Callable[[], object]) -> float:
    """Return the seconds that *action* takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


@pytest.mark.parametrize(("endpoint", "protocol"), BACKENDS, indirect=["endpoint"])
def test_flush_and_destroy_keep_their_timeouts(
    endpoint: str, protocol: str, make_telemetry: Callable[..., Telemetry]
) -> None:
    """Both return false: nothing was delivered."""
    telemetry = make_telemetry(endpoint, protocol=protocol, shutdown_timeout=SHUTDOWN)
    telemetry.bootstrap()
    results: list[bool] = []

    assert elapsed(lambda: telemetry.send("didStart")) < SLACK
    assert elapsed(lambda: results.append(telemetry.flush(0.2))) < 0.2 + SLACK
    assert elapsed(lambda: results.append(telemetry.destroy())) < SHUTDOWN + 0.1 + SLACK
    assert results == [False, False]
    assert telemetry.stats.delivered == 0


@pytest.mark.parametrize(("endpoint", "protocol"), BACKENDS, indirect=["endpoint"])
def test_destroy_keeps_its_timeout_during_the_first_connection(
    endpoint: str, protocol: str, make_telemetry: Callable[..., Telemetry]
) -> None:
    """The first connection is not open yet."""
    telemetry = make_telemetry(endpoint, protocol=protocol)
    telemetry.bootstrap()
    telemetry.send("didStart")

    assert elapsed(lambda: telemetry.destroy(0)) < 0.1 + SLACK


@pytest.mark.parametrize(
    ("endpoint", "protocol"),
    [BACKENDS[1], BACKENDS[8]],
    indirect=["endpoint"],
)
def test_processor_keeps_its_timeouts(
    endpoint: str, protocol: str, make_processor: Callable[..., OTLPLogRecordProcessor]
) -> None:
    """They are in milliseconds, as in the SDK."""
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(
        make_processor(endpoint, protocol=protocol, shutdown_timeout=SHUTDOWN)
    )
    provider.get_logger("scope").emit(LogRecord())

    assert elapsed(lambda: provider.force_flush(200)) < 0.2 + SLACK
    assert elapsed(provider.shutdown) < SHUTDOWN + 0.1 + SLACK


def test_flush_and_destroy_return_at_once_without_events(
    make_telemetry: Callable[..., Telemetry],
) -> None:
    """Both return true."""
    with silent() as endpoint:
        telemetry = make_telemetry(endpoint)
        telemetry.bootstrap()

        assert elapsed(lambda: telemetry.flush(10)) < SLACK
        assert telemetry.flush(10)
        assert telemetry.destroy(10)


def test_send_never_waits_for_the_backend(make_telemetry: Callable[..., Telemetry]) -> None:
    """The number of waiting events does not matter."""
    with silent() as endpoint:
        telemetry = make_telemetry(endpoint, max_batch_events=10)
        telemetry.bootstrap()

        assert elapsed(lambda: [telemetry.send("didStart") for _ in range(1_000)]) < SLACK


def test_second_destroy_returns_at_once(make_telemetry: Callable[..., Telemetry]) -> None:
    """It is idempotent."""
    with silent() as endpoint:
        telemetry = make_telemetry(endpoint)
        telemetry.send("didStart")
        telemetry.destroy(0.1)

        assert elapsed(lambda: telemetry.destroy(30)) < SLACK
