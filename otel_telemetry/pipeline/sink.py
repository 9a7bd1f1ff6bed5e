"""What the end of an event's way through this process is like. Pure standard library."""

from __future__ import annotations

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    from otel_telemetry.receipt import Receipt
    from otel_telemetry.stats import DropReason

    _Record_contra = TypeVar("_Record_contra", contravariant=True)

    class Sink(Protocol[_Record_contra]):
        """Takes records. Thread-safe."""

        def emit(self, record: _Record_contra, /) -> Receipt:
            """Take *record*; return what is known of it."""

        def after_fork(self) -> None:
            """Begin anew in a forked child."""

        def flush(self, timeout: float | None) -> bool:
            """Send everything; True if it arrived within *timeout* seconds."""

        def shutdown(self, timeout: float) -> bool:
            """Flush, and end within *timeout* seconds; True if nothing was left behind."""

        def discard(self, reason: DropReason) -> None:
            """End, and delete what is not delivered yet, counted under *reason*."""


class Immediate:
    """All but `emit` of a sink that keeps nothing: what was emitted has arrived."""

    def after_fork(self) -> None:
        """Do nothing: there is no state."""

    def flush(self, timeout: float | None) -> bool:  # noqa: ARG002 - there is nothing to wait for
        """Do nothing."""
        return True

    def shutdown(self, timeout: float) -> bool:  # noqa: ARG002 - as in `flush`
        """Do nothing."""
        return True

    def discard(self, reason: DropReason) -> None:
        """Do nothing: nothing is kept."""
