"""The spool as a writer sees it: private files, in a directory that stays ours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.audit import AUDIT
from tests.support.spools import foreign_directory, leave, opened, records_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


def test_what_is_appended_is_there_at_once(make_spool: Callable[..., Spool]) -> None:
    """For whoever comes after a crash: no buffer holds it back."""
    spool = make_spool()
    writer = opened(spool)

    writer.append(b"r", b"s", b"1")

    assert records_of(spool, writer.path) == [b"1"]
    writer.close()


def test_only_we_can_read_what_is_in_it(make_spool: Callable[..., Spool], directory: Path) -> None:
    """Directory 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        opened(make_spool()).close()
    finally:
        os.umask(before)

    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_a_directory_that_others_can_read_is_closed_to_them(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Before anything goes into it."""
    directory.mkdir(parents=True)
    directory.chmod(0o755)

    opened(make_spool()).close()

    assert directory.stat().st_mode & 0o777 == 0o700


def test_nothing_is_made_before_there_is_something_to_keep(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A program that sends nothing leaves no directory."""
    spool = make_spool()

    assert spool.claim_orphans() == []
    assert spool.size() == 0
    assert not directory.exists()


def test_a_symbolic_link_for_a_directory_is_refused(
    make_spool: Callable[..., Spool], directory: Path, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """Whoever put it there could read what goes into it, or have something else sent."""
    elsewhere = tmp_path / "elsewhere"
    leave(elsewhere, "1")
    directory.parent.mkdir()
    directory.symlink_to(elsewhere)
    spool = make_spool()

    assert spool.open_segment() is None
    assert spool.claim_orphans() == []
    spool.speak()
    assert said() == ["its path is no directory, or a symbolic link"]


def test_the_directory_of_another_user_is_refused(
    make_spool: Callable[..., Spool], tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """As above."""
    spool = make_spool(foreign_directory(tmp_path))

    assert spool.open_segment() is None
    assert spool.claim_orphans() == []
    spool.speak()
    assert said() == ["its directory belongs to another user"]


@pytest.mark.parametrize("is_back", [False, True], ids=["gone", "made anew by another process"])
def test_a_directory_removed_while_running_is_made_again(
    make_spool: Callable[..., Spool], directory: Path, *, is_back: bool
) -> None:
    """And what goes into it is locked against the others, as before."""
    spool, other = make_spool(), make_spool()
    opened(spool).close()
    shutil.rmtree(directory)
    if is_back:
        opened(other).close()

    writer = opened(spool)
    writer.append(b"r", b"s", b"2")
    writer.close()

    assert other.claim_orphans() == []
    assert records_of(spool, writer.path) == [b"2"]


def test_a_lock_removed_while_running_is_made_again(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Programs that clean up take old files, and a lock is as old as its process."""
    spool, other = make_spool(), make_spool()
    opened(spool).close()
    os.unlink(next(directory.glob("*.lock")))

    writer = opened(spool)
    writer.close()

    assert [orphan.segments for orphan in other.claim_orphans()] != [(writer.path,)]
    assert os.path.exists(writer.path)


def test_a_lock_taken_before_we_hold_it_is_made_under_another_name(
    make_spool: Callable[..., Spool],
) -> None:
    """A process that looks for the dead may see our lock in the moment before it is locked."""
    spool, other = make_spool(), make_spool()

    with AUDIT.before("fcntl.flock", other.claim_orphans):
        writer = opened(spool)
    writer.close()

    assert other.claim_orphans() == []
