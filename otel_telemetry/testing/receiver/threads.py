"""The threads of a server, and how they wait."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.testing.receiver.answers import Answer

_GLANCE = 0.01


class ThreadTracker:
    """The daemon threads of one server, kept track of so that none is left behind. Thread-safe."""

    def __init__(self, name: str) -> None:
        """Name the threads."""
        self._name = name
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self, target: Callable[[], None]) -> threading.Thread:
        """Run the target in a new thread."""
        thread = threading.Thread(target=target, name=self._name, daemon=True)
        with self._lock:
            thread.start()
            self._threads = [t for t in self._threads if t.is_alive()]
            self._threads.append(thread)
        return thread

    def adopt(self, thread: threading.Thread) -> None:
        """Keep track of a thread that somebody else started."""
        with self._lock:
            self._threads.append(thread)

    def join(self, timeout: float) -> None:
        """Wait until all threads have ended, or the timeout, in seconds, has passed."""
        deadline = time.monotonic() + timeout
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def hold(answer: Answer, stopping: threading.Event) -> bool:
    """Wait as the answer says; False if the server stops first."""
    if answer.delay and stopping.wait(answer.delay):
        return False
    # There is no waiting on two events at once, and `until` belongs to the test: so the thread
    # glances at the other one, which costs nothing that a test could notice.
    while answer.until is not None and not answer.until.wait(_GLANCE):
        if stopping.is_set():
            return False
    return True
