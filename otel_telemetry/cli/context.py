"""What a verb is: enough for argparse, click and typer to make a command of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.errors import TelemetryError

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Literal

    from _typeshed import DataclassInstance

    from otel_telemetry.cli.console import Console, Style
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.consent.consent import ConsentManager
    from otel_telemetry.telemetry import Telemetry

    ParameterKind = Literal["switch", "text", "texts", "whole", "seconds"]


SUMMARY = "See what usage telemetry does here, and decide about it."
EXIT_CODES = (
    "exit codes: 0 done; 1 it could not be done, or something is wrong; 2 wrong usage; "
    "130 interrupted"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An option or an argument of a verb.

    Attributes:
        name: The field of `Options`.
        help: What it does.
        flags: How an option is spelled; none for an argument.
        kind: ``"switch"``, ``"text"``, ``"texts"`` for an option that may come again, ``"whole"``
            for a whole number from 1, ``"seconds"`` for a number from 0.
        metavar: What stands for its value in the help.
        choices: The values that it may have; none for any.
    """

    name: str
    help: str
    flags: tuple[str, ...] = ()
    kind: ParameterKind = "text"
    metavar: str = ""
    choices: tuple[str, ...] = ()


JSON = Parameter(
    name="json", flags=("--json",), kind="switch", help="Print JSON, for programs to read."
)
"""What every verb has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing that can be asked for.

    Attributes:
        name: The word.
        summary: What it does, in a line.
        details: What else there is to know.
        examples: What follows the program's name, and what that does.
        parameters: Its own, beside ``--json``.
        run: Does it. Imports what it needs: nobody pays for the other verbs.
    """

    name: str
    summary: str
    details: str
    examples: tuple[tuple[str, str], ...]
    parameters: tuple[Parameter, ...] = ()
    run: Callable[[Context, Options], Result]

    def all_parameters(self) -> tuple[Parameter, ...]:
        """Return its own, and what every verb has."""
        return (*self.parameters, JSON)

    def epilog(self, program: str) -> str:
        """Return the examples and the exit codes, for the end of its help."""
        lines = [f"  {program} {words}\n      {what}" for words, what in self.examples]
        return "\n".join(["examples:", *lines, "", EXIT_CODES])


DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""The exit codes."""


class CommandError(TelemetryError):
    """It cannot be done; the message is for the user.

    Args:
        message: Why.
        code: The exit code.
        notes: What else there is to say, as in `Result`.
    """

    def __init__(self, message: str, code: int = FAILED, notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.notes = notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for, over all verbs.

    Attributes:
        json: JSON instead of text.
        last: How many events to show, the newest; None for all.
        event: The event's name.
        event_properties: Each ``key=value``.
        user_properties: Each ``key=value``.
        group_properties: Each ``key=value``.
        format: Of the catalogue.
        check: The file to compare with.
        catalog: Where the catalogue is, as ``module:NAME``.
        timeout: Seconds at most; None for the verb's own.
        connect: Connect even though telemetry is off.
    """

    json: bool = False
    last: int | None = None
    event: str = ""
    event_properties: tuple[str, ...] = ()
    user_properties: tuple[str, ...] = ()
    group_properties: tuple[str, ...] = ()
    format: str = "markdown"
    check: str | None = None
    catalog: str | None = None
    timeout: float | None = None
    connect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """An application's telemetry, as its user sees it.

    Attributes:
        telemetry: The application's.
        standing: Where the application stands with its user.
        environ: The environment.
        console: For what has to be said on the way.
        is_known: Whether the settings are those of the application's code; else they are only what
            the environment says.
        now: Wall clock, in seconds since the epoch.
    """

    telemetry: Telemetry
    consent_manager: ConsentManager
    environ: Mapping[str, str]
    console: Console
    is_known: bool
    now: Callable[[], float]

    @property
    def config(self) -> TelemetryConfig:
        """The settings."""
        return self.telemetry.config


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a verb found out or did.

    Attributes:
        report: The same for programs: a dataclass; or what makes what JSON has.
        text: Makes its lines for people.
        notes: What does not belong to it, for stderr.
        code: The exit code.
    """

    report: DataclassInstance | Callable[[], object]
    text: Callable[[Style], Iterable[str]]
    notes: tuple[str, ...] = field(default=())
    code: int = DONE

    def as_json(self) -> object:
        """Return the report as JSON has it."""
        if callable(self.report):
            return self.report()
        return dataclasses.asdict(self.report)
