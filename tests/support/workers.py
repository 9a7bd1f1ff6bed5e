"""An export worker for tests: one turn at a time, or in its own thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from otel_telemetry.export.backoff import Backoff
from otel_telemetry.export.recovery import Recovery
from otel_telemetry.export.worker import ExportWorker
from tests.support.queues import QueueHarness
from tests.support.scripted import ScriptedTransport, queue_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_telemetry.export.result import ExportResult
    from otel_telemetry.spool.spool import Spool


class WorkerHarness(QueueHarness):
    """An export worker with its queue and a scripted transport.

    Attributes:
        transport: The transport.
        worker: The worker.
        jitter: The bounds of each random number that was drawn; it is the lower one.
        connected: How often a transport was asked for.
        started: The names of the threads that were started.
    """

    def __init__(
        self,
        transport: ScriptedTransport | None = None,
        *,
        spool: Spool | None = None,
        wall: Callable[[], float] = time.time,
        is_threaded: bool = False,
        connect_errors: Iterable[Exception] = (),
        on_start: Callable[[], object] | None = None,
        **limits: int,
    ) -> None:
        super().__init__(spool, **limits)
        self.transport = transport or ScriptedTransport()
        self.jitter: list[tuple[float, float]] = []
        self.connected = 0
        self.started: list[str] = []
        self._connect_errors = list(connect_errors)
        self._is_threaded = is_threaded
        self._on_start = on_start
        recovery = (
            None
            if spool is None
            else Recovery(spool, queue_limits(**limits), self.queue.count_lost)
        )
        self.worker = ExportWorker(
            self.queue,
            self.counters,
            self._connect,
            backoff=Backoff(
                None if spool is None else spool._directory, now=wall, uniform=self._uniform
            ),
            recovery=recovery,
            on_start=self._started,
            clock=self.clock,
        )

    def _note(self) -> None:
        super()._note()
        if self._is_threaded:
            self.worker.ensure_started()

    def _started(self) -> None:
        self.started.append(threading.current_thread().name)
        if self._on_start is not None:
            self._on_start()

    def _connect(self) -> ScriptedTransport:
        self.connected += 1
        if self._connect_errors:
            raise self._connect_errors.pop(0)
        return self.transport

    def _uniform(self, lowest: float, highest: float) -> float:
        self.jitter.append((lowest, highest))
        return lowest

    @property
    def arrived(self) -> list[str]:
        """The events in requests that were delivered, by the transport's own rule."""
        return [
            name
            for names in self.transport.requests
            if self._answer(names) is None
            for name in names
        ]

    def _answer(self, names: list[str]) -> ExportResult | None:
        answer = self.transport.respond(names)
        return None if answer is not None and answer.is_accepted else answer

    def turn(self) -> None:
        """Let the next batch be due, and the worker take one turn."""
        self.clock.advance(1.0)
        assert self.worker._step()
        self.check()

    def run(self) -> None:
        """Take turns until nothing is pending."""
        while self.stats.pending:
            self.turn()

    def join(self) -> None:
        """Wait for the end of the thread."""
        thread = self.worker._thread
        assert thread is not None
        thread.join(5)
        assert not thread.is_alive()
