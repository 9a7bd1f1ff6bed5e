"""Delivers what other processes have recorded: the half of detached delivery beside the host."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable

from otel_telemetry import fork
from otel_telemetry.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.counters import Counters
from otel_telemetry.delivery import destination
from otel_telemetry.delivery.courier import Transport
from otel_telemetry.delivery.delivery import Delivery, connect
from otel_telemetry.delivery.disk.spool import Spool
from otel_telemetry.delivery.launcher import LOCK
from otel_telemetry.delivery.permission import Permission
from otel_telemetry.files import filelock

LIFE = 15.0
"""Seconds that a process which delivers lives at most."""

_TRIES = 2  # requests that fail before it is left to the next process
_PATIENCE = 2.0  # seconds that whoever has started us may hold the lock
_POLL = 0.02
_LONGEST_REQUEST = LIFE - 3.0


def upload(
    directory: str,
    permission: Callable[[TelemetryConfig], Permission],
    *,
    life: float = LIFE,
    connect: Callable[[DeliveryConfig], Transport] = connect,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Deliver what dead processes left in *directory*, until nothing is left or it fails twice.

    One process at a time does so; a second one leaves it to the first.

    Args:
        directory: The spool directory of one destination, where `destination.tell` has written.
        permission: What may leave, by the application that it is of.
        life: Seconds that it may take.
        connect: Makes the transport.
        clock: Monotonic seconds.
    """
    end = clock() + life
    known: set[str] = set()
    while True:
        lock = _wait_for_lock(os.path.join(directory, LOCK), min(end, clock() + _PATIENCE), clock)
        if lock is None:
            return
        try:
            config = destination.told(directory)
            if config is None:
                return
            has_all = _deliver(config, permission(config), end, connect, clock)
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
    permission: Permission,
    end: float,
    connect: Callable[[DeliveryConfig], Transport],
    clock: Callable[[], float],
) -> bool:
    """Deliver until nothing is left; False if time, patience or permission ended before."""
    if not permission.holds():
        return False
    counters = Counters()
    idle = threading.Event()
    delivery = Delivery(
        dataclasses.replace(config, timeout=min(config.timeout, _LONGEST_REQUEST)),
        counters,
        app=config.name,
        permission=permission,
        on_idle=idle.set,
        connect=connect,
    )
    fork.watch(delivery)
    delivery.ensure_started()
    while not idle.wait(_POLL) and clock() < end:
        if counters.requests["retry"] >= _TRIES or counters.dropped["consent_withdrawn"]:
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
