"""Runs a verb: finds out, prints, and turns what goes wrong into an exit code."""

from __future__ import annotations

import json
import time
from itertools import islice

from otel_telemetry.cli.console import console_of_process, printable
from otel_telemetry.cli.context import FAILED, INTERRUPTED, CommandError, Context
from otel_telemetry.config import environment
from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.errors import TelemetryError

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.cli.console import Console
    from otel_telemetry.cli.context import Options, Verb
    from otel_telemetry.telemetry import Telemetry

    Source = Telemetry | Callable[[], Telemetry]


_PIECES = 10_000  # of JSON, written at once


def run(
    verb: Verb,
    source: Source,
    options: Options,
    *,
    is_known: bool = True,
    console: Console | None = None,
    now: Callable[[], float] = time.time,
) -> int:
    """Do what the user asks for, and return the exit code: 0, 1, 2 or 130.

    Args:
        verb: What they ask for.
        source: The application's telemetry, or what makes it.
        options: How.
        is_known: Whether the settings are those of the application's code.
        console: Where to print; None for stdout and stderr as they are now.
        now: Wall clock, in seconds since the epoch.
    """
    environ = environment.current()
    console = console or console_of_process(environ)
    code = FAILED
    try:
        telemetry = source() if callable(source) else source
        context = Context(
            telemetry=telemetry,
            consent_manager=ConsentManager(telemetry.config, environ, now),
            environ=environ,
            console=console,
            is_known=is_known,
            now=now,
        )
        result = verb.run(context, options)
        code = result.code
        if options.json:
            pieces = json.JSONEncoder(indent=2).iterencode(result.as_json())
            while some := "".join(islice(pieces, _PIECES)):
                console.write(some)
            console.print("")
        else:
            for line in result.text(console.paint()):
                console.print(line)
        console.flush()
        for note in result.notes:
            console.note(printable(note))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read us has seen enough
        console.silence()
    except (TelemetryError, OSError) as error:
        code = _complain(console, error)
    return code


def _complain(console: Console, error: TelemetryError | OSError) -> int:
    """Say what went wrong; return the exit code."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        console.error(printable(f"{where}{error.strerror or error}"))
        return FAILED
    console.error(printable(str(error)))
    if not isinstance(error, CommandError):
        return FAILED
    for note in error.notes:
        console.note(printable(note))
    return error.code
