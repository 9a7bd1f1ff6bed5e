"""For the tests of those who use this library: a backend to send to, in the process of the test."""

from __future__ import annotations

from otel_telemetry.testing.answers import Answer
from otel_telemetry.testing.received import (
    ReceivedEvent,
    ReceivedRequest,
    ReceivedSpan,
    Signal,
    Value,
    WireProtocol,
    unique,
)
from otel_telemetry.testing.receiver import OTLPReceiver

__all__ = [
    "Answer",
    "OTLPReceiver",
    "ReceivedEvent",
    "ReceivedRequest",
    "ReceivedSpan",
    "Signal",
    "Value",
    "WireProtocol",
    "unique",
]
