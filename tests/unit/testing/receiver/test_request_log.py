"""The queue of answers and the list of requests."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from otel_telemetry.testing import Answer, WireProtocol
from otel_telemetry.testing.receiver.request_log import RequestLog


def add(request_log: RequestLog, *names: str, protocol: WireProtocol = "http/protobuf") -> Answer:
    """Add a request with these events; the id of each is its name."""
    records = [
        LogRecord(
            event_name=name,
            attributes=[KeyValue(key="log.record.uid", value=AnyValue(string_value=name))],
        )
        for name in names
    ]
    message = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])]
    )
    return request_log.record(
        protocol=protocol,
        signal="logs",
        path="/v1/logs",
        headers={},
        size=0,
        protobuf=message.SerializeToString(),
        content=message,
    )


def add_metrics(request_log: RequestLog) -> Answer:
    """Add a request of another signal."""
    return request_log.record(
        protocol="http/protobuf",
        signal="metrics",
        path="/v1/metrics",
        headers={},
        size=0,
        protobuf=b"",
        content=ExportMetricsServiceRequest(),
    )


def add_unreadable(request_log: RequestLog, answer: Answer) -> Answer:
    """Add a request that cannot be read."""
    return request_log.record(
        protocol="http/protobuf",
        signal="logs",
        path="/v1/logs",
        headers={},
        size=0,
        protobuf=b"",
        content=answer,
    )


def names(request_log: RequestLog) -> list[str]:
    """Return the names of the stored events."""
    return [event.name for event in request_log.events]


def test_answers_come_from_the_queue_then_the_default_then_success() -> None:
    """Each answer of the queue is used once."""
    request_log = RequestLog()
    request_log.answer(Answer(status=503), Answer(status=429))
    request_log.answer(Answer(status=400))
    request_log.answer_always(Answer(status=502))

    statuses = [add(request_log).status for _ in range(4)]
    request_log.answer_always(None)
    statuses.append(add(request_log).status)

    assert statuses == [503, 429, 400, 502, 200]


def test_only_readable_log_requests_take_answers_from_the_queue() -> None:
    """Other signals and unreadable requests leave the queue unchanged."""
    request_log = RequestLog()
    request_log.answer(Answer(status=503))
    refusal = Answer(status=415)

    assert add_metrics(request_log).status == 200
    assert add_unreadable(request_log, refusal) is refusal
    assert add(request_log).status == 503
    assert [request.answer.status for request in request_log.requests] == [200, 415, 503]


@pytest.mark.parametrize(
    ("answer", "protocol", "stored"),
    [
        pytest.param(Answer(), "http/protobuf", 3, id="success"),
        pytest.param(Answer(status=204), "http/json", 3, id="2xx"),
        pytest.param(Answer(status=308), "http/protobuf", 0, id="redirect"),
        pytest.param(Answer(status=503), "http/protobuf", 0, id="HTTP failure"),
        pytest.param(Answer(status=503), "grpc", 3, id="OK over gRPC"),
        pytest.param(Answer(grpc_code="ABORTED"), "grpc", 0, id="gRPC failure"),
        pytest.param(Answer(grpc_code="ABORTED"), "http/protobuf", 3, id="200 over HTTP"),
        pytest.param(Answer(drop=True), "http/protobuf", 0, id="dropped"),
        pytest.param(Answer.dropped(store=True), "http/protobuf", 3, id="stored, then dropped"),
        pytest.param(Answer(status=503, store=True), "http/protobuf", 3, id="failure with store"),
        pytest.param(Answer(store=False), "http/protobuf", 0, id="success without store"),
        pytest.param(Answer.partial(1), "http/protobuf", 2, id="partial"),
        pytest.param(Answer.partial(9), "http/protobuf", 0, id="partial of more than all"),
    ],
)
def test_the_answer_decides_which_events_are_stored(
    answer: Answer, protocol: WireProtocol, stored: int
) -> None:
    """A success stores all but the rejected, a failure none; `store` overrides both."""
    request_log = RequestLog()
    request_log.answer(answer)

    add(request_log, "a", "b", "c", protocol=protocol)

    assert names(request_log) == ["a", "b", "c"][:stored]
    (request,) = request_log.requests
    assert request.stored_count == stored
    assert [event.name for event in request.events] == ["a", "b", "c"]


def test_clear_deletes_the_requests_and_keeps_queued_answers() -> None:
    """One receiver can serve several phases of a test."""
    request_log = RequestLog()
    add(request_log, "a")
    request_log.answer(Answer(status=503))

    request_log.clear()

    assert (request_log.requests, request_log.events, request_log.spans) == ((), (), ())
    assert add(request_log).status == 503


def test_waiting_ends_when_enough_events_and_requests_arrive() -> None:
    """Other signals do not count."""
    request_log = RequestLog()
    with ThreadPoolExecutor(2) as pool:
        events = pool.submit(request_log.wait_for_events, 2, 30, distinct=False)
        requests = pool.submit(request_log.wait_for_requests, 2, 30, "logs")
        add_metrics(request_log)
        add(request_log, "a")
        add(request_log, "b")

        assert [event.name for event in events.result()] == ["a", "b"]
        assert [request.signal for request in requests.result()] == ["logs", "logs"]


def test_waiting_returns_all_events_and_requests_at_once_if_enough_are_there() -> None:
    """The count is a minimum."""
    request_log = RequestLog()
    add_metrics(request_log)
    add(request_log, "a", "b")

    assert len(request_log.wait_for_events(1, 0, distinct=False)) == 2
    assert len(request_log.wait_for_requests(1, 0, None)) == 2


def test_waiting_for_distinct_events_counts_copies_once() -> None:
    """Delivery is at least once, so a test may have to wait for events, not for copies."""
    request_log = RequestLog()
    add(request_log, "a")
    add(request_log, "a")
    with pytest.raises(TimeoutError, match="for 2 distinct events"):
        request_log.wait_for_events(2, 0, distinct=True)

    add(request_log, "b")

    events = request_log.wait_for_events(2, 0, distinct=True)
    assert [event.name for event in events] == ["a", "b"]


def test_a_timeout_lists_the_requests_and_events() -> None:
    """In CI, the message is the only trace of a failed run."""
    request_log = RequestLog()
    request_log.answer(Answer(status=503), Answer(), Answer(), Answer(drop=True))
    add(request_log, "lost")
    add(request_log, "a", "a", "b")
    add(request_log, protocol="grpc")
    add(request_log)

    with pytest.raises(TimeoutError) as caught:
        request_log.wait_for_events(4, 0, distinct=False)

    assert str(caught.value) == (
        "waited 0 s for 4 events; received 4 requests (1 x /v1/logs -> 503, 1 x /v1/logs -> 200, "
        "1 x /v1/logs -> OK, 1 x /v1/logs -> dropped) and 3 stored events (2 x a, 1 x b)"
    )


def test_a_timeout_without_requests_says_none() -> None:
    """The message names the signal of the missing requests."""
    with pytest.raises(TimeoutError) as caught:
        RequestLog().wait_for_requests(1, 0.01, "logs")

    assert str(caught.value) == (
        "waited 0.01 s for 1 logs requests; received 0 requests (none) and 0 stored events (none)"
    )


def test_requests_of_many_threads_are_all_recorded() -> None:
    """Each queued answer is used once."""
    request_log = RequestLog()
    request_log.answer(*(Answer(status=503) for _ in range(50)))
    gate = threading.Barrier(8)

    def send() -> int:
        gate.wait(10)
        return sum(add(request_log, "a").status == 503 for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        failures = sum(future.result() for future in [pool.submit(send) for _ in range(8)])

    assert failures == 50
    assert len(request_log.requests) == 400
    assert len(request_log.events) == 350
