"""``reset-id`` and ``purge``: replace the installation id, and delete the waiting events."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import NOTHING_WAITED, read_backlog
from otel_telemetry.cli.context import DONE, FAILED, Context, Options, Result
from otel_telemetry.spool import admin

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityReset:
    """The old and the new installation id; ``reset-id --json``.

    Attributes:
        was: The old id; None if there was none.
        now: The new id; None while telemetry is off.
        is_done: Whether the old id is deleted.
    """

    was: str | None
    now: str | None
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeResult:
    """The deleted events; ``purge --json``.

    Attributes:
        events: The number of deleted events.
        files: The number of deleted files.
        left: The number of files that could not be deleted, or were written meanwhile.
    """

    events: int
    files: int
    left: int


def reset_id(context: Context, _options: Options) -> Result:
    """Delete the installation id and the salt of all pseudonyms; make new ones if it is on."""
    was = _installation_id(context)
    context.consent_manager.delete_identity()
    is_done = _installation_id(context) is None
    if is_done and context.telemetry.decision.enabled:
        context.consent_manager.identity(save=True)
    now = _installation_id(context) if is_done else None
    report = IdentityReset(was=was, now=now, is_done=is_done)
    return Result(
        report=report,
        text=lambda style: _reset_lines(report, style),
        code=DONE if is_done else FAILED,
    )


def purge(context: Context, _options: Options) -> Result:
    """Delete the waiting events, those of running processes too."""
    before = read_backlog(context.config)
    files = admin.purge(context.config, context.config.name)
    after = read_backlog(context.config)
    report = PurgeResult(events=before.events - after.events, files=files, left=after.files)
    return Result(
        report=report,
        text=lambda style: _purge_lines(report, style),
        code=FAILED if report.left else DONE,
    )


def _installation_id(context: Context) -> str | None:
    identity = context.consent_manager.saved_identity()
    return None if identity is None else identity.installation_id


def _reset_lines(report: IdentityReset, style: Style) -> Iterator[str]:
    if not report.is_done:
        yield style("red", "The installation id could not be deleted.")
        return
    yield f"Deleted: {report.was}" if report.was else "There was no installation id."
    if report.now is None:
        yield from style.prose(
            "There is no new id yet: it is made when telemetry is on and an event is sent."
        )
    else:
        yield f"New:     {report.now}"
        yield from style.prose("Running processes keep the old id until they end.")


def _purge_lines(report: PurgeResult, style: Style) -> Iterator[str]:
    if not report.files and not report.left:
        yield NOTHING_WAITED
        return
    events = formatting.counted(report.events, "event")
    yield f"Deleted: {events} in {formatting.counted(report.files, 'file')}."
    if report.left:
        yield style("red", f"Not deleted: {formatting.counted(report.left, 'file')}.")
