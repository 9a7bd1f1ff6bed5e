"""Random disk faults under threads at full speed: each receipt is true."""

from __future__ import annotations

import random
import secrets
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from otel_telemetry import Outcome, Telemetry
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.apps import files_below
from tests.support.scripted import assert_adds_up
from tests.support.spools import small_disk
from tests.support.threads import threads_left
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from otel_telemetry import Receipt

SEED: Final[int | None] = None
"""Set it to the seed that a failed run has printed, to see its like again."""

DISK: Final = 512 * 1024  # bytes
ANSWERS: Final = (
    *(Answer,) * 4,
    Answer.unavailable,
    Answer.dropped,
    lambda: Answer.dropped(store=True),
    lambda: Answer(delay=0.02),
)


class DiskChaos:
    """One backend, one small disk, two instances with two threads each, and what befalls them."""

    def __init__(self, disk: Path, receiver: OTLPReceiver, seed: int) -> None:
        self.spool = disk / "spool"
        self.receiver = receiver
        self.receipts: dict[str, Receipt] = {}
        self._disk = disk
        self._chance = random.Random(seed)
        self._is_over = threading.Event()
        self._answers = 0
        self.instances = [
            Telemetry(
                "acme",
                enabled=True,
                endpoint=receiver.http_endpoint,
                spool=str(self.spool),
                flush_interval=0.01,
                max_batch_events=self._chance.choice([5, 50, 512]),
                spool_max_bytes=2**30,
                max_pending_bytes=2**30,
                shutdown_timeout=20,
            )
            for _ in range(2)
        ]

    def run(self, seconds: float) -> None:
        """Let things happen for a while; hold the counts to their promise all the time."""
        threads = [
            threading.Thread(target=self._send, args=(instance, f"{number}-{half}"))
            for number, instance in enumerate(self.instances)
            for half in range(2)
        ]
        for thread in threads:
            thread.start()
        faults = (self._fill, self._free, self._remove, self._hide, self._damage, self._answer)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._chance.choice(faults)()
            for instance in self.instances:
                assert_adds_up(instance.stats)
            threading.Event().wait(0.02)
        self._is_over.set()
        for thread in threads:
            thread.join()
        self._free()

    def _send(self, telemetry: Telemetry, name: str) -> None:
        number = 0
        while not self._is_over.wait(0.002):
            key = f"{name}-{number}"
            self.receipts[key] = telemetry.send("didWork", event_properties={"number": key})
            number += 1

    def _fill(self) -> None:
        with suppress(OSError):
            (self._disk / "filler").write_bytes(b"x" * DISK)

    def _free(self) -> None:
        (self._disk / "filler").unlink(missing_ok=True)

    def _remove(self) -> None:
        with suppress(OSError):
            shutil.rmtree(self.spool)

    def _hide(self) -> None:
        """Replace the directory with something else for a moment."""
        hidden = self._disk / "hidden"
        with suppress(OSError):
            shutil.rmtree(hidden, ignore_errors=True)
            self.spool.rename(hidden)
            self._chance.choice([self.spool.touch, lambda: self.spool.symlink_to("hidden")])()
            threading.Event().wait(0.02)
            self.spool.unlink()
            hidden.rename(self.spool)

    def _damage(self) -> None:
        segments = list(self.spool.rglob("*.seg"))
        if segments:
            with suppress(OSError):
                path = self._chance.choice(segments)
                at = self._chance.randrange(path.stat().st_size + 1)
                with path.open("r+b") as file:
                    file.seek(at)
                    file.write(b"\x00\xff")

    def _answer(self) -> None:
        # No more than will soon be used, or the end would be spent on the rest.
        if self._answers < len(self.receiver.requests) + 5:
            self._answers += 3
            self.receiver.answer(*(self._chance.choice(ANSWERS)() for _ in range(3)))

    def finish(self) -> None:
        """Deliver the pending events, and end."""
        for instance in self.instances:
            # Each flush cuts a backoff short.
            wait_until(lambda: instance.flush(0.05), within=20, what="all settled")  # noqa: B023 - called here
            assert instance.destroy()


def run(seconds: float) -> None:
    """Run chaos for a while, and check what became of every event."""
    seed = secrets.randbits(32) if SEED is None else SEED
    print(f"the seed is {seed}")  # noqa: T201 - shown where the run fails
    before = set(threading.enumerate())
    with small_disk(DISK) as disk, OTLPReceiver() as receiver:
        chaos = DiskChaos(disk, receiver, seed)
        chaos.run(seconds)
        chaos.finish()
        for instance in chaos.instances:
            stats = instance.stats
            assert_adds_up(stats)
            assert (stats.pending, stats.refused, stats.rejected) == (0, 0, 0)
            assert set(stats.dropped) <= {"spool_lost"}

        arrived = {str(event.attributes["number"]) for event in receiver.events}
        assert len(chaos.receipts) > 100
        for key, receipt in chaos.receipts.items():
            if receipt.outcome is Outcome.DELIVERED:
                assert key in arrived
            else:
                # A neighbour in its batch was in the file that is gone or damaged.
                assert (receipt.outcome, receipt.reason) in {
                    (Outcome.DROPPED, "spool_lost"),
                    (Outcome.PARTIAL, "spool_lost"),
                }
        lost = sum(instance.stats.dropped.get("spool_lost", 0) for instance in chaos.instances)
        assert len(chaos.receipts.keys() - arrived) <= lost
        assert not any(name.startswith(("backoff", "probe")) for name in files_below(chaos.spool))
    assert threads_left(before, within=5) == []


def test_short_disk_chaos_loses_only_events_on_the_disk() -> None:
    """It is full, removed, replaced or damaged, for a few seconds."""
    run(3)


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_long_disk_chaos_loses_only_events_on_the_disk() -> None:
    """The same faults occur for a minute."""
    run(60)
