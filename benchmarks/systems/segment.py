"""Segment: `track` with traits of the user and the group in the context."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from benchmarks.systems.base import Connection, System

if TYPE_CHECKING:
    from benchmarks.workload import Event


def _connect(endpoint: str, state: str) -> Connection:
    del state  # it keeps nothing on disk
    module = importlib.import_module("segment.analytics.client")
    client = module.Client("key", host=endpoint, gzip=True)

    def send(event: Event) -> None:
        client.track(
            event.user_id,
            event.name,
            event.event_properties,
            context={
                "traits": event.user_properties,
                "groupId": event.group_id,
                "group": event.group_properties,
            },
        )

    return Connection(send=send, flush=client.flush, close=client.shutdown)


SYSTEMS = (
    System(
        name="segment",
        title="Segment",
        distribution="segment-analytics-python",
        module="segment.analytics",
        import_line="from segment.analytics.client import Client",
        connect=_connect,
        remark="gzip (not its default)",
    ),
)
