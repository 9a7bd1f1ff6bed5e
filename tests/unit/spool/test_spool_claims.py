"""Claims of many processes on one directory: a dead process's segments have one new owner."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import pytest

from otel_telemetry.spool.segment import MAGIC
from tests.support.audit import AUDIT
from tests.support.processes import running
from tests.support.spools import AGE, leave, names_in, no_more_files, open_segment, records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry.spool.spool import Spool


_OWNER: Final = "18ab000000000000-4242-0123abcd"

_CLAIM: Final = """
import sys, threading
from otel_telemetry.spool.spool import Spool
spool = Spool(sys.argv[1], max_age=1e9)
print("ready", flush=True)
sys.stdin.read()
for orphan in spool.claim_abandoned():
    print(orphan.name, *orphan.segments, flush=True)
print("end", flush=True)
threading.Event().wait()
"""

_LIVE: Final = """
import sys, threading
from otel_telemetry.spool.spool import Spool
spool = Spool(sys.argv[1], max_age=1e9)
spool.open_segment().append(b"r", b"s", b"1")
print("open", flush=True)
threading.Event().wait()
"""


@contextmanager
def claiming(directory: Path, gate: int) -> Iterator[IO[str]]:
    """Start a process that claims once *gate* is shut, and kill it in the end; yield its output."""
    with subprocess.Popen(
        [sys.executable, "-c", _CLAIM, str(directory)],
        stdin=gate,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


def test_segments_of_a_dead_process_are_claimed_in_order(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The oldest segment comes first."""
    leave(directory, "1,2", "3")
    spool = make_spool()

    (owner,) = spool.claim_abandoned()

    assert [records_of(spool, path) for path in owner.segments] == [[b"1", b"2"], [b"3"]]


