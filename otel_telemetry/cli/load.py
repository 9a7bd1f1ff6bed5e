"""What an application has in its code, found by ``module:NAME``."""

from __future__ import annotations

import sys
from importlib import import_module

from otel_telemetry.cli.context import USAGE, CommandError
from otel_telemetry.errors import TelemetryError
from otel_telemetry.spool import admin, destination
from otel_telemetry.telemetry import Telemetry


def load_telemetry(place: str) -> Telemetry:
    """Return the Telemetry at ``module:NAME``; imports that module, from here too.

    Raises:
        CommandError: There is none.
    """
    found = load_object(place)
    if callable(found):
        try:
            found = found()
        except TelemetryError:
            raise
        except Exception as error:  # it is somebody else's code
            raise _failed(place, error) from error
    if not isinstance(found, Telemetry):
        raise CommandError(f"{place} is no Telemetry, and makes none", USAGE)
    return found


def telemetry_of_app(app: str) -> Telemetry:
    """Return a Telemetry of *app* with what its code has set, where that is written down.

    That is so where it has another process deliver; else there is only what the environment says.
    """
    bare = Telemetry(app)
    for directory in admin.directories(bare.config, app):
        told = destination.read_manifest(directory)
        if told is not None and told.name == app:
            settings = {
                name: getattr(told, name) for name in destination.MANIFEST_FIELDS if name != "name"
            }
            return Telemetry(app, insecure=True, **settings)
    return bare


def load_object(place: str) -> object:
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
    except TelemetryError:
        raise
    except (ImportError, AttributeError, ValueError) as error:
        raise CommandError(f"{place} cannot be had: {error}", USAGE) from error
    except Exception as error:  # as above
        raise _failed(place, error) from error
    return found


def _failed(place: str, error: Exception) -> CommandError:
    return CommandError(f"{place} cannot be had: {type(error).__name__}: {error}", USAGE)
