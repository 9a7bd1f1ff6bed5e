"""The verbs for argparse."""

from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap
from collections.abc import Callable

from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.console import streams_of_process
from otel_telemetry.cli.context import MAX_SECONDS, Options, Parameter, Verb

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class _Keywords(TypedDict, total=False):
        action: str
        type: Callable[[str], object]
        metavar: str
        choices: tuple[str, ...]

    class _Prefix(TypedDict, total=False):
        prog: str


# Keeps our options apart from those of the application's program, which may have a --json too.
_PREFIX = "telemetry_"

Handler = Callable[[argparse.Namespace], int]


def add_verbs(
    parser: argparse.ArgumentParser,
    *,
    dest: str,
    handler: Callable[[Verb], Handler],
    program: str = "",
) -> list[argparse.ArgumentParser]:
    """Add every verb to *parser*; after parsing, *dest* holds the handler of the verb.

    A verb is optional for argparse: the caller gives *dest* a default, for a command line without
    one.

    Args:
        parser: The parser of the command that the verbs belong to.
        dest: The name of the attribute that holds the handler.
        handler: Makes the handler of a verb.
        program: The words before a verb in its usage and its examples; empty for those of *parser*.

    Returns:
        The parsers of the verbs.
    """
    prefix: _Prefix = {"prog": program} if program else {}
    subparsers = parser.add_subparsers(title="verbs", metavar="VERB", **prefix)
    commands = []
    for verb in VERBS:
        command = subparsers.add_parser(
            verb.name,
            help=verb.summary,
            description=f"{verb.summary} {verb.details}",
            epilog=verb.epilog(program or parser.prog),
            formatter_class=Formatter,
        )
        for parameter in verb.all_parameters():
            _add(command, parameter)
        command.set_defaults(**{dest: handler(verb)})
        commands.append(command)
    return commands


def print_help(parser: argparse.ArgumentParser) -> None:
    """Print the help on stderr, for a command line that is not complete."""
    with streams_of_process():
        parser.print_help(sys.stderr)


def options_of(parsed: argparse.Namespace) -> Options:
    """Return the options of a command line; argparse has checked them."""
    options: dict[str, Any] = {
        name[len(_PREFIX) :]: tuple(value) if isinstance(value, list) else value
        for name, value in vars(parsed).items()
        if name.startswith(_PREFIX) and value is not None
    }
    return Options(**options)


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Wraps all lines except those of examples, which users copy."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            line if line.startswith(" ") else textwrap.fill(line, width, break_on_hyphens=False)
            for line in super()._fill_text(text, width, indent).split("\n")
        )


def positive_integer(text: str) -> int:
    """Return a whole number of at least 1.

    Raises:
        ArgumentTypeError: *text* is not one.
    """
    with contextlib.suppress(ValueError):
        if (number := int(text)) >= 1:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")


def seconds(text: str) -> float:
    """Return a number of seconds from 0 to a million.

    Raises:
        ArgumentTypeError: *text* is not one.
    """
    with contextlib.suppress(ValueError):
        if 0 <= (number := float(text)) <= MAX_SECONDS:  # false for NaN
            return number
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number of seconds from 0 to {MAX_SECONDS:,}"
    )


def _add(command: argparse.ArgumentParser, parameter: Parameter) -> None:
    keywords: _Keywords = {}
    if parameter.metavar:
        keywords["metavar"] = parameter.metavar
    if parameter.choices:
        keywords["choices"] = parameter.choices
    if parameter.kind == "flag":
        keywords["action"] = "store_true"
    elif parameter.kind == "texts":
        keywords["action"] = "append"
    elif parameter.kind == "integer":
        keywords["type"] = positive_integer
    elif parameter.kind == "seconds":
        keywords["type"] = seconds
    help_text = parameter.help.replace("%", "%%")
    dest = _PREFIX + parameter.name
    if parameter.flags:
        command.add_argument(*parameter.flags, dest=dest, help=help_text, **keywords)
    else:
        command.add_argument(dest, help=help_text, **keywords)
