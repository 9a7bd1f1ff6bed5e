"""Events onto stderr, for those who want to see what would be sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TextIO

from otel_telemetry.mapping.records import EventRecord
from otel_telemetry.receipt import DISABLED, Receipt
from otel_telemetry.sinks.sink import Immediate


class LogSink(Immediate):
    """Onto stderr, a line of JSON for each event: what would be sent. Nothing leaves."""

    def __init__(self, name: str, stream: Callable[[], TextIO | None] = lambda: sys.stderr) -> None:
        self._name = name
        self._stream = stream

    def emit(self, record: EventRecord) -> Receipt:
        """Print *record*."""
        event = {
            "event": record.log_record.event_name,
            "event_properties": dict(record.log_record.attributes or {}),
            "group_properties": dict(record.instrumentation_scope.attributes),
            "resource": dict(record.resource.attributes),
        }
        text = json.dumps(event, ensure_ascii=True, default=lambda value: value.hex())
        stream = self._stream()
        if stream is not None:  # a program without a console has none
            stream.write(f"{self._name} telemetry, not sent: {text}\n")
        return DISABLED
