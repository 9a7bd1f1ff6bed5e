"""Tools for the tests of a program that sends telemetry: captured events, and an OTLP backend.

They import no test framework, and work with every one.
"""

from __future__ import annotations

from otel_telemetry.testing.captured import Captured, CapturedEvent
from otel_telemetry.testing.receiver.answers import Answer
from otel_telemetry.testing.receiver.received import (
    ReceivedEvent,
    ReceivedRequest,
    ReceivedSpan,
    ReceivedValue,
    Signal,
    WireProtocol,
    unique,
)
from otel_telemetry.testing.receiver.receiver import OTLPReceiver

TYPE_CHECKING = False  # importing typing would slow the start down
if TYPE_CHECKING:
    from otel_telemetry.testing.capture import capture_events

__all__ = [
    "Answer",
    "Captured",
    "CapturedEvent",
    "OTLPReceiver",
    "ReceivedEvent",
    "ReceivedRequest",
    "ReceivedSpan",
    "ReceivedValue",
    "Signal",
    "WireProtocol",
    "capture_events",
    "unique",
]


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name):
        """Import `capture_events` on first use: the receiver needs nothing else of the library."""
        if name != "capture_events":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from otel_telemetry.testing.capture import capture_events  # noqa: PLC0415 - see above

        return capture_events
