"""The spool of a writer: private files in a private directory."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry import DeliveryConfig
from otel_telemetry.export.engine import DeliveryEngine
from otel_telemetry.spool.destination import spool_directory
from otel_telemetry.spool.spool import Spool, expire_stale_destinations
from otel_telemetry.stats import Counters
from tests.support.audit import AUDIT
from tests.support.scripted import ScriptedTransport
from tests.support.spools import (
    AGE,
    foreign_directory,
    largest_file,
    leave,
    names_in,
    no_more_files,
    open_segment,
    records_of,
    small_disk,
)
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool


def test_appended_record_is_on_disk_at_once(make_spool: Callable[..., Spool]) -> None:
    """No buffer delays it, so a crash loses no record."""
    spool = make_spool()
    writer = open_segment(spool)

    writer.append(b"r", b"s", b"1")

    assert records_of(spool, writer.path) == [b"1"]
    writer.close()


def test_spool_is_private_to_the_user(make_spool: Callable[..., Spool], directory: Path) -> None:
    """Directories have mode 0700 and files 0600, with every umask."""
    before = os.umask(0)
    try:
        open_segment(make_spool()).close()
    finally:
        os.umask(before)

    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_readable_directory_is_made_private_before_the_first_write(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The mode changes before any file is written."""
    directory.mkdir(parents=True)
    directory.chmod(0o755)

    open_segment(make_spool()).close()

    assert directory.stat().st_mode & 0o777 == 0o700


