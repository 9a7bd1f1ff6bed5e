"""The types of the command line: a verb, its parameters, the context it runs in, its result."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.errors import TelemetryError

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Literal

    from _typeshed import DataclassInstance

    from otel_telemetry.cli.console import Console, Style
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.consent.consent import ConsentManager
    from otel_telemetry.telemetry import Telemetry

    ParameterKind = Literal["flag", "text", "texts", "integer", "seconds"]


SUMMARY = "Show what usage telemetry does here, and turn it on or off."
EXIT_CODES = "exit codes: 0 done, 1 not done or a problem, 2 wrong usage, 130 interrupted"
MAX_SECONDS = 1_000_000
"""The longest time-out that an option takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An option or an argument of a verb.

    Attributes:
        name: The field of `Options`.
        help: What it does.
        flags: The spellings of an option; empty for an argument.
        kind: ``"flag"``, ``"text"``, ``"texts"`` for an option that may be repeated, ``"integer"``
            for a whole number of at least 1, ``"seconds"`` for a number of at least 0.
        metavar: The word that stands for the value in the help.
        choices: The values that are allowed; empty for any.
    """

    name: str
    help: str
    flags: tuple[str, ...] = ()
    kind: ParameterKind = "text"
    metavar: str = ""
    choices: tuple[str, ...] = ()


JSON = Parameter(name="json", flags=("--json",), kind="flag", help="Print JSON, for programs.")
"""The option of every verb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A subcommand, in the form from which argparse, click and typer make a command each.

    Attributes:
        name: The word that the user types.
        summary: What it does, in a line.
        details: The rest of its description.
        examples: For each example, the words after the program's name, and what they do.
        parameters: Its own parameters, without ``--json``.
        run: Does it. Imports its module when it is called: the other verbs stay fast.
    """

    name: str
    summary: str
    details: str
    examples: tuple[tuple[str, str], ...]
    parameters: tuple[Parameter, ...] = ()
    run: Callable[[Context, Options], Result]

    def all_parameters(self) -> tuple[Parameter, ...]:
        """Return its own parameters, and ``--json``."""
        return (*self.parameters, JSON)

    def epilog(self, program: str, width: int | None = None) -> str:
        """Return the examples and the exit codes, for the end of its help.

        Args:
            program: The words before the verb, such as ``acme telemetry``.
            width: The columns at which the exit codes are wrapped; None for no wrapping. Examples
                are never wrapped, so that users can copy them.
        """
        lines = ["examples:"]
        for words, effect in self.examples:
            lines += [f"  {program} {words}", f"      {effect}"]
        exit_codes = [EXIT_CODES] if width is None else textwrap.wrap(EXIT_CODES, width)
        return "\n".join([*lines, "", *exit_codes])


DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""The exit codes."""


class CommandError(TelemetryError):
    """A verb cannot do its work; the message is for the user.

    Args:
        message: The reason.
        code: The exit code.
        notes: Further lines for stderr, as in `Result`.
    """

    def __init__(self, message: str, code: int = FAILED, notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.notes = notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options and arguments of all verbs.

    Attributes:
        json: Print JSON instead of text.
        last: How many of the newest events to show; None for all.
        event: The event's name.
        event_properties: Each ``key=value``.
        user_properties: Each ``key=value``.
        group_properties: Each ``key=value``.
        format: The format of the catalogue: ``"markdown"``, ``"json-schema"`` or ``"semconv"``.
        check: The file to compare the catalogue with; None to print it.
        catalog: The place of the catalogue, as ``module:NAME``; None for the application's own.
        timeout: In seconds; None for the verb's default.
        connect: Connect to the backend even though telemetry is off.
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
    """An application's telemetry, as a verb sees it.

    Attributes:
        telemetry: The application's `Telemetry`.
        consent_manager: Its consent, read from this machine.
        environ: The environment.
        console: Where a verb prints while it runs.
        is_known: Whether the settings come from the application's code; otherwise they come from
            the environment, and from the manifest of its spool.
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

    @property
    def url(self) -> str | None:
        """The URL that requests go to; None if only the application's code knows it."""
        config = self.config
        is_set = config.endpoint is not None or config.logs_endpoint is not None
        return config.url if self.is_known or is_set else None

    def unknown_settings_note(self) -> tuple[str, ...]:
        """Return the note for a user who gave the application's name only; else nothing."""
        if self.is_known:
            return ()
        name = self.config.name
        note = (
            f"note: the settings in the code of {name}, such as its endpoint, are not known here. "
            f"To see them, use the command of {name} itself, or --app MODULE:NAME."
        )
        return (note,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a verb.

    Attributes:
        report: A dataclass, for ``--json``; or a function that returns what to print as JSON.
        text: Makes the lines for people.
        notes: Lines for stderr.
        code: The exit code.
    """

    report: DataclassInstance | Callable[[], object]
    text: Callable[[Style], Iterable[str]]
    notes: tuple[str, ...] = field(default=())
    code: int = DONE

    def as_json(self) -> object:
        """Return what ``--json`` prints."""
        if callable(self.report):
            return self.report()
        return dataclasses.asdict(self.report)
