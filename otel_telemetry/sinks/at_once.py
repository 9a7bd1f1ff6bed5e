"""Encoded events to a transport, each at once: what another process would send, to be looked at."""

from __future__ import annotations

from otel_telemetry.delivery.courier import Transport
from otel_telemetry.otlp.requests import EncodedRecord, export_request
from otel_telemetry.receipt import Outcome, Receipt
from otel_telemetry.sinks.sink import Immediate


class AtOnceSink(Immediate):
    """Sends each record in a request of its own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def emit(self, record: EncodedRecord, /) -> Receipt:
        """Send *record*."""
        self._transport.send(export_request([record]))
        return Receipt(Outcome.SPOOLED)
