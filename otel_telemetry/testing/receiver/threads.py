"""The threads of a server of the receiver."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.testing.receiver.answers import Answer

_POLL_INTERVAL = 0.01


class ThreadTracker:
    """Starts the daemon threads of one server, and joins them at its end. Thread-safe."""

    def __init__(self, name: str) -> None:
        """Create a tracker whose threads have this name."""
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

    def track(self, thread: threading.Thread) -> None:
        """Track a thread that other code started."""
        with self._lock:
            self._threads.append(thread)

    def join(self, timeout: float) -> None:
        """Wait until all threads have ended, for at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def wait_before_answer(answer: Answer, stopping: threading.Event) -> bool:
    """Wait for the delay and the event of an answer; return False if the server stops first."""
    if answer.delay and stopping.wait(answer.delay):
        return False
    # Python cannot wait for two events at once, so the thread polls one of them.
    while answer.until is not None and not answer.until.wait(_POLL_INTERVAL):
        if stopping.is_set():
            return False
    return True
