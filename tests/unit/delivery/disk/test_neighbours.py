"""What was left for destinations that an application no longer has."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry import DeliveryConfig
from otel_telemetry.export.engine import Delivery
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.spool.spool import Spool, expire
from otel_telemetry.stats import Counters
from tests.support.scripted import ScriptedTransport
from tests.support.spools import AGE, leave, opened
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

OWN, OTHER, THIRD = "0" * 16, "1" * 16, "2" * 16


@pytest.fixture
def lost() -> Counter[str]:
    """What was given up."""
    return Counter()


@pytest.fixture
def tidy(tmp_path: Path, lost: Counter[str]) -> Callable[[], None]:
    """Do what a process of the destination `OWN` does."""
    return lambda: expire(
        str(tmp_path / OWN), AGE, lambda count, reason: lost.update({reason: count})
    )


def grow_old(directory: Path) -> None:
    """Make all segments in a directory older than they should be."""
    for path in directory.glob("*.seg"):
        os.utime(path, (path.stat().st_mtime - AGE - 1,) * 2)


def test_what_is_too_old_goes_and_is_counted(
    tidy: Callable[[], None], tmp_path: Path, lost: Counter[str]
) -> None:
    """With the directory, if nothing else is in it; what may still be delivered stays."""
    leave(tmp_path / OTHER, "1,2", "3")
    leave(tmp_path / THIRD, "4")
    grow_old(tmp_path / OTHER)

    tidy()

    assert lost == {"expired": 3}
    assert [path.name for path in tmp_path.iterdir()] == [THIRD]
    assert len(list((tmp_path / THIRD).glob("*.seg"))) == 1


def test_our_own_and_what_the_living_hold_is_left_alone(
    tidy: Callable[[], None], tmp_path: Path, lost: Counter[str]
) -> None:
    """The one is the recovery's business, the other theirs."""
    leave(tmp_path / OWN, "1")
    alive = Spool(str(tmp_path / OTHER), max_age=AGE)
    opened(alive).append(b"r", b"s", b"2")
    grow_old(tmp_path / OWN)
    grow_old(tmp_path / OTHER)

    tidy()

    assert lost == {}
    assert len(list(tmp_path.rglob("*.seg"))) == 2
    alive.close()


def test_what_is_no_destination_is_left_alone(
    tidy: Callable[[], None], tmp_path: Path, lost: Counter[str]
) -> None:
    """Whatever is in it; and there may be nothing at all."""
    leave(tmp_path / "notes", "1")
    grow_old(tmp_path / "notes")
    (tmp_path / OTHER).touch()
    (tmp_path / THIRD).symlink_to("notes")

    tidy()
    expire(str(tmp_path / "nothing" / OWN), AGE, lambda count, reason: lost.update({reason: count}))

    assert lost == {}
    assert len(list((tmp_path / "notes").glob("*.seg"))) == 1


def test_a_delivery_does_so_when_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the directory is the application's own, and no other's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for spool, is_tidied in ((str(tmp_path / "shared"), False), (True, True)):
        config = DeliveryConfig(endpoint="http://localhost:1", spool=spool)
        own = spool_directory(config, "acme")
        assert own is not None
        other = Path(own).with_name(OTHER)
        leave(other, "1")
        grow_old(other)
        delivery = Delivery(config, Counters(), app="acme", connect=lambda _: ScriptedTransport())
        delivery.ensure_started()
        if is_tidied:
            wait_until(lambda: not other.exists(), within=10, what="an empty neighbourhood")  # noqa: B023 - called here
        delivery.shutdown(1)

        assert other.exists() is not is_tidied
        assert delivery.counters.dropped == ({"expired": 1} if is_tidied else {})