def test_no_directory_is_created_before_the_first_event(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A program that sends no event leaves no directory."""
    spool = make_spool()

    assert spool.claim_abandoned() == []
    assert spool.size() == 0
    assert not directory.exists()


def test_symbolic_link_as_a_directory_is_refused(
    make_spool: Callable[..., Spool],
    directory: Path,
    tmp_path: Path,
    log_messages: Callable[[], list[str]],
) -> None:
    """Its owner could read the events or replace them."""
    elsewhere = tmp_path / "elsewhere"
    leave(elsewhere, "1")
    directory.parent.mkdir()
    directory.symlink_to(elsewhere)
    spool = make_spool()

    assert spool.open_segment() is None
    assert spool.claim_abandoned() == []
    spool.log_pending_error()
    assert log_messages() == ["its path is not a directory, or is a symbolic link"]


def test_directory_of_another_user_is_refused(
    make_spool: Callable[..., Spool], tmp_path: Path, log_messages: Callable[[], list[str]]
) -> None:
    """Its owner could read the events or replace them."""
    spool = make_spool(foreign_directory(tmp_path))

    assert spool.open_segment() is None
    assert spool.claim_abandoned() == []
    spool.log_pending_error()
    assert log_messages() == ["its directory belongs to another user"]


@pytest.mark.parametrize("is_back", [False, True], ids=["gone", "made anew by another process"])
def test_directory_removed_while_running_is_created_again(
    make_spool: Callable[..., Spool], directory: Path, *, is_back: bool
) -> None:
    """Its files are locked against other processes, as before."""
    spool, other = make_spool(), make_spool()
    open_segment(spool).close()
    shutil.rmtree(directory)
    if is_back:
        open_segment(other).close()

    writer = open_segment(spool)
    writer.append(b"r", b"s", b"2")
    writer.close()

    assert other.claim_abandoned() == []
    assert records_of(spool, writer.path) == [b"2"]


def test_lock_removed_while_running_is_created_again(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Clean-up programs remove old files, and a lock is as old as its process."""
    spool, other = make_spool(), make_spool()
    open_segment(spool).close()
    os.unlink(next(directory.glob("*.lock")))

    writer = open_segment(spool)
    writer.close()

    assert [owner.segments for owner in other.claim_abandoned()] != [(writer.path,)]
    assert os.path.exists(writer.path)


def test_lock_claimed_before_it_is_held_gets_another_name(
    make_spool: Callable[..., Spool],
) -> None:
    """Another process may find the new file before it is locked."""
    spool, other = make_spool(), make_spool()

    with AUDIT.before("fcntl.flock", other.claim_abandoned):
        writer = open_segment(spool)
    writer.close()

    assert other.claim_abandoned() == []


@pytest.mark.parametrize("where", ["/proc/telemetry/spool", "/sys/telemetry/spool"])
def test_unwritable_directory_keeps_events_in_memory(
    make_spool: Callable[..., Spool], where: str, log_messages: Callable[[], list[str]]
) -> None:
    """The log reports it once."""
    spool = make_spool(Path(where))

    assert spool.open_segment() is None
    assert spool.open_segment() is None
    spool.log_pending_error()
    spool.log_pending_error()
    assert len(log_messages()) == 1


def test_path_through_a_file_is_no_directory(
    make_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    """It can be neither written nor scanned."""
    (tmp_path / "file").touch()
    for spool in make_spool(tmp_path / "file"), make_spool(tmp_path / "file" / "below"):
        assert spool.open_segment() is None
        assert spool.claim_abandoned() == []


def test_full_disk_gets_no_segment(
    make_spool: Callable[..., Spool], log_messages: Callable[[], list[str]]
) -> None:
    """Not even an empty file stays. Segments are written again once space is free."""
    with small_disk() as disk:
        spool = make_spool(disk / "spool")
        open_segment(spool).close()
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"x" * 128 * 1024)
        before = names_in(disk / "spool")

        assert spool.open_segment() is None
        assert names_in(disk / "spool") == before
        spool.log_pending_error()
        assert log_messages() == ["No space left on device"]
        filler.unlink()
        open_segment(spool).close()
        spool.close()


def test_segment_on_a_disk_that_fills_up_is_incomplete(
    make_spool: Callable[..., Spool], log_messages: Callable[[], list[str]]
) -> None:
    """Earlier records stay readable, and missing records are known."""
    with small_disk() as disk:
        spool = make_spool(disk / "spool")
        writer = open_segment(spool)
        written = 0
        while writer.is_complete:
            writer.append(b"r", b"s", b"%d" % written * 1000)
            written += writer.is_complete
        writer.close()

        content = spool.read_segment(writer.path)

        assert content is not None
        assert len(content.records) == written > 10
        spool.log_pending_error()
        assert log_messages() in ([], ["No space left on device"])
        spool.close()


def test_short_write_is_detected(make_spool: Callable[..., Spool]) -> None:
    """A system may write a part and report success."""
    spool = make_spool()
    writer = open_segment(spool)
    writer.append(b"r", b"s", b"1")

    with largest_file(os.path.getsize(writer.path) + 20):
        writer.append(b"r", b"s", b"2" * 100)
    writer.close()

    content = spool.read_segment(writer.path)
    assert not writer.is_complete
    assert content is not None
    assert ([*content.records], content.is_torn) == ([(b"r", b"s", b"1")], True)


def test_segment_with_a_short_header_is_incomplete(
    make_spool: Callable[..., Spool],
) -> None:
    """Nothing is written after a partial header."""
    spool = make_spool()
    open_segment(spool).close()

    with largest_file(3):
        writer = open_segment(spool)
    writer.append(b"r", b"s", b"1")
    writer.close()

    assert not writer.is_complete
    assert os.path.getsize(writer.path) == 3


def test_without_file_locks_nothing_is_spooled_and_no_file_stays(
    make_spool: Callable[..., Spool], directory: Path, log_messages: Callable[[], list[str]]
) -> None:
    """Some network file systems have no locks."""

    def refuse() -> None:
        AUDIT._waiting["fcntl.flock"] = refuse
        raise OSError(errno.ENOLCK, "No locks available")

    spool = make_spool()
    AUDIT._waiting["fcntl.flock"] = refuse
    try:
        assert spool.open_segment() is None
    finally:
        del AUDIT._waiting["fcntl.flock"]

    spool.log_pending_error()
    assert log_messages() == ["its files cannot be locked"]
    assert names_in(directory) == []


def test_spool_works_again_after_a_lack_of_file_descriptors(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The error is temporary."""
    spool = make_spool()
    open_segment(spool).close()

    with no_more_files():
        assert spool.open_segment() is None

    open_segment(spool).close()
    assert len(list(directory.glob("*.seg"))) == 2
    assert len(list(directory.glob("*.lock"))) == 1


def test_spool_does_not_log_under_the_queue_lock(
    make_spool: Callable[..., Spool], log_messages: Callable[[], list[str]]
) -> None:
    """A log handler may call the queue."""
    spool = make_spool(Path("/proc/telemetry"))

    spool.open_segment()

    assert log_messages() == []


OWN, OTHER, THIRD = "0" * 16, "1" * 16, "2" * 16


@pytest.fixture
def lost() -> Counter[str]:
    """The counts of dropped events."""
    return Counter()


@pytest.fixture
def maintain_by(tmp_path: Path, lost: Counter[str]) -> Callable[[], None]:
    """Maintain the spool as a process of the destination `OWN`."""
    return lambda: expire_stale_destinations(
        str(tmp_path / OWN), AGE, lambda count, reason: lost.update({reason: count})
    )


def grow_old(directory: Path) -> None:
    """Make every segment in a directory older than the maximum age."""
    for path in directory.glob("*.seg"):
        os.utime(path, (path.stat().st_mtime - AGE - 1,) * 2)


def test_expired_segments_of_other_destinations_are_deleted_and_counted(
    maintain_by: Callable[[], None], tmp_path: Path, lost: Counter[str]
) -> None:
    """An empty directory is deleted as well. Newer segments stay."""
    leave(tmp_path / OTHER, "1,2", "3")
    leave(tmp_path / THIRD, "4")
    grow_old(tmp_path / OTHER)

    maintain_by()

    assert lost == {"expired": 3}
    assert [path.name for path in tmp_path.iterdir()] == [THIRD]
    assert len(list((tmp_path / THIRD).glob("*.seg"))) == 1


def test_own_and_locked_destinations_are_not_expired(
    maintain_by: Callable[[], None], tmp_path: Path, lost: Counter[str]
) -> None:
    """The recovery and the other processes take care of them."""
    leave(tmp_path / OWN, "1")
    alive = Spool(str(tmp_path / OTHER), max_age=AGE)
    open_segment(alive).append(b"r", b"s", b"2")
    grow_old(tmp_path / OWN)
    grow_old(tmp_path / OTHER)

    maintain_by()

    assert lost == {}
    assert len(list(tmp_path.rglob("*.seg"))) == 2
    alive.close()


def test_directory_that_is_no_destination_stays_untouched(
    maintain_by: Callable[[], None], tmp_path: Path, lost: Counter[str]
) -> None:
    """Its content does not matter, and it may be missing."""
    leave(tmp_path / "notes", "1")
    grow_old(tmp_path / "notes")
    (tmp_path / OTHER).touch()
    (tmp_path / THIRD).symlink_to("notes")

    maintain_by()
    expire_stale_destinations(
        str(tmp_path / "nothing" / OWN), AGE, lambda count, reason: lost.update({reason: count})
    )

    assert lost == {}
    assert len(list((tmp_path / "notes").glob("*.seg"))) == 1


def test_engine_expires_other_destinations_when_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does so only in a directory of the application itself."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for spool, is_tidied in ((str(tmp_path / "shared"), False), (True, True)):
        config = DeliveryConfig(endpoint="http://localhost:1", spool=spool)
        own = spool_directory(config, "acme")
        assert own is not None
        other = Path(own).with_name(OTHER)
        leave(other, "1")
        grow_old(other)
        engine = DeliveryEngine(
            config, Counters(), app="acme", connect=lambda _: ScriptedTransport()
        )
        engine.ensure_started()
        if is_tidied:
            wait_until(lambda: not other.exists(), within=10, what="an empty neighbourhood")  # noqa: B023 - called here
        engine.shutdown(1)

        assert other.exists() is not is_tidied
        assert engine.counters.dropped == ({"expired": 1} if is_tidied else {})
