"""What was accepted, delivered and dropped, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from otel_telemetry.frozen import dataclass

__all__ = ["Stats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts of events since the start, consistent with each other at one instant.

    They always add up: ``accepted == delivered + pending + spooled + rejected + refused +
    sum(dropped.values())``.

    Attributes:
        accepted: Events given to `send` while telemetry was on, and those recovered.
        delivered: Acknowledged by the backend, or handed to the app's own provider.
        pending: In memory or in our own segments, not yet acknowledged.
        spooled: Left on disk for another process: by `destroy`, or by detached delivery.
        recovered: Found in segments that dead processes had left; part of accepted.
        rejected: Rejected by the backend within a request that it took (partial success).
        refused: In requests that the backend refused for good.
        dropped: Not sent, by reason: ``invalid``, ``before_send``, ``before_send_failed``,
            ``undeclared`` (not in the catalogue), ``too_large``, ``queue_full``, ``spool_failed``
            (detached delivery could not write it), ``spool_full``, ``expired``, ``spool_lost`` (its
            file is gone or damaged), ``consent_withdrawn``, ``before_consent``, ``shutdown``,
            ``destroyed``, ``internal``.
        corrected: Flaws that were mended in events that went all the same, by kind: ``cut`` (values
            left out), ``reserved_key``, ``unknown_bucket``, ``undeclared_property`` and
            ``invalid_property`` (left out: not in the catalogue, or not with such a value).
        requests: Requests made, by outcome: ``delivered``, ``partial``, ``retry``, ``too_large``,
            ``refused``.
    """

    accepted: int = 0
    delivered: int = 0
    pending: int = 0
    spooled: int = 0
    recovered: int = 0
    rejected: int = 0
    refused: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    corrected: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
