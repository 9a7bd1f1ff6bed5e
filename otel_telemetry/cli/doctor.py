"""``doctor``: check whether telemetry works here, and suggest how to fix what does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from otel_telemetry._internal import private_directory
from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import read_backlog
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import DONE, FAILED, Context, Options, Result
from otel_telemetry.cli.probe import (
    CheckResult,
    Prober,
    check_connection,
    ok,
    problem,
    skipped,
    warning,
)
from otel_telemetry.spool import admin

if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style

_TIMEOUT = 5.0  # seconds
_INDENT = 21  # columns
_WRITABLE_BY_OTHERS = 0o022  # others could delete events; the files' own modes prevent reading
_COLOURS = {"ok": "green", "skipped": "dim", "warning": "yellow", "problem": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The results of all checks; ``doctor --json``.

    Attributes:
        app: The application's name.
        checks: The results, in the order of the checks.
        problems: The number of problems.
        warnings: The number of warnings.
    """

    app: str
    checks: tuple[CheckResult, ...]
    problems: int
    warnings: int


def doctor(context: Context, options: Options) -> Result:
    """Check everything that the delivery of events needs. Sends no event, and writes no file."""
    seconds = _TIMEOUT if options.timeout is None else options.timeout
    checks = (
        _decision(context),
        *_endpoint(context, seconds, connect=options.connect),
        *_spool(context),
        _clock(context),
    )
    report = Examination(
        app=context.config.name,
        checks=checks,
        problems=sum(check.level == "problem" for check in checks),
        warnings=sum(check.level == "warning" for check in checks),
    )
    return Result(
        report=report,
        text=lambda style: _lines(report, style),
        notes=context.unknown_settings_note(),
        code=FAILED if report.problems else DONE,
    )


def _decision(context: Context) -> CheckResult:
    decision = context.telemetry.decision
    choice = context.consent_manager.record()
    if isinstance(choice, Unreadable):
        advice = "Choose again, with on, off or log: this replaces the file."
        return problem("decision", f"{choice.path} cannot be used: {choice.reason}.", advice)
    if decision.source == "policy" and "cannot be used" in decision.reason:
        return problem("decision", decision.reason, "Ask the administrator of this machine.")
    return ok("decision", f"{formatting.state(decision)}: {decision.reason}")


def _endpoint(context: Context, seconds: float, *, connect: bool) -> Iterator[CheckResult]:
    config = context.config
    if context.url is None:
        text = f"not known without the code of {config.name}"
        advice = "Name the Telemetry in the application's code: --app MODULE:NAME."
        yield skipped("endpoint", text, advice)
        return
    endpoint = f"{context.url}, OTLP {config.protocol}"
    if context.url.startswith("http://") and config.headers:
        names = ", ".join(sorted(config.headers))
        text = f"{endpoint}; headers {names} are sent in plain text"
        yield warning("endpoint", text, "Anyone on the network can read them: use https://.")
    else:
        yield ok("endpoint", endpoint)
    if not context.telemetry.decision.enabled and not connect:
        text = "not checked: telemetry is not on, so no connection is opened"
        yield skipped("connection", text, "Add --connect to check it anyway.")
        return
    yield from check_connection(config, Prober(seconds))


def _spool(context: Context) -> Iterator[CheckResult]:
    config = context.config
    directories = admin.directories(config, config.name)
    if not directories:
        text = "none: events are kept in memory only, and are lost when their process ends"
        yield ok("spool", text)
        return
    base = os.path.dirname(directories[0])
    existing = _nearest_existing(base)
    named = config.spool if isinstance(config.spool, str) else base
    if existing in (named, base):
        try:
            status = private_directory.check(existing)
        except OSError as error:
            advice = "Move it away, or name another directory in the setting spool."
            yield problem("spool", f"{existing}: {error.strerror}", advice)
            return
        is_shared = status.st_mode & _WRITABLE_BY_OTHERS and hasattr(os, "geteuid")
        if is_shared and config.spool is True:
            text = f"other users of this machine can write to {existing}"
            yield warning("spool", text, f"Run chmod go-w {existing}")
    if not os.access(existing, os.W_OK | os.X_OK):
        text = f"{existing} is not writable, so events are kept in memory only"
        advice = "Make it writable, or name another directory in the setting spool."
        yield problem("spool", text, advice)
        return
    yield _space(context, base, existing)


def _space(context: Context, base: str, existing: str) -> CheckResult:
    free, limit = shutil.disk_usage(existing).free, context.config.spool_max_bytes
    backlog = read_backlog(context.config)
    if free < limit:
        text = (
            f"{base}: {free // 1_000_000} MB are free, less than the {limit // 1_000_000} MB "
            "that the spool may take"
        )
        advice = "Free some space, or lower the setting spool_max_bytes."
        return warning("spool", text, advice)
    if backlog.unreadable:
        files = formatting.counted(backlog.unreadable, "unreadable file")
        text = f"{base}: {files}, damaged or of another version of this library"
        advice = "Run that version once to send the events, or delete them with purge."
        return warning("spool", text, advice)
    place = base if existing == base else f"{base}, created when it is needed"
    return ok("spool", f"{place}; waiting: {formatting.counted(backlog.events, 'event')}")


def _nearest_existing(path: str) -> str:
    """Return *path*, or the nearest directory above it that exists."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _clock(context: Context) -> CheckResult:
    installed = os.stat(__file__).st_mtime
    if context.now() < installed - 24 * 3600:
        text = "the clock of this machine shows a time before this library was installed"
        advice = "Set the clock: certificates and the times of events depend on it."
        return warning("clock", text, advice)
    return ok("clock", "plausible")


def _lines(report: Examination, style: Style) -> Iterator[str]:
    yield f"Checks of {style('bold', printable(report.app))} telemetry"
    yield ""
    for check in report.checks:
        label = f"{check.level:<9}{check.name:<12}"
        text = printable(check.found)
        yield from style.row(label, text, indent=_INDENT, colour=_COLOURS[check.level])
        if check.advice:
            yield from style.row("", f"-> {printable(check.advice)}", indent=_INDENT)
    yield ""
    if report.problems or report.warnings:
        problems = formatting.counted(report.problems, "problem")
        warnings = formatting.counted(report.warnings, "warning")
        yield style("red" if report.problems else "yellow", f"{problems}, {warnings}")
    elif any(check.level == "skipped" for check in report.checks):
        text = style("green", "No problem was found. Some checks were skipped.")
        yield from style.prose(text)
    else:
        yield style("green", "No problem was found.")
