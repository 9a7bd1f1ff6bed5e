"""Where the records of a pipeline go: the interface of all sinks. Pure standard library."""

from __future__ import annotations

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    from otel_telemetry.receipt import Receipt
    from otel_telemetry.stats import DropReason

    _Record_contra = TypeVar("_Record_contra", contravariant=True)

    class Sink(Protocol[_Record_contra]):
        """Takes records. Thread-safe.

        `BackendSink`, `AppProviderSink`, `CaptureSink` and `LogSink` are in `sdk_sinks`,
        `SpoolSink` and `UnbatchedSink` in `spool_sink`.
        """

        def emit(self, record: _Record_contra, /) -> Receipt:
            """Take *record*; return its receipt."""

        def after_fork(self) -> None:
            """Start empty in a forked child."""

        def flush(self, timeout: float | None) -> bool:
            """Send everything; True if it arrived within *timeout* seconds."""

        def shutdown(self, timeout: float) -> bool:
            """Flush, and end within *timeout* seconds; True if no record is left."""

        def discard(self, reason: DropReason) -> None:
            """End, and delete all that is not delivered yet, counted under *reason*."""


class StatelessSink:
    """Base class of sinks that keep no record; a subclass adds `emit`."""

    def after_fork(self) -> None:
        """Do nothing: there is no state."""

    def flush(self, timeout: float | None) -> bool:  # noqa: ARG002 - there is nothing to wait for
        """Return True: no record waits."""
        return True

    def shutdown(self, timeout: float) -> bool:  # noqa: ARG002 - as in `flush`
        """Return True: no record waits."""
        return True

    def discard(self, reason: DropReason) -> None:
        """Do nothing: no record waits."""
