"""The threads that a test leaves running."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

_OURS = "otel_telemetry"


def threads_left(before: Collection[threading.Thread], *, within: float) -> list[str]:
    """Return the names of threads that are not in `before` and still run after `within` seconds.

    Only threads count that keep the interpreter alive or belong to the package, whose threads must
    all be joined. Daemon threads of other libraries do not count.
    """
    deadline = time.monotonic() + within
    names: list[str] = []
    for thread in threading.enumerate():
        if thread in before or thread is threading.current_thread() or not _counts(thread):
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            names.append(thread.name)
    return names


def _counts(thread: threading.Thread) -> bool:
    """Return whether a thread counts; its name may have the module or the distribution."""
    return not thread.daemon or _OURS in thread.name.replace("-", "_")
