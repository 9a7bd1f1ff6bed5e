"""Waits with a deadline; the only place where the tests poll."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PAUSE = 0.005


def wait_until(condition: Callable[[], bool], *, within: float, what: str) -> None:
    """Return as soon as `condition()` is true.

    For states without a notification, such as a port of another process or a line in its log.
    Within one process, wait for an Event or a Condition instead.

    Raises:
        TimeoutError: The condition is false after `within` seconds; the message has `what`.
    """
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {within:g} s: {what}")
        pause.wait(_PAUSE)
