"""The verbs for argparse."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable

from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.context import Options, Parameter, Verb

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class _Keywords(TypedDict, total=False):
        action: str
        type: Callable[[str], object]
        metavar: str
        choices: tuple[str, ...]

    class _Named(TypedDict, total=False):
        prog: str


# Before the names of `Options`: the program that we are mounted in may have a --json of its own.
_PREFIX = "telemetry_"

Handler = Callable[[argparse.Namespace], int]


def add_verbs(
    parser: argparse.ArgumentParser,
    *,
    dest: str,
    handler: Callable[[Verb], Handler],
    program: str = "",
) -> list[argparse.ArgumentParser]:
    """Add every verb to *parser*; what is parsed has, at *dest*, what runs it.

    Args:
        parser: Of the command that the verbs belong to.
        dest: Where the handler goes.
        handler: Makes what runs a verb, given what was parsed.
        program: What comes before a verb in its usage and its examples; empty for the parser's own
            name.

    Returns:
        The parsers of the verbs.
    """
    named: _Named = {"prog": program} if program else {}
    commands = parser.add_subparsers(title="verbs", metavar="VERB", required=True, **named)
    made = []
    for verb in VERBS:
        command = commands.add_parser(
            verb.name,
            help=verb.summary,
            description=f"{verb.summary} {verb.details}",
            epilog=verb.epilog(program or parser.prog),
            formatter_class=Formatter,
        )
        for parameter in verb.all_parameters():
            _add(command, parameter)
        command.set_defaults(**{dest: handler(verb)})
        made.append(command)
    return made


def options_of(parsed: argparse.Namespace) -> Options:
    """Return what the user asked for; raises nothing that argparse has not seen to."""
    given: dict[str, Any] = {
        name[len(_PREFIX) :]: tuple(value) if isinstance(value, list) else value
        for name, value in vars(parsed).items()
        if name.startswith(_PREFIX) and value is not None
    }
    return Options(**given)  # argparse has checked them


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Fills the lines, but for those of examples, which are there to be copied."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            line if line.startswith(" ") else textwrap.fill(line, width, break_on_hyphens=False)
            for line in super()._fill_text(text, width, indent).split("\n")
        )


def whole(text: str) -> int:
    """Return a whole number from 1; raises ValueError."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def seconds(text: str) -> float:
    """Return a number of seconds from 0 to a million; raises ValueError."""
    number = float(text)
    if not 0 <= number <= 1_000_000:  # also of NaN
        raise ValueError
    return number


# What argparse calls them in its messages.
whole.__name__, seconds.__name__ = "whole number", "number of seconds"


def _add(command: argparse.ArgumentParser, parameter: Parameter) -> None:
    keywords: _Keywords = {}
    if parameter.metavar:
        keywords["metavar"] = parameter.metavar
    if parameter.choices:
        keywords["choices"] = parameter.choices
    if parameter.kind == "switch":
        keywords["action"] = "store_true"
    elif parameter.kind == "texts":
        keywords["action"] = "append"
    elif parameter.kind == "whole":
        keywords["type"] = whole
    elif parameter.kind == "seconds":
        keywords["type"] = seconds
    help_text = parameter.help.replace("%", "%%")
    dest = _PREFIX + parameter.name
    if parameter.flags:
        command.add_argument(*parameter.flags, dest=dest, help=help_text, **keywords)
    else:
        command.add_argument(dest, help=help_text, **keywords)
