"""Snowplow: a self-describing event with two entities, through its AsyncEmitter."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

from benchmarks.systems.base import Connection, System

if TYPE_CHECKING:
    from benchmarks.workload import Event

_SCHEMA = "iglu:dev.bench/{}/jsonschema/1-0-0"


def _connect(endpoint: str, state: str) -> Connection:
    del state  # it keeps nothing on disk
    module = importlib.import_module("snowplow_tracker")
    tracker = module.Tracker("bench", module.AsyncEmitter(endpoint), app_id="bench")
    json_type, event_type, subject_type = (
        module.SelfDescribingJson,
        module.SelfDescribing,
        module.Subject,
    )

    def send(event: Event) -> None:
        tracker.track(
            event_type(
                json_type(_SCHEMA.format(event.name), event.event_properties),
                event_subject=subject_type().set_user_id(event.user_id),
                context=[
                    json_type(_SCHEMA.format("user"), event.user_properties),
                    json_type(_SCHEMA.format("group"), event.group_properties),
                ],
            )
        )

    flush = functools.partial(tracker.flush, is_async=False)
    return Connection(send=send, flush=flush, close=flush)


SYSTEMS = (
    System(
        name="snowplow",
        title="Snowplow, async",
        distribution="snowplow-tracker",
        module="snowplow_tracker",
        import_line="from snowplow_tracker import AsyncEmitter, SelfDescribing, Tracker",
        connect=_connect,
        # It sends its JSON in base64: the field that carries it is what can be counted.
        mark=b'"ue_px"',
        remark="no compression; 10 events a request",
    ),
)