def test_oldest_dead_process_is_claimed_first(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The age counts from the start of the process."""
    leave(directory, "1")
    leave(directory, "2")
    leave(directory, "3")
    spool = make_spool()

    found = [records_of(spool, owner.segments[0]) for owner in spool.claim_abandoned()]

    assert found == [[b"1"], [b"2"], [b"3"]]


def test_segments_of_a_live_process_are_not_claimed(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """They are claimed once it is dead."""
    spool = make_spool()
    with running([sys.executable, "-c", _LIVE, str(directory)]) as child:
        child.wait_for_output("open", within=10)
        assert spool.claim_abandoned() == []
        child.kill()

        assert len(spool.claim_abandoned()) == 1


def test_exactly_one_of_many_racing_processes_claims_a_segment(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """This holds for every dead process."""
    for number in range(6):
        leave(directory, f"{number}", f"{number}b")
    gate, start = os.pipe()
    with ExitStack() as stack:
        racers = [stack.enter_context(claiming(directory, gate)) for _ in range(5)]
        for racer in racers:
            assert racer.readline() == "ready\n"
        os.close(start)
        claimed = [line for racer in racers for line in iter(racer.readline, "end\n")]

        assert make_spool().claim_abandoned() == []
    os.close(gate)

    assert len(claimed) == 6
    assert len({line.split()[0] for line in claimed}) == 6
    assert all(len(line.split()) == 3 for line in claimed)


def test_claims_of_a_dead_process_are_claimed_again(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A claim ends with its process."""
    leave(directory, "1")
    with claiming(directory, subprocess.DEVNULL) as heir:
        assert len(list(iter(heir.readline, "end\n"))) == 2
        assert make_spool().claim_abandoned() == []

    assert len(make_spool().claim_abandoned()) == 1


def test_segment_is_claimed_once(make_spool: Callable[..., Spool], directory: Path) -> None:
    """Another scan claims new segments only. No other spool of this process claims it either."""
    leave(directory, "1")
    spool = make_spool()
    assert len(spool.claim_abandoned()) == 1
    leave(directory, "2")

    (second,) = spool.claim_abandoned()

    assert records_of(spool, second.segments[0]) == [b"2"]
    assert make_spool().claim_abandoned() == []


def test_close_releases_segments_and_claims_for_the_next_process(
    make_spool: Callable[..., Spool],
) -> None:
    """This covers its own segments and those that it had claimed."""
    first = make_spool()
    open_segment(first).close()
    first.close()
    second = make_spool()
    assert len(second.claim_abandoned()) == 1
    open_segment(second).close()
    second.close()

    claimed = make_spool().claim_abandoned()

    assert [len(owner.segments) for owner in claimed] == [1, 1]


def test_close_of_an_empty_spool_leaves_no_lock(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """This covers its own lock and those that it had claimed."""
    leave(directory, "1")
    spool = make_spool()
    (owner,) = spool.claim_abandoned()
    writer = open_segment(spool)
    writer.close()
    for path in (writer.path, *owner.segments):
        spool.remove(path)

    spool.close()

    assert names_in(directory) == []


def test_delivered_orphan_leaves_no_lock(make_spool: Callable[..., Spool], directory: Path) -> None:
    """The lock is removed with the last segment."""
    leave(directory, "1")
    spool = make_spool()
    (owner,) = spool.claim_abandoned()
    assert any(map(spool.exists, owner.segments))
    spool.remove(owner.segments[0])
    assert not any(map(spool.exists, owner.segments))

    spool.release(owner.name)
    spool.release(owner.name)

    assert names_in(directory) == []


def test_locks_without_segments_are_removed(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A process that was killed after its last delivery leaves only a lock."""
    leave(directory, "1")
    next(directory.glob("*.seg")).unlink()

    assert make_spool().claim_abandoned() == []
    assert names_in(directory) == []


def test_segments_without_a_lock_are_claimed(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Another program removed the locks, which look old and empty."""
    leave(directory, "1", "2")
    next(directory.glob("*.lock")).unlink()
    spool = make_spool()

    (owner,) = spool.claim_abandoned()

    assert len(owner.segments) == 2
    assert make_spool().claim_abandoned() == []


def test_segments_delivered_before_the_claim_are_not_claimed(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The list of files is older than the lock."""
    leave(directory, "1", "2")
    first = min(directory.glob("*.seg"))

    with AUDIT.before("fcntl.flock", first.unlink):
        (owner,) = make_spool().claim_abandoned()

    assert len(owner.segments) == 1


def test_foreign_files_stay_untouched(make_spool: Callable[..., Spool], directory: Path) -> None:
    """This includes files with similar names."""
    directory.mkdir(parents=True, mode=0o700)
    foreign = {"a.seg", "a-1.seg", "package.lock", ".lock", f"{_OWNER}-1.seg", "notes.txt", "x-y-z"}
    for name in foreign:
        (directory / name).write_text("mine")
    spool = make_spool()

    assert spool.claim_abandoned() == []
    spool.close()
    assert {path.name for path in directory.iterdir()} == foreign


def test_after_close_no_orphan_is_claimed(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A late worker must not lock segments that it will never send."""
    leave(directory, "1")
    spool = make_spool()

    with AUDIT.before("fcntl.flock", spool.close):
        assert spool.claim_abandoned() == []

    assert len(make_spool().claim_abandoned()) == 1


def test_close_lists_the_directory_once(make_spool: Callable[..., Spool], directory: Path) -> None:
    """It does not list it once for each of thousands of orphans."""
    for name in "123":
        leave(directory, name)
    spool = make_spool()
    assert len(spool.claim_abandoned()) == 3

    with AUDIT.counting("os.listdir") as looked:
        spool.close()

    assert len(looked) == 1
    assert len(list(directory.glob("*.lock"))) == 3


def test_claims_are_limited_by_free_file_descriptors(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Each claim is a descriptor. A released claim makes room for the next one."""
    directory.mkdir(parents=True, mode=0o700)
    for number in range(100):
        (directory / f"18ab0000{number:08x}-1-0123abcd-00000000.seg").touch()
    spool = make_spool()

    first = spool.claim_abandoned()
    assert spool.claim_abandoned() == []

    open_files = [os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")]
    assert sum(path.startswith(str(directory)) for path in open_files) == len(first) == 64
    for owner in first:
        spool.remove(owner.segments[0])
        spool.release(owner.name)
    assert len(spool.claim_abandoned()) == 36


@pytest.mark.parametrize("size", range(1, len(MAGIC)))
def test_segment_with_a_partial_header_has_no_records(
    make_spool: Callable[..., Spool], directory: Path, size: int
) -> None:
    """The process died between two system calls."""
    directory.mkdir(parents=True, mode=0o700)
    path = directory / "18ab000000000000-4242-0123abcd-00000000.seg"
    path.write_bytes(MAGIC[:size])

    content = make_spool().read_segment(str(path))

    assert content is not None
    assert content.records == ()


def test_file_that_is_no_segment_is_not_read(
    make_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    """It is a symbolic link, a directory, a foreign file, a huge file, or missing."""
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

    assert spool.read_segment(str(sound)) is not None
    assert [spool.read_segment(str(path)) for path in (link, folder, huge, none)] == [None] * 4
    assert spool.read_segment("/etc/passwd") is None
    assert os.listdir("/proc/self/fd") == before
    assert spool.size_of(str(none)) == 0
    assert spool.rejection_reason(str(none), since=1e12) is None


def test_read_error_returns_no_segment(make_spool: Callable[..., Spool]) -> None:
    """A retry would fail again."""
    assert make_spool().read_segment("/proc/self/mem") is None


def test_after_fork_closes_the_inherited_locks(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Two spools stand for parent and child."""
    leave(directory, "1")
    spool = make_spool()
    open_segment(spool).close()
    assert len(spool.claim_abandoned()) == 1

    spool.after_fork()

    assert len(make_spool().claim_abandoned()) == 2


def test_lack_of_file_descriptors_drops_no_segment(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """A segment that cannot be opened now is not lost."""
    leave(directory, "1")
    spool = make_spool()
    (owner,) = spool.claim_abandoned()

    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        spool.read_segment(owner.segments[0])

    assert records_of(spool, owner.segments[0]) == [b"1"]


def test_forked_child_does_not_hold_or_release_the_locks_of_its_parent(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The parent keeps its locks."""
    leave(directory, "1")
    program = (
        "import os, sys; from otel_telemetry.spool.spool import Spool\n"
        "spool = Spool(sys.argv[1], max_age=1e9); spool.open_segment()\n"
        "assert len(spool.claim_abandoned()) == 1\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    spool.after_fork()\n"
        "    assert spool.claim_abandoned() == []\n"
        "    spool.open_segment()\n"
        "    os._exit(7)\n"
        "assert os.waitpid(child, 0)[1] == 7 << 8\n"
        "other = Spool(sys.argv[1], max_age=1e9)\n"
        "assert len(other.claim_abandoned()) == 1\n"
    )

    subprocess.run([sys.executable, "-c", program, str(directory)], check=True)

    assert len(make_spool().claim_abandoned()) == 3


@pytest.mark.parametrize("wrong", [3600.0, 2.0**32])
def test_segment_recorded_with_a_wrong_clock_ages_from_now(
    make_spool: Callable[..., Spool], directory: Path, wrong: float
) -> None:
    """A machine without a battery starts in 1970. Its events may be sent."""
    leave(directory, "1")
    path = next(directory.glob("*.seg"))
    now = path.stat().st_mtime
    os.utime(path, (wrong, wrong))

    assert make_spool(now=lambda: now).rejection_reason(str(path), 0.0) is None
    assert path.stat().st_mtime == pytest.approx(now)
    assert make_spool(now=lambda: now + AGE + 1).rejection_reason(str(path), 0.0) == "expired"


def test_segment_recorded_before_consent_is_not_sent_with_any_clock(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """Without a valid time there is no proof that it was recorded later."""
    leave(directory, "1")
    path = next(directory.glob("*.seg"))
    os.utime(path, (3600.0, 3600.0))

    assert make_spool().rejection_reason(str(path), 1.8e9) == "before_consent"
