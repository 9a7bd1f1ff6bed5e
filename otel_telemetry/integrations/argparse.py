"""For argparse: ``acme telemetry status`` in an application's own program."""

from __future__ import annotations

import argparse

from otel_telemetry.cli.context import EXIT_CODES, SUMMARY, Verb
from otel_telemetry.cli.parser import Formatter, Handler, add_verbs, options_of
from otel_telemetry.cli.run import run

TYPE_CHECKING = False  # see the package's own
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
    """Add the command, with all verbs, to a program's own commands.

    What is parsed then has a handler at *dest*, as with `set_defaults(func=...)`: call it with what
    was parsed, and exit with what it returns::

        commands = parser.add_subparsers()
        add_telemetry_command(commands, telemetry)
        arguments = parser.parse_args()
        sys.exit(arguments.func(arguments))

    Args:
        commands: What `ArgumentParser.add_subparsers` returned.
        telemetry: The program's `Telemetry`, or a callable that makes it, called when it is needed.
        name: What the command is called.
        dest: Where the handler goes: a callable that takes what was parsed and returns the exit
            code: 0 done, 1 not done or something wrong, 2 wrong usage, 130 interrupted.

    Returns:
        The command's parser.
    """
    parser = commands.add_parser(
        name, help=SUMMARY, description=SUMMARY, epilog=EXIT_CODES, formatter_class=Formatter
    )

    def handler(verb: Verb) -> Handler:
        return lambda parsed: run(verb, telemetry, options_of(parsed))

    add_verbs(parser, dest=dest, handler=handler)
    return parser
