"""The LoggerProvider: one of ours, set up and shut down, or the application's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import cast

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource

from otel_telemetry.mapping.records import EventRecord, no_limits

Emit = Callable[[EventRecord], None]


def own_provider(
    resource: Resource, processor: LogRecordProcessor, name: str, version: str | None
) -> tuple[LoggerProvider, Emit]:
    """Return a provider of our own, and what emits a record through it.

    It is nobody's global, and does not shut down by itself at exit: `Telemetry.destroy` does it.
    """
    # Else the newer versions read limits from the host's environment, and raise over a wrong one.
    takes_limits = "log_record_limits" in inspect.signature(LoggerProvider).parameters
    limits = {"log_record_limits": no_limits()} if takes_limits else {}
    make = cast("Callable[..., LoggerProvider]", LoggerProvider)
    provider = make(resource, shutdown_on_exit=False, **limits)
    provider.add_log_record_processor(processor)
    logger = provider.get_logger(name, version)
    # The SDK's emit takes a record with its own resource and scope, and keeps them; its type does
    # not say so. A contract test does.
    return provider, cast("Emit", logger.emit)


def app_emit(provider: LoggerProvider, name: str, version: str | None) -> Emit:
    """Return what emits a record through the application's own *provider*.

    Its processors may be anybody's: they get a record of the SDK's own class, with attributes that
    they can add to.
    """
    emit = cast("Callable[[ReadWriteLogRecord], None]", provider.get_logger(name, version).emit)
    return lambda record: emit(record.standard())
