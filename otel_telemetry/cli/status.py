"""``status``: whether telemetry is on, who decided, and which events wait on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

from otel_telemetry._internal import paths
from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import Backlog, read_backlog
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import Context, Options, Result
from otel_telemetry.consent import identity
from otel_telemetry.consent.decision import is_ci
from otel_telemetry.consent.files import read_policy
from otel_telemetry.spool.destination import spool_directory

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style

_INDENT = 14  # columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFile:
    """The content of a choice file or a policy file.

    Attributes:
        path: The file; None if there is no place for it.
        word: ``"on"``, ``"off"`` or ``"log"``; None without a usable file.
        problem: The reason why the file cannot be used; None if it can.
        at: The time of the choice, in seconds since the epoch.
        by: The person or program that made the choice.
        consent_version: The version that the choice is for.
    """

    path: str | None
    word: str | None = None
    problem: str | None = None
    at: float | None = None
    by: str | None = None
    consent_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The installation id.

    Attributes:
        id: The random id.
        made_at: In seconds since the epoch; None for the id that all runs in CI share.
    """

    id: str
    made_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of an application's telemetry; ``status --json``.

    Attributes:
        app: The application's name.
        version: Its version.
        state: ``"on"``, ``"off"`` or ``"log"``.
        source: The source of the decision, as in `Decision.source`.
        reason: The reason of the decision, as a sentence.
        choice: The user's choice.
        policy: The policy of this machine.
        installation: The installation id; None if there is none.
        endpoint: The URL that requests go to; None if only the application's code knows it.
        protocol: ``"http/protobuf"`` or ``"grpc"``.
        compression: ``"gzip"`` or ``"none"``.
        header_names: The names of the headers that are set; never their values.
        spool: The directory of the waiting events; None if events are kept in memory only.
        waiting: The waiting events.
        is_known: Whether the settings come from the application's code.
    """

    app: str
    version: str | None
    state: str
    source: str
    reason: str
    choice: ConsentFile
    policy: ConsentFile
    installation: Installation | None
    endpoint: str | None
    protocol: str
    compression: str
    header_names: tuple[str, ...]
    spool: str | None
    waiting: Backlog
    is_known: bool


def status(context: Context, _options: Options) -> Result:
    """Read the state of telemetry. Opens no connection, and writes no file."""
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
        endpoint=context.url,
        protocol=config.protocol,
        compression=config.compression,
        header_names=tuple(sorted(config.headers)),
        spool=None if directory is None else os.path.dirname(directory),
        waiting=read_backlog(config),
        is_known=context.is_known,
    )
    return Result(
        report=report,
        text=lambda style: _lines(report, style, context.now()),
        notes=context.unknown_settings_note(),
    )


def _choice(context: Context) -> ConsentFile:
    path, record = context.consent_manager.record_file, context.consent_manager.record()
    if isinstance(record, Unreadable):
        return ConsentFile(path=path, problem=record.reason)
    if record is None:
        return ConsentFile(path=path)
    return ConsentFile(
        path=path,
        word=record.mode,
        at=record.at,
        by=record.by,
        consent_version=record.version,
    )


def _policy(context: Context) -> ConsentFile:
    policy = read_policy(paths.policy_files(context.config.name, context.environ))
    if policy is None:
        return ConsentFile(path=None)
    if isinstance(policy, Unreadable):
        return ConsentFile(path=policy.path, problem=policy.reason)
    return ConsentFile(path=policy.path, word="on" if policy.permits else "off")


def _installation(context: Context) -> Installation | None:
    if is_ci(context.environ):
        return Installation(id=identity.CI_INSTALLATION, made_at=None)
    saved = context.consent_manager.saved_identity()
    if saved is None:
        return None
    return Installation(id=saved.installation_id, made_at=saved.made_at)


def _lines(report: Status, style: Style, now: float) -> Iterator[str]:
    colour = {"on": "green", "off": "yellow", "log": "yellow"}[report.state]
    state = style(colour, formatting.state_phrase(report.state))
    app = style("bold", printable(report.app))
    yield from style.prose(f"{app} telemetry is {state}: {printable(report.reason)}")
    yield ""
    for label, text in _rows(report, now):
        yield from style.row(label, printable(text), indent=_INDENT)


def _rows(report: Status, now: float) -> Iterator[tuple[str, str]]:
    yield "decided by", report.source
    yield "choice", _describe_file(report.choice)
    yield "", report.choice.path or "there is no home directory to save a choice in"
    yield "policy", _describe_file(report.policy)
    if report.policy.path is not None:
        yield "", report.policy.path
    yield "installation", _describe_installation(report.installation, now)
    endpoint = report.endpoint or f"not known without the code of {report.app}"
    how = f", OTLP {report.protocol}, compression {report.compression}" if report.endpoint else ""
    yield "endpoint", f"{endpoint}{how}"
    names = ", ".join(report.header_names)
    yield "headers", f"{names}; their values are not shown" if names else "none"
    yield "waiting", _describe_backlog(report.waiting, now)
    yield "spool", report.spool or "none: events are kept in memory only"


def _describe_file(file: ConsentFile) -> str:
    if file.problem is not None:
        return f"cannot be used: {file.problem}"
    if file.word is None:
        return "none"
    if file.at is None:
        return file.word
    day = formatting.day(file.at)
    return f"{file.word}, by {file.by}, {day}, consent version {file.consent_version}"


def _describe_installation(installation: Installation | None, now: float) -> str:
    if installation is None:
        return "no id yet: it is made when telemetry is on and an event is sent"
    if installation.made_at is None:
        return f"{installation.id}: all runs in continuous integration share this id"
    age = formatting.ago(installation.made_at, now)
    return f"{installation.id}, made {age}, replaced after 90 days"


def _describe_backlog(backlog: Backlog, now: float) -> str:
    if backlog.oldest_at is None:
        return "nothing"
    events = formatting.counted(backlog.events, "event")
    files = f"{formatting.size(backlog.bytes)} in {formatting.counted(backlog.files, 'file')}"
    text = f"{events}, {files}, the oldest written {formatting.ago(backlog.oldest_at, now)}"
    if backlog.unreadable:
        text += f"; {formatting.counted(backlog.unreadable, 'file')} cannot be read"
    return text
