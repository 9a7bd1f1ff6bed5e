"""PostHog: `capture` with `$set` and `$group_set`, as its documentation has it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from benchmarks.systems.base import Connection, System

if TYPE_CHECKING:
    from benchmarks.workload import Event


def _connect(endpoint: str, state: str) -> Connection:
    del state  # it keeps nothing on disk
    client = importlib.import_module("posthog").Posthog("key", host=endpoint, gzip=True)

    def send(event: Event) -> None:
        client.capture(
            event.name,
            distinct_id=event.user_id,
            properties={
                **event.event_properties,
                "$set": event.user_properties,
                "$group_set": event.group_properties,
            },
            groups={"project": event.group_id},
        )

    return Connection(send=send, flush=client.flush, close=client.shutdown)


SYSTEMS = (
    System(
        name="posthog",
        title="PostHog",
        distribution="posthog",
        module="posthog",
        import_line="from posthog import Posthog",
        connect=_connect,
        remark="gzip (not its default)",
    ),
)
