"""The end of requests that take too long."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

THREAD_NAME = "otel_telemetry-overtime"
_LOOK = 0.1  # seconds


class Overtime:
    """Breaks off what takes too long, from a thread of its own. Thread-safe.

    One thread for many requests in a row: to start one for each would cost more than to send it.
    The thread looks ten times a second, and ends if none is under way then.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None
        self._cut: Callable[[], object] = bool

    def begin(self, seconds: float, cut: Callable[[], object]) -> None:
        """Call *cut* in so many seconds, unless `end` comes before."""
        with self._changed:
            self._deadline, self._cut = self._clock() + seconds, cut
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._watch, name=THREAD_NAME, daemon=True)
        # Once the interpreter goes down there are no new threads, and the end comes soon enough.
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def end(self) -> None:
        """Note that what began has ended; the thread learns of it when it looks."""
        with self._changed:
            self._deadline = None

    def stop(self) -> None:
        """Note the same, and have the thread look now."""
        with self._changed:
            self._deadline = None
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._deadline is not None:
                left = self._deadline - self._clock()
                if left > 0:
                    self._changed.wait(min(left, _LOOK))
                else:
                    self._deadline = None
                    self._cut()
            self._thread = None
