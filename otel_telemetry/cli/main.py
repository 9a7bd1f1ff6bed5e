"""``otel-telemetry``: the verbs for any application on this machine.

    otel-telemetry --app NAME VERB [--json] ...

Exit codes: 0 done; 1 it could not be done, or something is wrong; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from otel_telemetry.cli.desk import USAGE, CommandError
from otel_telemetry.cli.parser import Formatter, Handler, add_verbs, options_of
from otel_telemetry.cli.run import run
from otel_telemetry.cli.verbs import EXIT_CODES, SUMMARY, Verb
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
        prog="otel-telemetry", description=SUMMARY, epilog=_EPILOG, formatter_class=Formatter
    )
    parser.add_argument(
        "--app",
        required=True,
        metavar="NAME",
        help="the application's name; or MODULE:NAME, its Telemetry in its own code",
    )
    add_verbs(parser, dest="handler", handler=_handler, program=_PROGRAM)
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as done:  # argparse has said why
        return int(done.code or 0)
    except BrokenPipeError:
        return 0
    handler: Handler = parsed.handler
    return handler(parsed)


def _handler(verb: Verb) -> Handler:
    def handle(parsed: argparse.Namespace) -> int:
        app: str = parsed.app
        is_known = ":" in app
        make: Callable[[], Telemetry] = (
            (lambda: named(app)) if is_known else (lambda: Telemetry(app))
        )
        return run(verb, make, options_of(parsed), is_known=is_known)

    return handle


def named(place: str) -> Telemetry:
    """Return the Telemetry at ``module:NAME``; imports that module, from here too.

    Raises:
        CommandError: There is none.
    """
    found = thing(place)
    if callable(found):
        found = found()
    if not isinstance(found, Telemetry):
        raise CommandError(f"{place} is no Telemetry, and makes none", USAGE)
    return found


def thing(place: str) -> object:
    """Return what is at ``module:NAME``.

    Raises:
        CommandError: There is nothing.
    """
    module, _, name = place.partition(":")
    if "" not in sys.path:  # as `python -m` has it: an application is mostly run where it lies
        sys.path.insert(0, "")
    try:
        found: object = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise CommandError(f"{place} cannot be had: {error}", USAGE) from error
    return found
