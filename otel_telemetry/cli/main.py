"""``otel-telemetry``: the verbs for any application on this machine.

    otel-telemetry --app NAME VERB [--json] ...

Exit codes: 0 done; 1 it could not be done, or something is wrong; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from otel_telemetry.cli.console import console_of_process, streams_of_process
from otel_telemetry.cli.context import EXIT_CODES, SUMMARY, Verb
from otel_telemetry.cli.load import load_telemetry, telemetry_of_app
from otel_telemetry.cli.parser import Formatter, Handler, add_verbs, options_of
from otel_telemetry.cli.run import run
from otel_telemetry.config import environment
from otel_telemetry.telemetry import Telemetry

_PROGRAM = "otel-telemetry --app NAME"
_EPILOG = f"""examples:
  otel-telemetry --app acme-cms status
      where the telemetry of acme-cms stands
  otel-telemetry --app acme-cms off
      end it, and delete what there is of it
  otel-telemetry --app acme_cms.usage:telemetry doctor
      with the settings that its code gives: a Telemetry, or what makes one

{EXIT_CODES}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit code.

    Args:
        arguments: Those after the program's name; None for this process's.
    """
    parser = argparse.ArgumentParser(
        prog="otel-telemetry",
        usage="otel-telemetry [-h] --app NAME VERB ...",
        description=SUMMARY,
        epilog=_EPILOG,
        formatter_class=Formatter,
    )
    parser.add_argument(
        "--app",
        type=_app,
        metavar="NAME",
        help="the application's name; or MODULE:NAME, its Telemetry in its own code",
    )
    commands = add_verbs(parser, dest="handler", handler=_handler, program=_PROGRAM)
    for command in commands:  # before the verb or behind it: nobody remembers which
        command.add_argument("--app", type=_app, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    try:
        with streams_of_process():
            parsed = parser.parse_args(arguments)
            if parsed.app is None:
                parser.error("the following arguments are required: --app")
    except SystemExit as done:  # argparse has said why, or helped
        console_of_process(environment.current()).finish()
        return int(done.code or 0)
    handler: Handler = parsed.handler
    return handler(parsed)


def _app(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("name the application; this is empty")
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
