"""What a test of the delivery works with: small records, a clock, a scripted transport."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_telemetry.export.queue import QueueLimits
from otel_telemetry.export.result import ExportResult
from otel_telemetry.otlp.encoder import log_record_field, resource_field, scope_field
from otel_telemetry.stats import Disposition

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.export.backoff import Backoff
    from otel_telemetry.otlp.requests import EncodedRecord
    from otel_telemetry.stats import Stats

DELIVERED = ExportResult(disposition=Disposition.DELIVERED)
RETRY = ExportResult(disposition=Disposition.RETRY, reason="no")
TOO_LARGE = ExportResult(disposition=Disposition.TOO_LARGE, reason="HTTP status 413")
REFUSED = ExportResult(disposition=Disposition.REFUSED, reason="HTTP status 400")

RESOURCE = resource_field({"service.name": "acme"})
SCOPE = scope_field("acme")


def record(name: str, padding: int = 0) -> bytes:
    """Encode a log record with this event name, and a body of `padding` bytes."""
    return log_record_field(
        timestamp=1,
        observed_timestamp=1,
        severity_number=9,
        body="." * padding,
        attributes={},
        event_name=name,
    )


def encoded(*names: str) -> tuple[EncodedRecord, ...]:
    """Encode records with these event names, all of one resource and scope."""
    return tuple((RESOURCE, SCOPE, record(name)) for name in names)


def names_in(request: bytes) -> list[str]:
    """Return the event names in a request, as the official classes read it."""
    return [
        log_record.event_name
        for resource in ExportLogsServiceRequest.FromString(request).resource_logs
        for scope in resource.scope_logs
        for log_record in scope.log_records
    ]


def queue_limits(
    *,
    flush_interval: float = 1.0,
    max_batch_events: int = 512,
    max_batch_bytes: int = 1024 * 1024,
    max_pending_bytes: int = 16 * 1024 * 1024,
    spool_max_bytes: int = 16 * 1024 * 1024,
) -> QueueLimits:
    """Return the default bounds, but for what a test changes."""
    return QueueLimits(
        flush_interval=flush_interval,
        max_batch_events=max_batch_events,
        max_batch_bytes=max_batch_bytes,
        max_pending_bytes=max_pending_bytes,
        spool_max_bytes=spool_max_bytes,
    )


def assert_adds_up(stats: Stats) -> None:
    """Hold the counts to their promise."""
    assert stats.accepted == (
        stats.delivered
        + stats.pending
        + stats.spooled
        + stats.rejected
        + stats.refused
        + sum(stats.dropped.values())
    ), stats


def waits(backoff: Backoff, *, ignore_backoff: bool = False) -> float:
    """Return the seconds that others have it wait."""
    pause = backoff.delay(ignore_backoff=ignore_backoff)
    assert pause is None or pause.from_shared_state
    return 0.0 if pause is None else pause.seconds


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class ScriptedTransport:
    """Returns scripted results, then successes, and records the requests.

    Attributes:
        requests: The event names of each request, in order.
        respond: Asked first: what it returns is the answer, unless it is None.
        aborted: Set by `abort`.
        processes: How often a new process began.
    """

    def __init__(
        self,
        *answers: ExportResult,
        respond: Callable[[list[str]], ExportResult | None] = lambda _: None,
    ) -> None:
        self.requests: list[list[str]] = []
        self.respond = respond
        self.aborted = threading.Event()
        self.processes = 0
        self._script = deque(answers)

    def send(self, request: bytes) -> ExportResult:
        """Note the request and answer it."""
        names = names_in(request)
        self.requests.append(names)
        answer = self.respond(names)
        if answer is not None:
            return answer
        return self._script.popleft() if self._script else DELIVERED

    def abort(self) -> None:
        """Note it."""
        self.aborted.set()

    def after_fork(self) -> None:
        """Note it."""
        self.processes += 1
