"""``otel-telemetry``: the verbs for any application on this machine.

    otel-telemetry --app NAME VERB [--json] ...

Exit codes: 0 done; 1 not done, or something is wrong; 2 wrong usage; 130 interrupted. Without a
verb, the command line prints its help on stderr and exits with 2.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from otel_telemetry._internal.version import VERSION
from otel_telemetry.cli.console import console_of_process, streams_of_process
from otel_telemetry.cli.context import EXIT_CODES, SUMMARY, USAGE, Verb
from otel_telemetry.cli.load import load_telemetry, telemetry_of_app
from otel_telemetry.cli.parser import Formatter, Handler, add_verbs, options_of, print_help
from otel_telemetry.cli.run import run
from otel_telemetry.config import environment
from otel_telemetry.telemetry import Telemetry

_EPILOG = """examples:
  {program} --app acme-cms status
      show whether the telemetry of acme-cms is on
  {program} --app acme-cms off
      turn it off, and delete the events that wait
  {program} --app acme_cms.usage:telemetry doctor
      check everything, with the settings in the application's code:
      MODULE:NAME is a Telemetry, or a function that makes one

{exit_codes}"""


def main(arguments: Sequence[str] | None = None, program: str = "otel-telemetry") -> int:
    """Run the command line, and return the exit code.

    Args:
        arguments: The arguments after the program's name; None for those of this process.
        program: How the user calls the program; for its help.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        usage=f"{program} [-h] [--version] --app NAME VERB ...",
        description=SUMMARY,
        epilog=_EPILOG.format(program=program, exit_codes=EXIT_CODES),
        formatter_class=Formatter,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"otel-telemetry {VERSION}",
        help="show the version of this library and exit",
    )
    parser.add_argument(
        "--app",
        type=_app,
        metavar="NAME",
        help="the application's name; or MODULE:NAME, its Telemetry in its code",
    )
    parser.set_defaults(handler=None)
    commands = add_verbs(parser, dest="handler", handler=_handler, program=f"{program} --app NAME")
    for command in commands:  # users write --app before the verb or after it
        command.add_argument("--app", type=_app, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    try:
        with streams_of_process():
            parsed = parser.parse_args(arguments)
            if parsed.handler is None:
                print_help(parser)
                parser.exit(USAGE)
            if parsed.app is None:
                parser.error("the following arguments are required: --app")
    except SystemExit as done:  # argparse has printed why
        console_of_process(environment.current()).finish()
        return int(done.code or 0)
    handler: Handler = parsed.handler
    return handler(parsed)


def _app(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the application's name is empty")
    return text


def _handler(verb: Verb) -> Handler:
    def handle(parsed: argparse.Namespace) -> int:
        app: str = parsed.app
        is_known = ":" in app
        make: Callable[[], Telemetry] = (
            (lambda: load_telemetry(app)) if is_known else (lambda: telemetry_of_app(app))
        )
        return run(verb, make, options_of(parsed), is_known=is_known)

    return handle
