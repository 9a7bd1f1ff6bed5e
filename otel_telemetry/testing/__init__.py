"""For the tests of those who use this library: their events, and a backend in the test's process.

No test framework is imported, and none is needed.
"""

from __future__ import annotations

from otel_telemetry.testing.capture import capture_events
from otel_telemetry.testing.captured import Captured, CapturedEvent
from otel_telemetry.testing.receiver.answers import Answer
from otel_telemetry.testing.receiver.received import (
    ReceivedEvent,
    ReceivedRequest,
    ReceivedSpan,
    Signal,
    Value,
    WireProtocol,
    unique,
)
from otel_telemetry.testing.receiver.receiver import OTLPReceiver

__all__ = [
    "Answer",
    "Captured",
    "CapturedEvent",
    "OTLPReceiver",
    "ReceivedEvent",
    "ReceivedRequest",
    "ReceivedSpan",
    "Signal",
    "Value",
    "WireProtocol",
    "capture_events",
    "unique",
]
