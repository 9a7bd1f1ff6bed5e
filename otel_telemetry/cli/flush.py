"""``flush``: deliver now what waits on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import NOTHING, waiting
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import DONE, FAILED, CommandError, Context, Options, Result
from otel_telemetry.cli.status import unknown
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.engine import Delivery, connect
from otel_telemetry.spool import admin, destination
from otel_telemetry.stats import Counters, Disposition, DropReason

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_telemetry.cli.console import Style
    from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
    from otel_telemetry.export.result import ExportResult
    from otel_telemetry.export.worker import Transport

_TIMEOUT = 30.0  # seconds
_POLL = 0.05
_PAUSE = 1.0  # seconds between requests that fail, unless the backend asks for more
_TRIES = 3  # requests that fail before it is given up
_PLAIN_INTERVAL = 1.0  # seconds between lines of progress where they cannot be written over


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What became of the backlog; ``flush --json``.

    Attributes:
        waited: Events that waited on disk.
        delivered: Events that the backend took.
        rejected: Events in requests that it took, but which it did not.
        refused: Events in requests that it refused for good.
        dropped: Events that could not be sent, by reason, as in `Stats.dropped`.
        left: Events that wait still.
        files_left: Their files, with those that cannot be read.
        reason: What the backend said last where it did not take something; empty if it took all.
        seconds: How long it took.
    """

    waited: int
    delivered: int
    rejected: int
    refused: int
    dropped: Mapping[str, int]
    left: int
    files_left: int
    reason: str
    seconds: float


class _Watched:
    """A transport that remembers why a request failed."""

    def __init__(self, transport: Transport, told: Callable[[ExportResult], object]) -> None:
        self._transport = transport
        self._told = told
        self.abort = transport.abort
        self.after_fork = transport.after_fork

    def send(self, request: bytes) -> ExportResult:
        answer = self._transport.send(request)
        self._told(answer)
        return answer


def flush(context: Context, options: Options) -> Result:
    """Deliver the backlog, for as long as the user waits and the backend takes it."""
    decision, config = context.telemetry.decision, context.config
    if not decision.enabled:
        raise CommandError(
            f"telemetry is not on, so nothing leaves: {decision.reason}",
            notes=() if context.is_known else (unknown(config.name),),
        )
    seconds = _TIMEOUT if options.timeout is None else options.timeout
    begun = time.monotonic()
    before = waiting(config)
    counters, failure = Counters(), [""]
    is_flushed = context.telemetry.flush(seconds)
    if before.files:
        end = begun + seconds
        progress = _Progress(context, options, before.events)
        for target in _targets(config):
            _deliver(context, target, counters, failure, end, progress)
    after = waiting(config)
    report = Flushed(
        waited=before.events,
        delivered=counters.delivered,
        rejected=counters.rejected,
        refused=counters.refused,
        dropped=counters.snapshot().dropped,
        left=after.events,
        files_left=after.files,
        reason=failure[0],
        seconds=round(time.monotonic() - begun, 3),
    )
    is_lost = report.rejected or report.refused or report.dropped
    is_done = is_flushed and not after.files and not is_lost
    return Result(
        report=report,
        text=lambda paint: _lines(report, paint),
        notes=() if context.is_known or not after.files else (unknown(config.name),),
        code=DONE if is_done else FAILED,
    )


class _Progress:
    """Says how far it is, and nothing with ``--json``."""

    def __init__(self, context: Context, options: Options, total: int) -> None:
        self._console = context.console
        self._is_quiet = options.json
        self._total = total
        self._said = ""
        self._next = 0.0

    def show(self, done: int) -> None:
        """Say it, if that is anything new."""
        text = f"{min(done, self._total):,} of {formatting.counted(self._total, 'event')}"
        now = time.monotonic()
        if self._is_quiet or text == self._said or now < self._next:
            return
        self._said = text
        self._next = now + (0.0 if self._console.is_live else _PLAIN_INTERVAL)
        self._console.progress(text)


def _targets(config: TelemetryConfig) -> Iterator[TelemetryConfig]:
    """Yield the settings of every destination that has any: our own, and what was written down."""
    own = destination.spool_directory(config, config.name)
    for directory in admin.directories(config, config.name):
        told = config if directory == own else destination.read_manifest(directory)
        if told is not None:
            yield told


def _deliver(
    context: Context,
    config: TelemetryConfig,
    counters: Counters,
    failure: list[str],
    end: float,
    progress: _Progress,
) -> None:
    def told(answer: ExportResult) -> None:
        failure[0] = (
            ""
            if answer.disposition is Disposition.DELIVERED and not answer.rejected
            else answer.reason
        )

    def watched(config: DeliveryConfig) -> Transport:
        return _Watched(connect(config), told)

    idle = threading.Event()
    delivery = Delivery(
        replace(config, meter_provider=None),
        counters,
        app=context.config.name,
        consent_gate=ConsentGate(
            granted_at=context.consent_manager.granted_at(),
            is_granted=context.consent_manager.is_granted,
        ),
        on_idle=idle.set,
        connect=watched,
    )
    try:
        delivery.ensure_started()
        hurried = 0.0
        while not idle.wait(min(_POLL, max(end - time.monotonic(), 0.0))):
            has_failed = counters.requests[Disposition.RETRY] >= _TRIES
            if (
                has_failed
                or counters.dropped[DropReason.CONSENT_WITHDRAWN]
                or time.monotonic() >= end
            ):
                break
            if time.monotonic() - hurried > _PAUSE:
                delivery.flush(0)  # a person waits: no longer pauses than the backend asks for
                hurried = time.monotonic()
            progress.show(_settled(counters))
        progress.show(_settled(counters))
    finally:
        delivery.shutdown(0.0)


def _settled(counters: Counters) -> int:
    with counters.lock:
        lost = sum(counters.dropped.values())
        return counters.delivered + counters.rejected + counters.refused + lost


def _lines(report: Flushed, paint: Style) -> Iterator[str]:
    if not report.waited and not report.files_left:
        yield NOTHING
        return
    taken = paint("green" if report.delivered else "yellow", f"{report.delivered:,}")
    yield f"Delivered: {taken} of {formatting.counted(report.waited, 'event')}."
    lost = {"rejected by the backend": report.rejected, "refused by the backend": report.refused}
    for reason, count in [*lost.items(), *report.dropped.items()]:
        if count:
            events = formatting.counted(count, "event")
            yield f"{paint('red', 'Lost')}: {events}, {printable(reason)}."
    if report.reason:
        yield f"The backend: {printable(report.reason)}."
    if report.files_left:
        left = formatting.counted(report.left, "event")
        files = formatting.counted(report.files_left, "file")
        yield f"{paint('yellow', 'Left')}: {left} in {files}."
        if not report.reason:
            yield from paint.prose(_OTHERS)


_OTHERS = (
    "They belong to processes that run and send them themselves, to another endpoint than the one "
    "that is set, or to another version of this library."
)
