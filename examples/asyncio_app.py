"""Telemetry in an asyncio application: `send` never blocks the loop, the rest can be awaited."""

from __future__ import annotations

import asyncio

from otel_telemetry import Telemetry, create_telemetry_instance
from otel_telemetry.testing import OTLPReceiver


async def work(telemetry: Telemetry, number: int) -> None:
    """Do a piece of work, and say so."""
    await asyncio.sleep(0)
    telemetry.send("didFinishTask", event_properties={"number": number})


async def main() -> None:
    with OTLPReceiver() as receiver:
        async with create_telemetry_instance(
            "acme-worker", enabled=True, endpoint=receiver.http_endpoint
        ) as telemetry:
            await asyncio.gather(*(work(telemetry, number) for number in range(100)))
            receipt = telemetry.send("didFinishAll")
            # The worker sends within a second by itself; a flush has it done now.
            print("everything acknowledged:", await telemetry.aflush(timeout=5))
            # A receipt can be awaited, where one event matters: True means that it is safe.
            print("the last one delivered:", await receipt)
        print(f"{len(receiver.events)} events arrived")


if __name__ == "__main__":
    asyncio.run(main())
