"""What waits while the backend is not to be asked."""

from __future__ import annotations

import math
import threading

from otel_telemetry.export.backoff import Pause
from otel_telemetry.export.batch import Batch
from otel_telemetry.export.queue import Turn
from tests.support.outboxes import Box, names_of


def test_nothing_is_sent_before_its_time() -> None:
    """Neither what waits, nor what is open, nor what dead processes left."""
    box = Box(max_batch_events=2)
    box.append("a", "b")
    box.outbox.postpone(box.take(), Pause(seconds=5.0, is_asked=True))
    box.append("c")
    box.clock.advance(4.0)
    turns: list[Batch | Turn] = []

    def take() -> None:
        turns.append(box.outbox.take(tidy_at=math.inf, has_backlog=True))

    waiting = threading.Thread(target=take)
    waiting.start()

    waiting.join(0.05)
    assert turns == []
    box.clock.advance(1.0)
    box.append("d")
    waiting.join(5)

    assert [names_of(turn) for turn in turns if isinstance(turn, Batch)] == [["a", "b"]]


def test_the_spool_is_looked_after_while_nothing_may_be_sent() -> None:
    """Files grow old, and too many, all the same; what is in them waits."""
    box = Box(max_batch_events=1)
    box.append("a")
    box.outbox.postpone(box.take(), Pause(seconds=5.0, is_asked=True))

    assert box.outbox.take(tidy_at=box.clock.now, has_backlog=True) is Turn.TIDY
    box.clock.advance(5.0)
    assert names_of(box.take()) == ["a"]
    assert box.outbox.take(tidy_at=math.inf, has_backlog=True) is Turn.TIDY
