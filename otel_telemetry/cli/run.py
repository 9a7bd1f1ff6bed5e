"""Runs a verb, prints its result, and turns errors into exit codes."""

from __future__ import annotations

import json
import time
from itertools import islice

from otel_telemetry.cli.console import console_of_process, printable
from otel_telemetry.cli.context import FAILED, INTERRUPTED, CommandError, Context
from otel_telemetry.config import environment
from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.errors import TelemetryError

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.cli.console import Console
    from otel_telemetry.cli.context import Options, Verb
    from otel_telemetry.telemetry import Telemetry

    Source = Telemetry | Callable[[], Telemetry]


_PIECES = 10_000  # of JSON, for one write


def run(
    verb: Verb,
    source: Source,
    options: Options,
    *,
    is_known: bool = True,
    console: Console | None = None,
    now: Callable[[], float] = time.time,
) -> int:
    """Run a verb, and return the exit code: 0, 1, 2 or 130.

    Args:
        verb: The verb.
        source: The application's `Telemetry`, or a function that makes it.
        options: The user's options.
        is_known: Whether the settings come from the application's code.
        console: Where to print; None for the process's stdout and stderr.
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
            while text := "".join(islice(pieces, _PIECES)):
                console.write(text)
            console.print("")
        else:
            for line in result.text(console.style()):
                console.print(line)
        console.flush()
        for note in result.notes:
            console.note(printable(note))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # as with `| head`: the verb has done its work
        console.silence()
    except (TelemetryError, OSError) as error:
        code = _report_error(console, error)
    return code


def _report_error(console: Console, error: TelemetryError | OSError) -> int:
    """Print an error, and return its exit code."""
    if isinstance(error, OSError):
        path = f"{error.filename}: " if isinstance(error.filename, str) else ""
        console.error(printable(f"{path}{error.strerror or error}"))
        return FAILED
    console.error(printable(str(error)))
    if not isinstance(error, CommandError):
        return FAILED
    for note in error.notes:
        console.note(printable(note))
    return error.code
