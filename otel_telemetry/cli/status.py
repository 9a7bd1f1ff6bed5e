"""``status``: whether telemetry is on, who decided, and what there is of it on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

from otel_telemetry._internal import paths
from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import Waiting, waiting
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import Context, Options, Result
from otel_telemetry.consent import identity
from otel_telemetry.consent.decision import is_ci
from otel_telemetry.consent.files import read_policy
from otel_telemetry.spool.destination import spool_directory

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style

_INDENT = 14  # columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a file says.

    Attributes:
        path: The file; None if there is no place for it.
        word: ``"on"``, ``"off"`` or ``"log"``; None if there is no file, or it cannot be used.
        problem: Why it cannot be used; None if it can.
        at: When the choice was made, in seconds since the epoch.
        by: Who made it.
        consent_version: What was agreed to.
    """

    path: str | None
    word: str | None = None
    problem: str | None = None
    at: float | None = None
    by: str | None = None
    consent_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Who speaks.

    Attributes:
        id: The random id.
        made_at: In seconds since the epoch; None for the id that all runs in CI share.
    """

    id: str
    made_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where telemetry stands; ``status --json``.

    Attributes:
        app: The application's name.
        version: Its version.
        state: ``"on"``, ``"off"`` or ``"log"``.
        source: Who decided, as in `Decision.source`.
        reason: The same as a sentence.
        choice: The user's.
        policy: The machine's.
        installation: Who speaks; None if nobody does.
        endpoint: The URL that requests go to.
        protocol: ``"http/protobuf"`` or ``"grpc"``.
        compression: ``"gzip"`` or ``"none"``.
        header_names: Of the headers that are set; never their values.
        spool: The directory of what waits; None for memory only.
        waiting: What waits there.
        is_known: Whether the settings are those of the application's code; else they are only what
            the environment says.
    """

    app: str
    version: str | None
    state: str
    source: str
    reason: str
    choice: Said
    policy: Said
    installation: Installation | None
    endpoint: str
    protocol: str
    compression: str
    header_names: tuple[str, ...]
    spool: str | None
    waiting: Waiting
    is_known: bool


def status(context: Context, _options: Options) -> Result:
    """Find out where telemetry stands. No connection; no file is written."""
    config, decision = context.config, context.telemetry.decision
    directory = spool_directory(config, config.name)
    report = Status(
        app=config.name,
        version=config.version,
        state=formatting.state(decision),
        source=decision.source,
        reason=decision.reason,
        choice=_choice(context),
        policy=_policy(context),
        installation=_installation(context),
        endpoint=config.url,
        protocol=config.protocol,
        compression=config.compression,
        header_names=tuple(sorted(config.headers)),
        spool=None if directory is None else os.path.dirname(directory),
        waiting=waiting(config),
        is_known=context.is_known,
    )
    notes = () if context.is_known else (unknown(config.name),)
    return Result(
        report=report, text=lambda paint: _lines(report, paint, context.now()), notes=notes
    )


def unknown(app: str) -> str:
    """Say what cannot be known without the application's code."""
    return (
        f"note: what the code of {app} itself has set, an endpoint perhaps, is not known here. "
        f"Its own command shows it if it has one; so does --app MODULE:NAME."
    )


def _choice(context: Context) -> Said:
    path, choice = context.consent_manager.record_file, context.consent_manager.record()
    if isinstance(choice, Unreadable):
        return Said(path=path, problem=choice.reason)
    if choice is None:
        return Said(path=path)
    return Said(
        path=path,
        word=choice.mode,
        at=choice.at,
        by=choice.by,
        consent_version=choice.version,
    )


def _policy(context: Context) -> Said:
    found = read_policy(paths.policy_files(context.config.name, context.environ))
    if found is None:
        return Said(path=None)
    if isinstance(found, Unreadable):
        return Said(path=found.path, problem=found.reason)
    return Said(path=found.path, word="on" if found.permits else "off")


def _installation(context: Context) -> Installation | None:
    if is_ci(context.environ):
        return Installation(id=identity.CI_INSTALLATION, made_at=None)
    known = context.consent_manager.saved_identity()
    if known is None:
        return None
    return Installation(id=known.installation_id, made_at=known.made_at)


def _lines(report: Status, paint: Style, now: float) -> Iterator[str]:
    colour = {"on": "green", "off": "yellow", "log": "yellow"}[report.state]
    state, app = paint(colour, report.state), paint("bold", printable(report.app))
    yield from paint.prose(f"{app} telemetry is {state}: {printable(report.reason)}")
    yield ""
    for label, text in _rows(report, now):
        yield from paint.row(label, printable(text), indent=_INDENT)


def _rows(report: Status, now: float) -> Iterator[tuple[str, str]]:
    yield "decided by", report.source
    yield "choice", _said(report.choice)
    yield "", report.choice.path or "there is no place to keep one"
    yield "policy", _said(report.policy)
    if report.policy.path is not None:
        yield "", report.policy.path
    yield "installation", _who(report.installation, now)
    names = ", ".join(report.header_names)
    yield "endpoint", f"{report.endpoint}, OTLP {report.protocol}, compression {report.compression}"
    yield "headers", f"set: {names}; their values are not shown" if names else "none"
    yield "waiting", _what_waits(report.waiting, now)
    yield "spool", report.spool or "none: events are kept in memory only"


def _said(said: Said) -> str:
    if said.problem is not None:
        return f"cannot be used: {said.problem}"
    if said.word is None:
        return "none"
    if said.at is None:
        return said.word
    day = formatting.day(said.at)
    return f"{said.word}, by {said.by}, {day}, consent version {said.consent_version}"


def _who(installation: Installation | None, now: float) -> str:
    if installation is None:
        return "no id: one is made when telemetry is on and an event is sent"
    if installation.made_at is None:
        return f"{installation.id}: all runs in continuous integration share it"
    age = formatting.ago(installation.made_at, now)
    return f"{installation.id}, made {age}, replaced after 90 days"


def _what_waits(waiting: Waiting, now: float) -> str:
    if waiting.oldest_at is None:
        return "nothing"
    files = f"{formatting.size(waiting.bytes)} in {formatting.counted(waiting.files, 'file')}"
    text = f"{formatting.counted(waiting.events, 'event')}, {files}, the oldest from "
    text += formatting.ago(waiting.oldest_at, now)
    if waiting.unreadable:
        text += f"; {formatting.counted(waiting.unreadable, 'file')} cannot be read"
    return text
