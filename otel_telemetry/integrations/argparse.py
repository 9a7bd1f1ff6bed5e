"""``acme telemetry status`` for a program that uses argparse."""

from __future__ import annotations

import argparse

from otel_telemetry.cli.context import EXIT_CODES, SUMMARY, USAGE, Verb
from otel_telemetry.cli.parser import Formatter, Handler, add_verbs, options_of, print_help
from otel_telemetry.cli.run import run

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.cli.run import Source

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no other name

__all__ = ["add_telemetry_command"]


def add_telemetry_command(
    commands: Commands,
    telemetry: Source,
    *,
    name: str = "telemetry",
    dest: str = "func",
) -> argparse.ArgumentParser:
    """Add the command ``telemetry``, with all its verbs, to a program's commands.

    After parsing, the attribute *dest* holds a handler, as with `set_defaults(func=...)`. Call it
    with the parsed arguments, and exit with the code that it returns::

        commands = parser.add_subparsers()
        add_telemetry_command(commands, telemetry)
        arguments = parser.parse_args()
        sys.exit(arguments.func(arguments))

    Without a verb, the handler prints the command's help on stderr and returns 2.

    Args:
        commands: The return value of `ArgumentParser.add_subparsers`.
        telemetry: The program's `Telemetry`, or a function that makes it. A verb calls the
            function when it runs.
        name: The command's name.
        dest: The attribute for the handler. The handler takes the parsed arguments and returns the
            exit code: 0 done, 1 not done or something is wrong, 2 wrong usage, 130 interrupted.

    Returns:
        The command's parser.
    """
    parser = commands.add_parser(
        name, help=SUMMARY, description=SUMMARY, epilog=EXIT_CODES, formatter_class=Formatter
    )

    def show_help(_parsed: argparse.Namespace) -> int:
        print_help(parser)
        return USAGE

    def handler(verb: Verb) -> Handler:
        return lambda parsed: run(verb, telemetry, options_of(parsed))

    parser.set_defaults(**{dest: show_help})
    add_verbs(parser, dest=dest, handler=handler)
    return parser
