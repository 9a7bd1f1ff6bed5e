"""A burst of events and the consumer: who wakes whom, and when."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from otel_telemetry.export.batch import Batch
from tests.support.outboxes import Box, names_of
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_telemetry.export.queue import Turn

SOON = 5.0  # seconds: more than a busy machine needs


class Counting(threading.Condition):
    """A condition that counts how often it wakes somebody, and who waits."""

    def __init__(self, lock: Any) -> None:
        super().__init__(lock)
        self.woken = 0
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, and count it."""
        self.waits += 1
        return super().wait(timeout)

    def notify_all(self) -> None:
        """Wake all, and count it."""
        self.woken += 1
        super().notify_all()


@contextmanager
def taking(box: Box) -> Iterator[tuple[Counting, list[Batch | Turn]]]:
    """Take one batch in another thread, which has to end soon after the block."""
    changed = box.outbox._changed = Counting(box.counters.lock)
    turns: list[Batch | Turn] = []
    thread = threading.Thread(
        target=lambda: turns.append(box.outbox.take(tidy_at=float("inf"))), daemon=True
    )
    thread.start()
    wait_until(lambda: changed.waits > 0, within=SOON, what="the consumer waits")
    yield changed, turns
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_burst_wakes_the_consumer_once() -> None:
    """With its first event: amid the burst, the two would fight for the interpreter."""
    box = Box(max_batch_events=100)
    with taking(box) as (changed, turns):
        box.append("first")
        for number in range(98):
            box.append(f"{number}")
        assert (changed.woken, turns) == (1, [])
        box.append("last")
        assert changed.woken == 1

    (batch,) = turns
    assert isinstance(batch, Batch)
    assert len(names_of(batch)) == 100


def test_a_second_full_batch_wakes_it() -> None:
    """A burst that does not end is no reason to let batches pile up."""
    box = Box(max_batch_events=2)
    changed = box.outbox._changed = Counting(box.counters.lock)
    box.append("a", "b", "c")
    assert changed.woken == 0

    box.append("d")
    assert changed.woken == 1
    assert [box.settled(), box.settled()] == [["a", "b"], ["c", "d"]]


def test_its_looks_become_rare() -> None:
    """A batch that stays open costs a process a few of them, however long it is open."""
    box = Box()
    with taking(box) as (changed, _):
        box.append("a")
        wait_until(lambda: changed.waits >= 5, within=SOON, what="it looked")
        assert changed.waits < 12  # each pause is twice the last, of 10 ms
        box.clock.advance(1.0)
