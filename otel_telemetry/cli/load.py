"""Loads a Telemetry or a Catalog from an application's code, named as ``module:NAME``."""

from __future__ import annotations

import sys
from importlib import import_module

from otel_telemetry.cli.context import USAGE, CommandError
from otel_telemetry.errors import TelemetryError
from otel_telemetry.spool import admin, destination
from otel_telemetry.telemetry import Telemetry


def load_telemetry(place: str) -> Telemetry:
    """Import a module, from the current directory too, and return its Telemetry.

    Args:
        place: ``module:NAME``, a Telemetry or a function that makes one.

    Raises:
        CommandError: The import fails, or the object is something else.
        TelemetryError: The settings in the code are wrong.
    """
    telemetry = load_object(place)
    if callable(telemetry):
        try:
            telemetry = telemetry()
        except TelemetryError:
            raise
        except Exception as error:  # the application's code may raise anything
            raise _failed(place, f"{type(error).__name__}: {error}") from error
    if not isinstance(telemetry, Telemetry):
        raise CommandError(
            f"{place} must be a Telemetry, or a function that makes one; "
            f"it is of type {type(telemetry).__name__}",
            USAGE,
        )
    return telemetry


def telemetry_of_app(app: str) -> Telemetry:
    """Return a Telemetry with the settings of the environment, and those in the spool's manifest.

    There is a manifest if the application uses detached delivery.
    """
    bare = Telemetry(app)
    for directory in admin.directories(bare.config, app):
        config = destination.read_manifest(directory)
        if config is not None and config.name == app:
            settings = {
                name: getattr(config, name)
                for name in destination.MANIFEST_FIELDS
                if name != "name"
            }
            # The full URL: without it, the environment could replace a default of the application.
            settings |= {"logs_endpoint": config.url, "insecure": True}
            return Telemetry(app, **settings)
    return bare


def load_object(place: str) -> object:
    """Import a module, from the current directory too, and return an object of it.

    Args:
        place: ``module:NAME``; the name may have dots.

    Raises:
        CommandError: The import fails, or the module has no such object.
    """
    module, _, name = place.partition(":")
    if "" not in sys.path:  # as for `python -m`: applications often run where their code is
        sys.path.insert(0, "")
    try:
        loaded: object = import_module(module)
        for part in name.split("."):
            loaded = getattr(loaded, part)
    except TelemetryError:
        raise
    except (ImportError, AttributeError, ValueError) as error:
        raise _failed(place, str(error)) from error
    except Exception as error:  # the application's code may raise anything
        raise _failed(place, f"{type(error).__name__}: {error}") from error
    return loaded


def _failed(place: str, reason: str) -> CommandError:
    return CommandError(f"{place} cannot be loaded: {reason}", USAGE)
