"""Which threads a test leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

_OURS = "otel_telemetry"


def threads_left(before: Collection[threading.Thread], *, within: float) -> list[str]:
    """Name the threads that started after `before`, matter, and do not end within `within` seconds.

    A thread matters if it keeps the interpreter alive, or is one of ours: those belong to an owner
    that must join them, daemon or not. Daemon threads of the libraries we use are their business.
    """
    deadline = time.monotonic() + within
    left: list[str] = []
    for thread in threading.enumerate():
        if thread in before or thread is threading.current_thread() or not _matters(thread):
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            left.append(thread.name)
    return left


def _matters(thread: threading.Thread) -> bool:
    """A thread's name may spell the package as a module or as a distribution."""
    return not thread.daemon or _OURS in thread.name.replace("-", "_")
