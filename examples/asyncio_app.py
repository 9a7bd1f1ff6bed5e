"""Telemetry in an asyncio application: `send` never blocks the loop; awaiting is optional."""

from __future__ import annotations

import asyncio

from otel_telemetry import Telemetry, create_telemetry_instance
from otel_telemetry.testing import OTLPReceiver


async def work(telemetry: Telemetry, number: int) -> None:
    """Do some work, and send an event."""
    await asyncio.sleep(0)
    telemetry.send("didFinishTask", event_properties={"number": number})


async def main() -> None:
    with OTLPReceiver() as receiver:
        async with create_telemetry_instance(
            "acme-worker", enabled=True, endpoint=receiver.http_endpoint
        ) as telemetry:
            await asyncio.gather(*(work(telemetry, number) for number in range(100)))
            receipt = telemetry.send("didFinishAll")
            # The worker sends within a second by itself; a flush sends at once.
            print("everything acknowledged:", await telemetry.aflush(timeout=5))
            # Await a receipt if one event matters: True means that it was not lost.
            print("the last one delivered:", await receipt)
        print(f"{len(receiver.events)} events arrived")


if __name__ == "__main__":
    asyncio.run(main())
