"""``flush``: send the waiting events now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import NOTHING_WAITED, read_backlog
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import DONE, FAILED, CommandError, Context, Options, Result
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.engine import DeliveryEngine, create_transport
from otel_telemetry.spool import admin, destination
from otel_telemetry.stats import Counters, Disposition, DropReason

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_telemetry.cli.console import Style
    from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
    from otel_telemetry.consent.decision import Decision
    from otel_telemetry.export.result import ExportResult
    from otel_telemetry.export.worker import Transport

_TIMEOUT = 30.0  # seconds
_POLL = 0.05  # seconds
_RETRY_INTERVAL = 1.0  # seconds, unless the backend asks for more
_MAX_FAILURES = 3  # failed requests, after which the command stops
_PROGRESS_INTERVAL = 1.0  # seconds between lines of progress in a file or a pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushResult:
    """The outcome of the waiting events; ``flush --json``.

    Attributes:
        waited: Events that waited on disk at the start.
        delivered: Events that the backend accepted.
        rejected: Events that the backend rejected in requests that it accepted.
        refused: Events in requests that the backend refused for good.
        dropped: Events that were not sent, by reason, as in `Stats.dropped`.
        left: Events that still wait.
        files_left: The number of files that still wait, unreadable ones too.
        reason: The reason of the last failure; empty without a failure.
        seconds: The duration.
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


class _ObservedTransport:
    """A transport that passes each result to a callback."""

    def __init__(self, transport: Transport, callback: Callable[[ExportResult], object]) -> None:
        self._transport = transport
        self._callback = callback
        self.abort = transport.abort
        self.after_fork = transport.after_fork

    def send(self, request: bytes) -> ExportResult:
        result = self._transport.send(request)
        self._callback(result)
        return result


def flush(context: Context, options: Options) -> Result:
    """Send the waiting events until all are sent, the time is up, or the backend fails."""
    decision, config = context.telemetry.decision, context.config
    if not decision.enabled:
        raise CommandError(
            f"nothing is sent while telemetry is {_state(decision)}: {decision.reason}",
            notes=context.unknown_settings_note(),
        )
    seconds = _TIMEOUT if options.timeout is None else options.timeout
    start = time.monotonic()
    before = read_backlog(config)
    counters, failure = Counters(), [""]
    is_flushed = context.telemetry.flush(seconds)
    if before.files:
        end = start + seconds
        progress = _Progress(context, options, before.events)
        for target in _targets(config):
            _deliver(context, target, counters, failure, end, progress)
    after = read_backlog(config)
    report = FlushResult(
        waited=before.events,
        delivered=counters.delivered,
        rejected=counters.rejected,
        refused=counters.refused,
        dropped=counters.snapshot().dropped,
        left=after.events,
        files_left=after.files,
        reason=failure[0],
        seconds=round(time.monotonic() - start, 3),
    )
    is_lost = report.rejected or report.refused or report.dropped
    is_done = is_flushed and not after.files and not is_lost
    return Result(
        report=report,
        text=lambda style: _lines(report, style),
        notes=context.unknown_settings_note() if after.files else (),
        code=DONE if is_done else FAILED,
    )


def _state(decision: Decision) -> str:
    return formatting.state_phrase(formatting.state(decision))


class _Progress:
    """Shows progress, except with ``--json``."""

    def __init__(self, context: Context, options: Options, total: int) -> None:
        self._console = context.console
        self._is_quiet = options.json
        self._total = total
        self._shown = ""
        self._next = 0.0

    def show(self, done: int) -> None:
        """Show the number of events that are done, if it has changed."""
        text = f"{min(done, self._total):,} of {formatting.counted(self._total, 'event')}"
        now = time.monotonic()
        if self._is_quiet or text == self._shown or now < self._next:
            return
        self._shown = text
        self._next = now + (0.0 if self._console.is_live else _PROGRESS_INTERVAL)
        self._console.progress(text)


def _targets(config: TelemetryConfig) -> Iterator[TelemetryConfig]:
    """Yield the settings of each destination: the current one, and those with a manifest."""
    own = destination.spool_directory(config, config.name)
    for directory in admin.directories(config, config.name):
        target = config if directory == own else destination.read_manifest(directory)
        if target is not None:
            yield target


def _deliver(
    context: Context,
    config: TelemetryConfig,
    counters: Counters,
    failure: list[str],
    end: float,
    progress: _Progress,
) -> None:
    def note_failure(result: ExportResult) -> None:
        is_success = result.disposition is Disposition.DELIVERED and not result.rejected
        failure[0] = "" if is_success else result.reason

    def connect_observed(config: DeliveryConfig) -> Transport:
        return _ObservedTransport(create_transport(config), note_failure)

    idle = threading.Event()
    engine = DeliveryEngine(
        replace(config, meter_provider=None),
        counters,
        app=context.config.name,
        consent_gate=ConsentGate(
            granted_at=context.consent_manager.granted_at(),
            is_granted=context.consent_manager.is_granted,
        ),
        on_idle=idle.set,
        connect=connect_observed,
    )
    try:
        engine.ensure_started()
        retried_at = 0.0
        while not idle.wait(min(_POLL, max(end - time.monotonic(), 0.0))):
            has_failed = counters.requests[Disposition.RETRY] >= _MAX_FAILURES
            if (
                has_failed
                or counters.dropped[DropReason.CONSENT_WITHDRAWN]
                or time.monotonic() >= end
            ):
                break
            if time.monotonic() - retried_at > _RETRY_INTERVAL:
                engine.flush(0)  # a user waits: skips the backoff, not the backend's Retry-After
                retried_at = time.monotonic()
            progress.show(_count_done(counters))
        progress.show(_count_done(counters))
    finally:
        engine.shutdown(0.0)


def _count_done(counters: Counters) -> int:
    with counters.lock:
        lost = sum(counters.dropped.values())
        return counters.delivered + counters.rejected + counters.refused + lost


def _lines(report: FlushResult, style: Style) -> Iterator[str]:
    if not report.waited and not report.files_left:
        yield NOTHING_WAITED
        return
    delivered = style("green" if report.delivered else "yellow", f"{report.delivered:,}")
    yield f"Delivered: {delivered} of {formatting.counted(report.waited, 'event')}."
    lost = {"rejected": report.rejected, "refused": report.refused, **report.dropped}
    for reason, count in lost.items():
        if count:
            events = formatting.counted(count, "event")
            text = printable(_LOSSES.get(reason, reason))
            yield from style.prose(f"{style('red', 'Lost')}: {events}, {text}.")
    if report.reason:
        yield from style.prose(f"Reason: {printable(report.reason)}.")
    if report.files_left:
        left = formatting.counted(report.left, "event")
        files = formatting.counted(report.files_left, "file")
        yield f"{style('yellow', 'Still waiting')}: {left} in {files}."
        if not report.reason:
            yield from style.prose(_OTHER_OWNERS)


_LOSSES: dict[str, str] = {
    "rejected": "rejected by the backend",
    "refused": "refused by the backend",
    DropReason.BEFORE_CONSENT: "recorded before you agreed to telemetry",
    DropReason.CONSENT_WITHDRAWN: "because telemetry was turned off",
    DropReason.EXPIRED: "too old to be sent",
    DropReason.TOO_LARGE: "too large for the backend",
    DropReason.SPOOL_LOST: "in a file that is damaged or gone",
}
_OTHER_OWNERS = (
    "These events belong to a running process, which sends them itself, to another endpoint than "
    "the current one, or to another version of this library."
)
