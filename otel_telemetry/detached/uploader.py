"""Delivers what other processes have recorded: the half of detached delivery beside the host."""

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
from otel_telemetry.export.engine import Delivery, connect
from otel_telemetry.export.worker import Transport
from otel_telemetry.spool import destination
from otel_telemetry.spool.layout import UPLOADER_LOCK
from otel_telemetry.spool.spool import Spool
from otel_telemetry.stats import Counters, Disposition, DropReason

MAX_RUNTIME = 15.0
"""Seconds that a process which delivers lives at most."""

_TRIES = 2  # requests that fail before it is left to the next process
_PATIENCE = 2.0  # seconds that whoever has started us may hold the lock
_POLL = 0.02
_LONGEST_REQUEST = MAX_RUNTIME - 3.0


def upload(
    directory: str,
    consent_gate: Callable[[TelemetryConfig], ConsentGate],
    *,
    max_runtime: float = MAX_RUNTIME,
    connect: Callable[[DeliveryConfig], Transport] = connect,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Deliver what dead processes left in *directory*, until nothing is left or it fails twice.

    One process at a time does so; a second one leaves it to the first.

    Args:
        directory: The spool directory of one destination, where `destination.tell` has written.
        consent_gate: What may leave, by the application that it is of.
        max_runtime: Seconds that it may take.
        connect: Makes the transport.
        clock: Monotonic seconds.
    """
    end = clock() + max_runtime
    known: set[str] = set()
    while True:
        lock = _wait_for_lock(
            os.path.join(directory, UPLOADER_LOCK), min(end, clock() + _PATIENCE), clock
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
        # Whoever came to their end while we held the lock have started nobody. What was there
        # before as well is not for us, but for another version of the library.
        left = _left(directory, config) if has_all else set()
        if left <= known or clock() >= end:
            return
        known = left


def _wait_for_lock(path: str, end: float, clock: Callable[[], float]) -> int | None:
    while True:
        try:
            lock = filelock.acquire(path, create=False)
        except OSError:  # it is gone, with all that there was
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
    """Deliver until nothing is left; False if time, patience or permission ended before."""
    if not consent_gate.is_granted():
        return False
    counters = Counters()
    idle = threading.Event()
    delivery = Delivery(
        dataclasses.replace(config, timeout=min(config.timeout, _LONGEST_REQUEST)),
        counters,
        app=config.name,
        consent_gate=consent_gate,
        on_idle=idle.set,
        connect=connect,
    )
    fork.watch(delivery.after_fork)
    delivery.ensure_started()
    while not idle.wait(_POLL) and clock() < end:
        if (
            counters.requests[Disposition.RETRY] >= _TRIES
            or counters.dropped[DropReason.CONSENT_WITHDRAWN]
        ):
            break
    has_all = idle.is_set()  # asked before the end, after which there is nothing pending either
    delivery.shutdown(0.0)
    return has_all


def _left(directory: str, config: TelemetryConfig) -> set[str]:
    """Return what dead processes have left by now."""
    spool = Spool(directory, max_age=config.spool_max_age)
    try:
        return {path for orphan in spool.claim_orphans() for path in orphan.segments}
    finally:
        spool.close()


_GRACE = 2.0  # seconds


def main(
    directory: str, *, max_runtime: float = MAX_RUNTIME, deliver: Callable[..., object] = upload
) -> None:
    """Deliver what lies in *directory*, in silence, and end in time whatever happens.

    Args:
        directory: The spool directory of one destination.
        max_runtime: Seconds that it may take; two more, and the process is ended.
        deliver: What delivers.
    """
    watchdog = threading.Timer(max_runtime + _GRACE, os._exit, (0,))
    watchdog.daemon = True
    watchdog.start()
    with contextlib.suppress(Exception):
        detach_from_parent()
        deliver(directory, consent_gate, max_runtime=max_runtime)


def detach_from_parent() -> None:
    """Hold on to nothing of the process that started this one, and stand in nobody's way."""
    with contextlib.suppress(OSError, AttributeError):  # it may be so already; or not on Windows
        os.setsid()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    # What the host's own parent has passed on, a pipe perhaps, whose other end waits for its end.
    with contextlib.suppress(OSError):
        for name in os.listdir("/dev/fd"):
            if int(name) > 2:
                with contextlib.suppress(OSError):
                    os.close(int(name))


def consent_gate(config: TelemetryConfig) -> ConsentGate:
    """Return what may leave of the application with *config*, as policy and user have it now."""
    consent_manager = ConsentManager(config, environment.current())
    return ConsentGate(
        granted_at=consent_manager.granted_at(), is_granted=consent_manager.is_granted
    )
