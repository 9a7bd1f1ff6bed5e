"""``reset-id`` and ``purge``: a new identity, and nothing left that waits."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import NOTHING, waiting
from otel_telemetry.cli.context import DONE, FAILED, Context, Options, Result
from otel_telemetry.spool import admin

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIdentity:
    """Who speaks from now on; ``reset-id --json``.

    Attributes:
        was: The installation id that is forgotten; None if there was none.
        now: The one that is kept instead; None if none is, for telemetry is not on.
        is_done: Whether the old one is gone.
    """

    was: str | None
    now: str | None
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What is gone, and what is not; ``purge --json``.

    Attributes:
        events: Events deleted.
        files: Files deleted.
        left: Files that could not be deleted, or came meanwhile.
    """

    events: int
    files: int
    left: int


def reset_id(context: Context, _options: Options) -> Result:
    """Forget the installation id and the salt of all pseudonyms; make new ones if it is on."""
    was = _kept(context)
    context.consent_manager.delete_identity()
    is_done = _kept(context) is None
    if is_done and context.telemetry.decision.enabled:
        context.consent_manager.identity(save=True)
    report = NewIdentity(was=was, now=_kept(context) if is_done else None, is_done=is_done)
    return Result(
        report=report,
        text=lambda paint: _new_identity(report, paint),
        code=DONE if is_done else FAILED,
    )


def purge(context: Context, _options: Options) -> Result:
    """Delete what waits on disk, of running processes too, which go on with what is new."""
    before = waiting(context.config)
    files = admin.purge(context.config, context.config.name)
    after = waiting(context.config)
    report = Purged(events=before.events - after.events, files=files, left=after.files)
    return Result(
        report=report,
        text=lambda paint: _purged(report, paint),
        code=FAILED if report.left else DONE,
    )


def _kept(context: Context) -> str | None:
    known = context.consent_manager.saved_identity()
    return None if known is None else known.installation_id


def _new_identity(report: NewIdentity, paint: Style) -> Iterator[str]:
    if not report.is_done:
        yield paint("red", "The installation id could not be deleted.")
        return
    yield f"Forgotten: {report.was}" if report.was else "There was no installation id."
    if report.now is None:
        yield from paint.prose(_NONE_NOW)
    else:
        yield f"New:       {report.now}"
        yield from paint.prose("Processes that run already keep the old one until they end.")


_NONE_NOW = "None is kept now: one is made when telemetry is on and an event is sent."


def _purged(report: Purged, paint: Style) -> Iterator[str]:
    events, files = (
        formatting.counted(report.events, "event"),
        formatting.counted(report.files, "file"),
    )
    yield f"Deleted: {events} in {files}." if report.files or report.left else NOTHING
    if report.left:
        yield paint("red", f"Left: {formatting.counted(report.left, 'file')}.")
