"""``on``, ``off`` and ``log``: keep the user's choice, and say what follows."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import NOTHING, UNKNOWN_SPOOL, waiting
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import DONE, FAILED, Context, Options, Result
from otel_telemetry.consent.files import ConsentRecord

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style
    from otel_telemetry.consent.files import ConsentMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen, and what follows; ``on|off|log --json``.

    Attributes:
        app: The application's name.
        choice: ``"on"``, ``"off"`` or ``"log"``.
        is_saved: Whether it holds for later runs.
        path: Where it is kept.
        state: What follows: ``"on"``, ``"off"`` or ``"log"``.
        source: Who decided that, as in `Decision.source`.
        reason: The same as a sentence.
        events_deleted: Events that waited on disk and are deleted.
        is_identity_deleted: Whether there was an installation id that is deleted.
    """

    app: str
    choice: ConsentMode
    is_saved: bool
    path: str | None
    state: str
    source: str
    reason: str
    events_deleted: int
    is_identity_deleted: bool


def turn_on(context: Context, _options: Options) -> Result:
    """Let events leave, from now on."""
    return _choose(context, "on")


def turn_off(context: Context, _options: Options) -> Result:
    """Record nothing more, and delete what there is."""
    return _choose(context, "off")


def only_log(context: Context, _options: Options) -> Result:
    """Print events instead of sending them."""
    return _choose(context, "log")


def _choose(context: Context, mode: ConsentMode) -> Result:
    config = context.config
    events, known = waiting(config).events, context.consent_manager.saved_identity()
    decision = context.telemetry.choose(mode)
    kept = context.consent_manager.record()
    is_off = mode == "off"
    state = formatting.state(decision)
    report = Chosen(
        app=config.name,
        choice=mode,
        is_saved=isinstance(kept, ConsentRecord) and kept.mode == mode,
        path=context.consent_manager.record_file,
        state=state,
        source=decision.source,
        reason=decision.reason,
        events_deleted=events - waiting(config).events if is_off else 0,
        is_identity_deleted=is_off
        and known is not None
        and context.consent_manager.saved_identity() is None,
    )
    is_done = report.is_saved and (state == mode or is_off)
    return Result(
        report=report,
        text=lambda paint: _lines(report, paint),
        notes=(UNKNOWN_SPOOL,) if is_off and not context.is_known else (),
        code=DONE if is_done else FAILED,
    )


def _lines(report: Chosen, paint: Style) -> Iterator[str]:
    app = printable(report.app)
    if report.is_saved:
        yield f"Your choice is kept: {app} telemetry {paint('bold', report.choice)}."
        yield paint("dim", printable(report.path or ""))
    else:
        where = report.path or "there is no home directory"
        yield paint("red", f"Your choice could not be saved: {printable(where)}")
        text = "It ends with this command. Set it in the environment, or make that writable."
        yield from paint.prose(text)
    if report.state == report.choice:
        yield from paint.prose(_CONSEQUENCES[report.choice])
    else:
        stays = paint("yellow", report.state)
        text = f"But telemetry is {stays} all the same. Blocked by {printable(report.source)}:"
        yield from paint.prose(text)
        yield from paint.prose(printable(report.reason), indent=2)
    if report.choice == "off":
        gone = formatting.counted(report.events_deleted, "event")
        yield f"Deleted: {gone} that waited on disk." if report.events_deleted else NOTHING
        yield _NO_ID if not report.is_identity_deleted else "Deleted: the installation id."


_NO_ID = "There is no installation id."
_CONSEQUENCES = {
    "on": "Events may leave from now on. What was recorded before does not.",
    "off": "Nothing is recorded any more, and nothing is sent, not even of this.",
    "log": "Events are printed to stderr from now on. None leaves, of those that wait neither.",
}
