"""Events to the application's own provider, whose processors and exporters do the rest."""

from __future__ import annotations

import threading

from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry.counters import Counters
from otel_telemetry.log import quiet_log
from otel_telemetry.mapping.provider import app_emit
from otel_telemetry.mapping.records import EventRecord
from otel_telemetry.receipt import Outcome, Receipt


class AppProviderSink:
    """Through the application's own provider, whose processors and exporters do the rest."""

    def __init__(
        self, provider: LoggerProvider, name: str, version: str | None, counters: Counters
    ) -> None:
        self._provider = provider
        self._emit = app_emit(provider, name, version)
        self._counters = counters
        self._receipt = Receipt(Outcome.DELIVERED, "handed to the application's LoggerProvider")

    def emit(self, record: EventRecord) -> Receipt:
        """Hand *record* over; what becomes of it is the application's to know."""
        self._emit(record)
        self._counters.hand_over()
        return self._receipt

    def new_process(self) -> None:
        """Do nothing: the provider looks after itself."""

    def flush(self, timeout: float | None) -> bool:
        """Flush the application's provider, for *timeout* seconds at most.

        The SDK's own flush keeps no deadline: it runs in a thread that is left behind when the time
        is up.
        """
        result = [False]

        def run() -> None:
            milliseconds = 30_000 if timeout is None else int(timeout * 1000)
            try:
                result[0] = self._provider.force_flush(milliseconds)
            except Exception as error:
                quiet_log.warning("the provider's flush raised %s", type(error).__name__)

        thread = threading.Thread(target=run, name="otel_telemetry-flush", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is going down, and the provider flushes by itself
            return False
        thread.join(timeout)
        return result[0]

    def shutdown(self, timeout: float) -> bool:
        """Flush. The provider is the application's, and stays up."""
        return self.flush(timeout)

    def discard(self, reason: str) -> None:
        """Do nothing: what was handed over is the application's."""
