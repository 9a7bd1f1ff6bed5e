"""Events to the spool, for another process to deliver; no OpenTelemetry in this one."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from otel_telemetry import environment, fork
from otel_telemetry.delivery.destination import spool_directory
from otel_telemetry.delivery.launcher import Launcher, is_python
from otel_telemetry.delivery.recorder import Recorder
from otel_telemetry.mapping.base import base_attributes, with_base
from otel_telemetry.mapping.encoded import encoded_events

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.config import TelemetryConfig
    from otel_telemetry.counters import Counters
    from otel_telemetry.delivery.courier import Transport
    from otel_telemetry.delivery.permission import Permission
    from otel_telemetry.mapping.attributes import Cleaner
    from otel_telemetry.mapping.mapper import Mapper
    from otel_telemetry.otlp.requests import EncodedRecord
    from otel_telemetry.sinks.sink import Sink


def recording(
    config: TelemetryConfig,
    counters: Counters,
    installation_id: str | None,
    cleaner: Cleaner,
    on_flaw: Callable[[str, int], None],
    *,
    permission: Permission,
    transport: Transport | None = None,
    executable: str | None = None,
) -> tuple[Mapper[bytes, bytes, EncodedRecord], Sink[EncodedRecord]]:
    """Return what makes encoded records of events, and what takes them.

    Args:
        config: The settings.
        counters: The counts to keep.
        installation_id: Who speaks; None for nobody.
        cleaner: Makes properties legal.
        on_flaw: Told of what was mended: its kind, and how often.
        permission: What may leave.
        transport: Where each record goes at once, instead of the spool; None for the spool.
        executable: What may be a Python to start; None for the one that runs.
    """
    events = _events(config, installation_id, cleaner, on_flaw)
    if transport is not None:
        from otel_telemetry.sinks.at_once import AtOnceSink  # noqa: PLC0415 - for previews alone

        return events, AtOnceSink(transport)
    directory = spool_directory(config, config.name)
    launch, wait = _launch(config, directory, permission, executable or sys.executable)
    return events, Recorder(
        config, counters, directory, launch, is_permitted=permission.holds, wait=wait
    )


def _events(
    config: TelemetryConfig,
    installation_id: str | None,
    cleaner: Cleaner,
    on_flaw: Callable[[str, int], None],
) -> Mapper[bytes, bytes, EncodedRecord]:
    detected = (
        environment.resource_attributes(environment.current()) if config.inherit_otel_env else {}
    )
    return encoded_events(
        config,
        cleaner,
        base=with_base(
            {**detected, **config.resource_attributes},
            base_attributes(config.name, config.version, installation_id, by_sdk=False),
        ),
        on_flaw=on_flaw,
        session=os.urandom(16).hex(),  # a run of a command-line tool is a session
    )


def _launch(
    config: TelemetryConfig, directory: str | None, permission: Permission, executable: str
) -> tuple[Callable[[], object], Callable[[float], object]]:
    """Return what has somebody deliver, and what gives them time at the end of this process."""
    beside = _Beside(permission)
    if directory is None:
        return lambda: None, beside.wait
    is_frozen = bool(getattr(sys, "frozen", False))
    if is_python(executable, environment.current(), is_frozen=is_frozen):
        return Launcher(directory, interval=config.detached_interval).launch, beside.wait
    # No process can be started: this one delivers, from now on what earlier ones have left.
    launch = Launcher(directory, interval=config.detached_interval, start=beside.start).launch
    launch()
    return launch, beside.wait


class _Beside:
    """Delivers in a thread what processes have left.

    Args:
        permission: What may leave.
    """

    def __init__(self, permission: Permission) -> None:
        self._permission = permission
        self._thread: threading.Thread | None = None

    def start(self, directory: str) -> None:
        """Deliver what lies in *directory*."""
        self._thread = threading.Thread(
            target=self._run, args=(directory,), name="otel_telemetry-uploader", daemon=True
        )
        with contextlib.suppress(RuntimeError):  # no more threads: the next run tries again
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Give it *seconds* to finish: a program that ends at once would never deliver."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self, directory: str) -> None:
        # Whatever it is, it must not be printed.
        with contextlib.suppress(Exception):
            with fork.importing:
                from otel_telemetry.delivery.detached import upload  # noqa: PLC0415 - slow
            upload(directory, lambda _config: self._permission)
