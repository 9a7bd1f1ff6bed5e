"""The outbox's vocabulary: how much it holds, and what it tells the courier."""

from __future__ import annotations

import enum

from otel_telemetry.frozen import dataclass

MAX_REQUEST_BYTES = 4 * 1024 * 1024 - 4096
"""What gRPC servers take at most by default, less room for the request's own framing."""

FIRST_LOOK = 0.01
"""Seconds after which the courier looks whether the open batch is full; each look doubles them.

To be woken amid a burst of events would have it fight with the burst for the interpreter, which
costs both more than the work does.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When a batch is full, and when memory or disk is.

    Attributes:
        flush_interval: Seconds that a batch stays open at most.
        max_batch_events: Records in a batch.
        max_batch_bytes: Bytes of a request before compression.
        max_pending_bytes: Bytes of all batches in memory.
        spool_max_bytes: Bytes of the batches on disk.
    """

    flush_interval: float
    max_batch_events: int
    max_batch_bytes: int
    max_pending_bytes: int
    spool_max_bytes: int


class Turn(enum.Enum):
    """What the courier is to do where there is no batch to send.

    Attributes:
        TIDY: Look after the spool; or send what dead processes left.
        END: Go home.
    """

    TIDY = "tidy"
    END = "end"
