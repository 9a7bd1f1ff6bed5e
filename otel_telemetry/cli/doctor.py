"""``doctor``: whether telemetry could work here, and what to do where it could not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from otel_telemetry._internal import private_directory
from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.cli import formatting
from otel_telemetry.cli.backlog import waiting
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import DONE, FAILED, Context, Options, Result
from otel_telemetry.cli.probe import Check, Prober, check_connection, ok, problem, skipped, warning
from otel_telemetry.cli.status import unknown
from otel_telemetry.spool import admin

if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style

_TIMEOUT = 5.0  # seconds
_INDENT = 21  # columns
_OTHERS_WRITE = 0o022  # they could take away what waits; reading it the files themselves prevent
_COLOURS = {"ok": "green", "skipped": "dim", "warning": "yellow", "problem": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found; ``doctor --json``.

    Attributes:
        app: The application's name.
        checks: In the order in which things can go wrong.
        problems: How many of them are problems.
        warnings: How many are warnings.
    """

    app: str
    checks: tuple[Check, ...]
    problems: int
    warnings: int


def doctor(context: Context, options: Options) -> Result:
    """Look at all that delivery needs. No event is sent, nothing is kept."""
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
        text=lambda paint: _lines(report, paint),
        notes=() if context.is_known else (unknown(context.config.name),),
        code=FAILED if report.problems else DONE,
    )


def _decision(context: Context) -> Check:
    decision = context.telemetry.decision
    choice = context.consent_manager.record()
    if isinstance(choice, Unreadable):
        advice = "Choose again, with on, off or log: that replaces the file."
        return problem("decision", f"{choice.path} cannot be used: {choice.reason}.", advice)
    if decision.source == "policy" and "cannot be used" in decision.reason:
        return problem("decision", decision.reason, "Tell whoever administers this machine.")
    return ok("decision", f"{formatting.state(decision)}: {decision.reason}")


def _endpoint(context: Context, seconds: float, *, connect: bool) -> Iterator[Check]:
    config = context.config
    what = f"{config.url}, OTLP {config.protocol}"
    if config.url.startswith("http://") and config.headers:
        names = ", ".join(sorted(config.headers))
        advice = "Anybody on the way can read the headers: use https://."
        yield warning("endpoint", f"{what}; headers {names} go in plain text", advice)
    else:
        yield ok("endpoint", what)
    if not context.telemetry.decision.enabled and not connect:
        off = "Telemetry is not on, and off means off: nothing was connected to."
        yield skipped("connection", off, "Add --connect to try it all the same.")
        return
    yield from check_connection(config, Prober(seconds))


def _spool(context: Context) -> Iterator[Check]:
    config = context.config
    found = admin.directories(config, config.name)
    if not found:
        text = "none: events are kept in memory only, and end with their process"
        yield ok("spool", text)
        return
    base = os.path.dirname(found[0])
    place = _existing(base)
    named = config.spool if isinstance(config.spool, str) else base
    if place in (named, base):
        try:
            status = private_directory.check(place)
        except OSError as error:
            yield problem("spool", f"{place}: {error.strerror}", "Move what is there away.")
            return
        if status.st_mode & _OTHERS_WRITE and hasattr(os, "geteuid") and config.spool is True:
            text = f"{place} can be written to by other users of this machine"
            yield warning("spool", text, f"chmod go-w {place}")
    if not os.access(place, os.W_OK | os.X_OK):
        advice = "Make it writable, or name another directory in the setting spool."
        yield problem("spool", f"{place} cannot be written to: events live in memory only", advice)
        return
    yield _room(context, base, place)


def _room(context: Context, base: str, place: str) -> Check:
    free, most = shutil.disk_usage(place).free, context.config.spool_max_bytes
    summary = waiting(context.config)
    if free < most:
        advice = "Make room, or lower the setting spool_max_bytes."
        text = (
            f"{base}: {free // 1_000_000} MB free, less than the {most // 1_000_000} MB it may take"
        )
        return warning("spool", text, advice)
    if summary.unreadable:
        files = formatting.counted(summary.unreadable, "file")
        text = f"{base}: {files} of another version of this library, or damaged"
        return warning("spool", text, "Start that version once to send them, or purge.")
    there = base if place == base else f"{base}, made when it is first needed"
    return ok("spool", f"{there}; waiting: {formatting.counted(summary.events, 'event')}")


def _existing(path: str) -> str:
    """Return *path*, or the nearest directory above it that is there."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _clock(context: Context) -> Check:
    installed = os.stat(__file__).st_mtime
    if context.now() < installed - 24 * 3600:
        text = "the clock of this machine is before the installation of this library"
        return warning("clock", text, "Set it: certificates and times of events depend on it.")
    return ok("clock", "plausible")


def _lines(report: Examination, paint: Style) -> Iterator[str]:
    yield f"{paint('bold', printable(report.app))} telemetry, examined"
    yield ""
    for check in report.checks:
        label = f"{check.level:<9}{check.name:<12}"
        text = printable(check.found)
        yield from paint.row(label, text, indent=_INDENT, colour=_COLOURS[check.level])
        if check.advice:
            yield from paint.row("", f"-> {printable(check.advice)}", indent=_INDENT)
    yield ""
    if not report.problems and not report.warnings:
        is_whole = all(check.level == "ok" for check in report.checks)
        yield paint("green", "Nothing is wrong." if is_whole else "Nothing is wrong so far.")
    else:
        colour = "red" if report.problems else "yellow"
        yield paint(colour, f"problems: {report.problems}, warnings: {report.warnings}")
