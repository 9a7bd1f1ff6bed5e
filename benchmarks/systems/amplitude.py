"""Amplitude: `track(BaseEvent(...))`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from benchmarks.systems.base import Connection, System

if TYPE_CHECKING:
    from benchmarks.workload import Event


def _connect(endpoint: str, state: str) -> Connection:
    del state  # it keeps nothing on disk
    module = importlib.import_module("amplitude")
    client = module.Amplitude("key", module.Config(server_url=f"{endpoint}/2/httpapi"))
    event_type = module.BaseEvent

    def send(event: Event) -> None:
        client.track(
            event_type(
                event.name,
                user_id=event.user_id,
                event_properties=event.event_properties,
                user_properties=event.user_properties,
                groups={"project": event.group_id},
                group_properties=event.group_properties,
            )
        )

    return Connection(send=send, flush=client.flush, close=client.shutdown)


SYSTEMS = (
    System(
        name="amplitude",
        title="Amplitude",
        distribution="amplitude-analytics",
        module="amplitude",
        import_line="from amplitude import Amplitude, BaseEvent",
        connect=_connect,
        reply=b'{"code": 200}',
        remark="no compression",
    ),
)
