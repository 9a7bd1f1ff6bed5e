"""The process that delivers what command-line tools have recorded (``delivery="detached"``).

Started by them at their end (`delivery.launcher`), and by nobody else.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from otel_telemetry import environment
from otel_telemetry.config import TelemetryConfig
from otel_telemetry.delivery.detached import LIFE, upload
from otel_telemetry.delivery.permission import Permission
from otel_telemetry.trust.standing import Standing

_GRACE = 2.0  # seconds


def main(directory: str, *, life: float = LIFE, deliver: Callable[..., object] = upload) -> None:
    """Deliver what lies in *directory*, in silence, and end in time whatever happens.

    Args:
        directory: The spool directory of one destination.
        life: Seconds that it may take; two more, and the process is ended.
        deliver: What delivers.
    """
    watchdog = threading.Timer(life + _GRACE, os._exit, (0,))
    watchdog.daemon = True
    watchdog.start()
    with contextlib.suppress(Exception):
        settle()
        deliver(directory, permission, life=life)


def settle() -> None:
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


def permission(config: TelemetryConfig) -> Permission:
    """Return what may leave of the application with *config*, as policy and user have it now."""
    standing = Standing(config, environment.current())
    return Permission(since=standing.agreed_at(), holds=standing.is_still_permitted)
