"""What a verb is: enough for argparse, click and typer to make a command of it."""

from __future__ import annotations

from collections.abc import Callable

from otel_telemetry.cli.desk import Desk, Options, Result
from otel_telemetry.frozen import dataclass

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Literal

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
    run: Callable[[Desk, Options], Result]

    def all_parameters(self) -> tuple[Parameter, ...]:
        """Return its own, and what every verb has."""
        return (*self.parameters, JSON)

    def epilog(self, program: str) -> str:
        """Return the examples and the exit codes, for the end of its help."""
        lines = [f"  {program} {words}\n      {what}" for words, what in self.examples]
        return "\n".join(["examples:", *lines, "", EXIT_CODES])
