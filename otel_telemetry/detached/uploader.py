"""The uploader: a process that delivers the events that other processes have spooled."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable

from otel_telemetry._internal import filelock, fork
from otel_telemetry.config import environment
from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.export.engine import DeliveryEngine, create_transport
from otel_telemetry.export.worker import Transport
from otel_telemetry.spool import destination
from otel_telemetry.spool.layout import UPLOADER_LOCK
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import Counters, Disposition, DropReason

MAX_RUNTIME = 15.0
"""Seconds that an uploader runs, at most."""

_MAX_FAILURES = 2  # failed requests before the rest is left to the next uploader
_LOCK_TIMEOUT = 2.0  # seconds that the launcher may hold the lock
_POLL = 0.02
_LONGEST_REQUEST = MAX_RUNTIME - 3.0


def upload(
    directory: str,
    consent_gate: Callable[[TelemetryConfig], ConsentGate],
    *,
    max_runtime: float = MAX_RUNTIME,
    connect: Callable[[DeliveryConfig], Transport] = create_transport,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Deliver the events of dead processes in *directory*; two failed requests end it.

    One uploader runs at a time; a second one leaves the events to the first.

    Args:
        directory: The spool directory of one destination, with a manifest.
        consent_gate: Returns which events of an application may be sent.
        max_runtime: Seconds that it may take.
        connect: Makes the transport.
        clock: Monotonic seconds.
    """
    end = clock() + max_runtime
    known: set[str] = set()
    while True:
        lock = _wait_for_lock(
            os.path.join(directory, UPLOADER_LOCK), min(end, clock() + _LOCK_TIMEOUT), clock
        )
        if lock is None:
            return
        try:
            config = destination.read_manifest(directory)
            if config is None:
                return
            has_all = _deliver(config, consent_gate(config), end, connect, clock)
        finally:
            filelock.release(lock)
        # Processes that ended while the lock was held have started no uploader. Segments that were
        # here before as well are of another format version.
        left = _remaining_segments(directory, config) if has_all else set()
        if left <= known or clock() >= end:
            return
        known = left


def _wait_for_lock(path: str, end: float, clock: Callable[[], float]) -> int | None:
    while True:
        try:
            lock = filelock.acquire(path, create=False)
        except OSError:  # the directory was deleted
            return None
        if lock is not None:
            return lock
        if clock() >= end:
            return None
        time.sleep(_POLL)


def _deliver(
    config: TelemetryConfig,
    consent_gate: ConsentGate,
    end: float,
    connect: Callable[[DeliveryConfig], Transport],
    clock: Callable[[], float],
) -> bool:
    """Deliver until nothing is pending; False if time, retries or the consent ended before."""
    if not consent_gate.is_granted():
        return False
    counters = Counters()
    idle = threading.Event()
    engine = DeliveryEngine(
        dataclasses.replace(config, timeout=min(config.timeout, _LONGEST_REQUEST)),
        counters,
        app=config.name,
        consent_gate=consent_gate,
        on_idle=idle.set,
        connect=connect,
    )
    fork.watch(engine.after_fork)
    engine.ensure_started()
    while not idle.wait(_POLL) and clock() < end:
        if (
            counters.requests[Disposition.RETRY] >= _MAX_FAILURES
            or counters.dropped[DropReason.CONSENT_WITHDRAWN]
        ):
            break
    has_all = idle.is_set()  # read before the shutdown, which may set it too
    engine.shutdown(0.0)
    return has_all


def _remaining_segments(directory: str, config: TelemetryConfig) -> set[str]:
    """Return the segments of processes that have died by now."""
    spool = Spool(directory, max_age=config.spool_max_age)
    try:
        return {path for owner in spool.claim_abandoned() for path in owner.segments}
    finally:
        spool.close()


_GRACE = 2.0  # seconds


def main(
    directory: str, *, max_runtime: float = MAX_RUNTIME, deliver: Callable[..., object] = upload
) -> None:
    """Deliver the events in *directory*, without output, and end in time in any case.

    Args:
        directory: The spool directory of one destination.
        max_runtime: Seconds that it may take; two seconds later the process is killed.
        deliver: What delivers.
    """
    watchdog = threading.Timer(max_runtime + _GRACE, os._exit, (0,))
    watchdog.daemon = True
    watchdog.start()
    with contextlib.suppress(Exception):
        detach_from_parent()
        deliver(directory, make_consent_gate, max_runtime=max_runtime)


def detach_from_parent() -> None:
    """Leave the parent's session, close its files, and lower the priority."""
    with contextlib.suppress(OSError, AttributeError):  # already a session leader, or Windows
        os.setsid()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    # An inherited pipe would keep its reader waiting until this process ends.
    with contextlib.suppress(OSError):
        for name in os.listdir("/dev/fd"):
            if int(name) > 2:
                with contextlib.suppress(OSError):
                    os.close(int(name))


def make_consent_gate(config: TelemetryConfig) -> ConsentGate:
    """Return the consent gate of the application with *config*, from its policy and consent now."""
    consent_manager = ConsentManager(config, environment.current())
    return ConsentGate(
        granted_at=consent_manager.granted_at(), is_granted=consent_manager.is_granted
    )
