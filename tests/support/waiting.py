"""Waiting with a deadline: the one place where the tests poll."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PAUSE = 0.005


def wait_until(condition: Callable[[], bool], *, within: float, what: str) -> None:
    """Return as soon as `condition()` holds.

    For states nobody can announce: a port of another process, a line in its log. Inside one
    process wait on an Event or a Condition instead.

    Raises:
        TimeoutError: It did not hold within `within` seconds; the message says `what` did not.
    """
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {within:g} s: {what}")
        pause.wait(_PAUSE)
