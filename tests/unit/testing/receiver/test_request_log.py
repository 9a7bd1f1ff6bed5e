"""The script of answers and the list of requests."""

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


def arrive(journal: RequestLog, *names: str, protocol: WireProtocol = "http/protobuf") -> Answer:
    """Let a request with such events arrive; the id of each is its name."""
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
    return journal.record(
        protocol=protocol,
        signal="logs",
        path="/v1/logs",
        headers={},
        size=0,
        protobuf=message.SerializeToString(),
        content=message,
    )


def arrive_metrics(journal: RequestLog) -> Answer:
    """Let a request of another signal arrive."""
    return journal.record(
        protocol="http/protobuf",
        signal="metrics",
        path="/v1/metrics",
        headers={},
        size=0,
        protobuf=b"",
        content=ExportMetricsServiceRequest(),
    )


def refuse(journal: RequestLog, answer: Answer) -> Answer:
    """Let a request arrive that cannot be read."""
    return journal.record(
        protocol="http/protobuf",
        signal="logs",
        path="/v1/logs",
        headers={},
        size=0,
        protobuf=b"",
        content=answer,
    )


def names(journal: RequestLog) -> list[str]:
    """Name the stored events."""
    return [event.name for event in journal.events]


def test_answers_are_given_in_order_then_the_default_then_success() -> None:
    """A script plays once."""
    journal = RequestLog()
    journal.answer(Answer(status=503), Answer(status=429))
    journal.answer(Answer(status=400))
    journal.answer_always(Answer(status=502))

    statuses = [arrive(journal).status for _ in range(4)]
    journal.answer_always(None)
    statuses.append(arrive(journal).status)

    assert statuses == [503, 429, 400, 502, 200]


def test_only_readable_log_requests_use_up_answers() -> None:
    """Other signals, and what is no request, do not disturb a script."""
    journal = RequestLog()
    journal.answer(Answer(status=503))
    refusal = Answer(status=415)

    assert arrive_metrics(journal).status == 200
    assert refuse(journal, refusal) is refusal
    assert arrive(journal).status == 503
    assert [request.answer.status for request in journal.requests] == [200, 415, 503]


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
        pytest.param(Answer.dropped(store=True), "http/protobuf", 3, id="dropped once stored"),
        pytest.param(Answer(status=503, store=True), "http/protobuf", 3, id="stored all the same"),
        pytest.param(Answer(store=False), "http/protobuf", 0, id="lost"),
        pytest.param(Answer.partial(1), "http/protobuf", 2, id="partial"),
        pytest.param(Answer.partial(9), "http/protobuf", 0, id="more than there are"),
    ],
)
def test_the_answer_decides_what_is_stored(
    answer: Answer, protocol: WireProtocol, stored: int
) -> None:
    """Success stores all but what it rejects, the last; failure nothing; `store` overrides."""
    journal = RequestLog()
    journal.answer(answer)

    arrive(journal, "a", "b", "c", protocol=protocol)

    assert names(journal) == ["a", "b", "c"][:stored]
    (request,) = journal.requests
    assert request.stored == stored
    assert [event.name for event in request.events] == ["a", "b", "c"]


def test_clear_forgets_what_arrived_and_keeps_the_script() -> None:
    """So that one receiver serves the phases of a test."""
    journal = RequestLog()
    arrive(journal, "a")
    journal.answer(Answer(status=503))

    journal.clear()

    assert (journal.requests, journal.events, journal.spans) == ((), (), ())
    assert arrive(journal).status == 503


def test_waiting_ends_when_enough_has_arrived() -> None:
    """Without a pause longer than it takes."""
    journal = RequestLog()
    with ThreadPoolExecutor(2) as pool:
        events = pool.submit(journal.wait_for_events, 2, 30, distinct=False)
        requests = pool.submit(journal.wait_for_requests, 2, 30, "logs")
        arrive_metrics(journal)
        arrive(journal, "a")
        arrive(journal, "b")

        assert [event.name for event in events.result()] == ["a", "b"]
        assert [request.signal for request in requests.result()] == ["logs", "logs"]


def test_waiting_for_what_is_there_returns_all_of_it() -> None:
    """Enough is at least so many."""
    journal = RequestLog()
    arrive_metrics(journal)
    arrive(journal, "a", "b")

    assert len(journal.wait_for_events(1, 0, distinct=False)) == 2
    assert len(journal.wait_for_requests(1, 0, None)) == 2


def test_copies_can_be_counted_once() -> None:
    """Delivery is at least once, so a test may have to wait for events, not for copies."""
    journal = RequestLog()
    arrive(journal, "a")
    arrive(journal, "a")
    with pytest.raises(TimeoutError, match="for 2 distinct events"):
        journal.wait_for_events(2, 0, distinct=True)

    arrive(journal, "b")

    events = journal.wait_for_events(2, 0, distinct=True)
    assert [event.name for event in events] == ["a", "b"]


def test_a_timeout_says_what_was_seen() -> None:
    """The message is all that is left of a failed run in CI."""
    journal = RequestLog()
    journal.answer(Answer(status=503), Answer(), Answer(), Answer(drop=True))
    arrive(journal, "lost")
    arrive(journal, "a", "a", "b")
    arrive(journal, protocol="grpc")
    arrive(journal)

    with pytest.raises(TimeoutError) as caught:
        journal.wait_for_events(4, 0, distinct=False)

    assert str(caught.value) == (
        "waited 0 s for 4 events; saw 4 requests (1 x /v1/logs -> 503, 1 x /v1/logs -> 200, "
        "1 x /v1/logs -> OK, 1 x /v1/logs -> dropped) and 3 stored events (2 x a, 1 x b)"
    )


def test_a_timeout_says_that_nothing_was_seen() -> None:
    """Nor of which signal."""
    with pytest.raises(TimeoutError) as caught:
        RequestLog().wait_for_requests(1, 0.01, "logs")

    assert str(caught.value) == (
        "waited 0.01 s for 1 logs requests; saw 0 requests (none) and 0 stored events (none)"
    )


def test_requests_of_many_threads_are_all_there() -> None:
    """And each answer of the script is given once."""
    journal = RequestLog()
    journal.answer(*(Answer(status=503) for _ in range(50)))
    gate = threading.Barrier(8)

    def send() -> int:
        gate.wait(10)
        return sum(arrive(journal, "a").status == 503 for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        failures = sum(future.result() for future in [pool.submit(send) for _ in range(8)])

    assert failures == 50
    assert len(journal.requests) == 400
    assert len(journal.events) == 350
