"""The spool where the disk fails: events stay in memory, and nobody is harmed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.audit import AUDIT
from tests.support.spools import largest_file, names_in, no_more_files, opened, small_disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


@pytest.mark.parametrize("where", ["/proc/telemetry/spool", "/sys/telemetry/spool"])
def test_where_nothing_can_be_written_events_stay_in_memory(
    make_spool: Callable[..., Spool], where: str, said: Callable[[], list[str]]
) -> None:
    """And the log says so, once."""
    spool = make_spool(Path(where))

    assert spool.open_segment() is None
    assert spool.open_segment() is None
    spool.speak()
    spool.speak()
    assert len(said()) == 1


def test_a_path_through_a_file_is_no_directory(
    make_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    """Neither to write to nor to look into."""
    (tmp_path / "file").touch()
    for spool in make_spool(tmp_path / "file"), make_spool(tmp_path / "file" / "below"):
        assert spool.open_segment() is None
        assert spool.claim_orphans() == []


def test_a_disk_without_room_for_a_segment_gets_none(
    make_spool: Callable[..., Spool], said: Callable[[], list[str]]
) -> None:
    """Not even an empty file; and once there is room, there are segments again."""
    with small_disk() as disk:
        spool = make_spool(disk / "spool")
        opened(spool).close()
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"x" * 128 * 1024)
        before = names_in(disk / "spool")

        assert spool.open_segment() is None
        assert names_in(disk / "spool") == before
        spool.speak()
        assert said() == ["No space left on device"]
        filler.unlink()
        opened(spool).close()
        spool.close()


def test_a_segment_on_a_disk_that_fills_up_is_not_whole(
    make_spool: Callable[..., Spool], said: Callable[[], list[str]]
) -> None:
    """What was written before stays readable; what was not is known to be missing."""
    with small_disk() as disk:
        spool = make_spool(disk / "spool")
        writer = opened(spool)
        written = 0
        while writer.is_whole:
            writer.append(b"r", b"s", b"%d" % written * 1000)
            written += writer.is_whole
        writer.close()

        content = spool.read(writer.path)

        assert content is not None
        assert len(content.records) == written > 10
        spool.speak()
        assert said() in ([], ["No space left on device"])
        spool.close()


def test_a_write_that_is_cut_short_is_noticed(make_spool: Callable[..., Spool]) -> None:
    """A system may write a part and call that success."""
    spool = make_spool()
    writer = opened(spool)
    writer.append(b"r", b"s", b"1")

    with largest_file(os.path.getsize(writer.path) + 20):
        writer.append(b"r", b"s", b"2" * 100)
    writer.close()

    content = spool.read(writer.path)
    assert not writer.is_whole
    assert content is not None
    assert ([*content.records], content.is_torn) == ([(b"r", b"s", b"1")], True)


def test_a_segment_whose_very_beginning_is_cut_short_is_not_whole(
    make_spool: Callable[..., Spool],
) -> None:
    """Nothing is written behind half a magic."""
    spool = make_spool()
    opened(spool).close()

    with largest_file(3):
        writer = opened(spool)
    writer.append(b"r", b"s", b"1")
    writer.close()

    assert not writer.is_whole
    assert os.path.getsize(writer.path) == 3


def test_where_files_cannot_be_locked_nothing_is_kept_and_nothing_left(
    make_spool: Callable[..., Spool], directory: Path, said: Callable[[], list[str]]
) -> None:
    """Some network file systems know no locks."""

    def refuse() -> None:
        AUDIT._waiting["fcntl.flock"] = refuse
        raise OSError(errno.ENOLCK, "No locks available")

    spool = make_spool()
    AUDIT._waiting["fcntl.flock"] = refuse
    try:
        assert spool.open_segment() is None
    finally:
        del AUDIT._waiting["fcntl.flock"]

    spool.speak()
    assert said() == ["its files cannot be locked"]
    assert names_in(directory) == []


def test_a_process_out_of_file_descriptors_keeps_no_segment_but_may_later(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A passing want is not the end of the spool."""
    spool = make_spool()
    opened(spool).close()

    with no_more_files():
        assert spool.open_segment() is None

    opened(spool).close()
    assert len(list(directory.glob("*.seg"))) == 2
    assert len(list(directory.glob("*.lock"))) == 1


def test_the_log_is_not_written_to_where_the_trouble_is(
    make_spool: Callable[..., Spool], said: Callable[[], list[str]]
) -> None:
    """The outbox's lock is held there, and a handler of the log may come back for it."""
    spool = make_spool(Path("/proc/telemetry"))

    spool.open_segment()

    assert said() == []
