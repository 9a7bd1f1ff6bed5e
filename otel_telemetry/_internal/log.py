"""The log of the library.

The logger is ``otel_telemetry``. Nothing is printed unless the application configures logging, and
each message is logged at most once a minute. No message contains the value of a property or a
secret.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_INTERVAL = 60.0  # seconds

logger = logging.getLogger("otel_telemetry")
# Without a handler, `logging` would print warnings to stderr.
logger.addHandler(logging.NullHandler())


class QuietLog:
    """Logs each message at most once a minute. Thread-safe; never raises.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_times: dict[str, float] = {}
        # A handler may send events itself: warnings about those would go round in circles.
        self._current = threading.local()

    def warning(self, message: str, *args: object) -> None:
        """Log *message*, unless it was logged within the last minute."""
        now = self._clock()
        if (
            getattr(self._current, "is_logging", False)
            or now - self._last_times.get(message, -_INTERVAL) < _INTERVAL
        ):
            return
        self._last_times[message] = now
        self._current.is_logging = True
        try:
            logger.warning(message, *args)
        except Exception:  # noqa: S110 - a broken handler must not break `send`
            pass
        finally:
            self._current.is_logging = False


quiet_log = QuietLog()
"""The log of the whole library."""
