"""Segments as they are found: what is read, what is left, and what a forked child may touch."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.spool.segment import MAGIC
from tests.support.spools import AGE, leave, no_more_files, opened, records_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


@pytest.mark.parametrize("size", range(1, len(MAGIC)))
def test_a_segment_that_was_just_begun_holds_nothing(
    make_spool: Callable[..., Spool], directory: Path, size: int
) -> None:
    """Its process died between two system calls; the file is of no use to anybody."""
    directory.mkdir(parents=True, mode=0o700)
    path = directory / "18ab000000000000-4242-0123abcd-00000000.seg"
    path.write_bytes(MAGIC[:size])

    content = make_spool().read(str(path))

    assert content is not None
    assert content.records == ()


def test_what_is_no_file_of_ours_is_not_read(
    make_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    """A symbolic link, a directory, a file of somebody else, one beyond all measure, or none."""
    sound = tmp_path / "sound"
    sound.write_bytes(MAGIC)
    link, folder, huge, none = (tmp_path / name for name in ("link", "folder", "huge", "none"))
    link.symlink_to(sound)
    folder.mkdir()
    with huge.open("wb") as file:
        file.write(MAGIC)
        file.truncate(1024**3 + 1)
    spool = make_spool()
    gc.collect()  # what earlier tests left would be closed in between
    before = os.listdir("/proc/self/fd")

    assert spool.read(str(sound)) is not None
    assert [spool.read(str(path)) for path in (link, folder, huge, none)] == [None] * 4
    assert spool.read("/etc/passwd") is None
    assert os.listdir("/proc/self/fd") == before
    assert spool.size_of(str(none)) == 0
    assert spool.why_not(str(none), since=1e12) is None


def test_a_disk_that_cannot_be_read_is_as_good_as_empty(make_spool: Callable[..., Spool]) -> None:
    """There is nothing to wait for."""
    assert make_spool().read("/proc/self/mem") is None


def test_a_new_process_lets_go_of_its_parents_locks(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Of its copies of them: these two stand for parent and child."""
    leave(directory, "1")
    spool = make_spool()
    opened(spool).close()
    assert len(spool.claim_orphans()) == 1

    spool.new_process()

    assert len(make_spool().claim_orphans()) == 2


def test_for_want_of_file_descriptors_nothing_is_given_up(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A segment that cannot be read now is not a segment that is gone."""
    leave(directory, "1")
    spool = make_spool()
    (orphan,) = spool.claim_orphans()

    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        spool.read(orphan.segments[0])

    assert records_of(spool, orphan.segments[0]) == [b"1"]


def test_a_forked_child_begins_without_the_locks_of_its_parent(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """And without letting go of them for it."""
    leave(directory, "1")
    program = (
        "import os, sys; from otel_telemetry.spool.spool import Spool\n"
        "spool = Spool(sys.argv[1], max_age=1e9); spool.open_segment()\n"
        "assert len(spool.claim_orphans()) == 1\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    spool.new_process()\n"
        "    assert spool.claim_orphans() == []\n"
        "    spool.open_segment()\n"
        "    os._exit(7)\n"
        "assert os.waitpid(child, 0)[1] == 7 << 8\n"
        "other = Spool(sys.argv[1], max_age=1e9)\n"
        "assert len(other.claim_orphans()) == 1\n"
    )

    subprocess.run([sys.executable, "-c", program, str(directory)], check=True)

    assert len(make_spool().claim_orphans()) == 3


@pytest.mark.parametrize("wrong", [3600.0, 2.0**32])
def test_what_was_recorded_while_the_clock_was_wrong_grows_old_from_now(
    make_spool: Callable[..., Spool], directory: Path, wrong: float
) -> None:
    """A machine without a battery begins in 1970; what it recorded then may leave."""
    leave(directory, "1")
    path = next(directory.glob("*.seg"))
    now = path.stat().st_mtime
    os.utime(path, (wrong, wrong))

    assert make_spool(now=lambda: now).why_not(str(path), 0.0) is None
    assert path.stat().st_mtime == pytest.approx(now)
    assert make_spool(now=lambda: now + AGE + 1).why_not(str(path), 0.0) == "expired"


def test_what_was_recorded_before_consent_does_not_leave_whatever_the_clock_said(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Nobody can show that it was recorded after."""
    leave(directory, "1")
    path = next(directory.glob("*.seg"))
    os.utime(path, (3600.0, 3600.0))

    assert make_spool().why_not(str(path), 1.8e9) == "before_consent"
