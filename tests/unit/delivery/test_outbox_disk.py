"""The outbox where the disk fails: what it took counts, and what it did not stays in memory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from otel_telemetry.export.backoff import Pause
from otel_telemetry.receipt import Outcome
from tests.support.outboxes import Box
from tests.support.spools import largest_file, segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


def test_an_open_segment_that_is_removed_is_not_relied_on(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """Its records stay in memory while they wait: nothing of a live process is lost."""
    box = make_box(max_batch_events=2)
    box.append("a")
    shutil.rmtree(directory)
    receipt = box.append("b")
    batch = box.take()

    box.outbox.postpone(batch, Pause(seconds=0.0))

    assert not batch.fate.is_on_disk
    assert box.settled() == ["a", "b"]
    assert receipt.outcome is Outcome.DELIVERED
    box.check()


def test_the_end_leaves_what_a_full_disk_took(
    make_box: Callable[..., Box], make_spool: Callable[..., Spool], directory: Path
) -> None:
    """An orderly end costs no more than a kill: what was written stays, the rest is counted."""
    box = make_box()
    box.append("a", "b")
    size = next(directory.glob("*.seg")).stat().st_size
    with largest_file(size + 3):
        receipt = box.append("c")

    assert not box.outbox.close("shutdown")

    box.check()
    assert (box.stats.spooled, box.stats.dropped) == (2, {"shutdown": 1})
    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "shutdown")
    content = make_spool().read(str(next(directory.glob("*.seg"))))
    assert content is not None
    assert len(content.records) == 2


def test_halves_of_what_a_full_disk_took_in_part_are_given_up_at_the_end(
    make_box: Callable[..., Box], directory: Path
) -> None:
    """Nobody can say which half of them is on disk."""
    box = make_box()
    box.append("a", "b")
    with largest_file(next(directory.glob("*.seg")).stat().st_size):
        box.append("c")
    box.outbox.flush(0)
    box.outbox.split(box.take())

    assert not box.outbox.close("shutdown")

    box.check()
    assert box.stats.dropped == {"shutdown": 3}
    assert segments(directory) == 0
