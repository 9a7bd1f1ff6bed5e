"""The library's own log: quiet by nature.

The logger is ``otel_telemetry``. Nothing is printed unless the application configures logging, and
each thing is said once a minute at most. Never a property's value, never a secret.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_INTERVAL = 60.0  # seconds

logger = logging.getLogger("otel_telemetry")
# Without a handler of its own, the last resort of `logging` would print our warnings to stderr.
logger.addHandler(logging.NullHandler())


class QuietLog:
    """Says each thing once a minute at most. Thread-safe; never raises.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}
        # A handler may itself be a source of log records: what it causes us to say is not said.
        self._talking = threading.local()

    def warning(self, message: str, *args: object) -> None:
        """Log *message*, unless it was said within the last minute."""
        now = self._clock()
        if (
            getattr(self._talking, "now", False)
            or now - self._said.get(message, -_INTERVAL) < _INTERVAL
        ):
            return
        self._said[message] = now
        self._talking.now = True
        try:
            logger.warning(message, *args)
        except Exception:  # noqa: S110 - a host's handler that raises is the host's to hear of
            pass
        finally:
            self._talking.now = False


quiet_log = QuietLog()
"""The log that the whole library shares."""
