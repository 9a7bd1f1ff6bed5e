"""Mixpanel: `track` through its BufferedConsumer, which sends in the caller's thread."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from benchmarks.systems.base import Connection, System

if TYPE_CHECKING:
    from benchmarks.workload import Event


def _connect(endpoint: str, state: str) -> Connection:
    del state  # it keeps nothing on disk
    module = importlib.import_module("mixpanel")
    consumer = module.BufferedConsumer(events_url=f"{endpoint}/track")
    client = module.Mixpanel("token", consumer=consumer)

    def send(event: Event) -> None:
        client.track(
            event.user_id,
            event.name,
            {
                **event.event_properties,
                **event.user_properties,
                "$groups": event.group_id,
                **event.group_properties,
            },
        )

    return Connection(send=send, flush=consumer.flush, close=consumer.flush)


SYSTEMS = (
    System(
        name="mixpanel",
        title="Mixpanel, buffered",
        distribution="mixpanel",
        module="mixpanel",
        import_line="from mixpanel import BufferedConsumer, Mixpanel",
        connect=_connect,
        reply=b'{"status": 1}',
        remark="no compression; every 50th call sends, and waits",
    ),
)
