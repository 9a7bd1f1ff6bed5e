"""What an application has in its code, found by ``module:NAME``."""

from __future__ import annotations

import sys
from importlib import import_module

from otel_telemetry.cli.desk import USAGE, CommandError
from otel_telemetry.telemetry import Telemetry


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
