"""``on``, ``off`` and ``log``: save the user's choice, and report its effect."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import NOTHING_WAITED, read_backlog
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import DONE, FAILED, Context, Options, Result
from otel_telemetry.config.environment import variable_prefix
from otel_telemetry.consent.files import ConsentRecord

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style
    from otel_telemetry.consent.files import ConsentMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChange:
    """The user's new choice and its effect; ``on|off|log --json``.

    Attributes:
        app: The application's name.
        choice: ``"on"``, ``"off"`` or ``"log"``.
        is_saved: Whether later runs follow the choice.
        path: The file of the choice; None without a home directory.
        state: The state of telemetry now: ``"on"``, ``"off"`` or ``"log"``.
        source: The source of that state, as in `Decision.source`.
        reason: The reason of that state, as a sentence.
        events_deleted: The number of waiting events that ``off`` deleted.
        is_identity_deleted: Whether ``off`` deleted an installation id.
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
    """Turn telemetry on, if no other setting turns it off."""
    return _choose(context, "on")


def turn_off(context: Context, _options: Options) -> Result:
    """Turn telemetry off; delete the waiting events and the installation id."""
    return _choose(context, "off")


def only_log(context: Context, _options: Options) -> Result:
    """Print events instead of sending them."""
    return _choose(context, "log")


def _choose(context: Context, mode: ConsentMode) -> Result:
    config = context.config
    before, identity = read_backlog(config).events, context.consent_manager.saved_identity()
    decision = context.telemetry.choose(mode)
    after = read_backlog(config).events
    record = context.consent_manager.record()
    is_off = mode == "off"
    state = formatting.state(decision)
    report = ConsentChange(
        app=config.name,
        choice=mode,
        is_saved=isinstance(record, ConsentRecord) and record.mode == mode,
        path=context.consent_manager.record_file,
        state=state,
        source=decision.source,
        reason=decision.reason,
        events_deleted=before - after if is_off else 0,
        is_identity_deleted=is_off
        and identity is not None
        and context.consent_manager.saved_identity() is None,
    )
    is_done = report.is_saved and (state == mode or is_off)
    return Result(
        report=report,
        text=lambda style: _lines(report, after, style),
        notes=(_unknown_spool_note(config.name),) if is_off and not context.is_known else (),
        code=DONE if is_done else FAILED,
    )


def _unknown_spool_note(app: str) -> str:
    return (
        f"note: if the code of {app} sets a spool directory of its own, the events there are not "
        f"deleted now. They are not sent while telemetry is off, and {app} deletes them when it "
        "runs next."
    )


def _lines(report: ConsentChange, waiting: int, style: Style) -> Iterator[str]:
    app = printable(report.app)
    if report.is_saved:
        choice = style("bold", report.choice)
        yield from style.prose(f"Your choice is saved: {app} telemetry {choice}.")
        yield style("dim", printable(report.path or ""))
    else:
        path = report.path or "there is no home directory"
        text = style("red", "Your choice could not be saved:")
        yield from style.prose(f"{text} {printable(path)}")
        yield from style.prose(
            "It ends with this command. To make it last, make that file writable, or set "
            f"{variable_prefix(report.app)}_TELEMETRY={report.choice} in the environment."
        )
    if report.state != report.choice:
        state = style("yellow", formatting.state_phrase(report.state))
        yield from style.prose(f"But telemetry is still {state}: {printable(report.reason)}")
    elif report.choice == "on":
        yield from style.prose(
            "Events are sent from now on. Events that were recorded before are not sent."
        )
    elif report.choice == "log":
        stay = "stays" if waiting == 1 else "stay"
        end = f", and {_waiting_events(waiting)} {stay} on disk." if waiting else "."
        yield from style.prose(f"Events are printed to stderr from now on. Nothing is sent{end}")
    if report.choice == "off":
        yield from _deletions(report, style)


def _waiting_events(number: int) -> str:
    return "the waiting event" if number == 1 else f"the {number:,} waiting events"


def _deletions(report: ConsentChange, style: Style) -> Iterator[str]:
    if report.events_deleted:
        events = _waiting_events(report.events_deleted)
        are = "is" if report.events_deleted == 1 else "are"
        yield from style.prose(f"Nothing more is sent, and {events} {are} deleted.")
    else:
        yield from style.prose(f"Nothing more is sent. {NOTHING_WAITED}")
    if report.is_identity_deleted:
        yield "The installation id is deleted."
    else:
        yield "There was no installation id."
