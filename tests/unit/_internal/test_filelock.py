"""Locks on files: one holder, and none once the holder is dead."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import pytest

from otel_telemetry._internal import filelock
from tests.support.audit import AUDIT
from tests.support.processes import running

_HOLD: Final = """
import sys, threading
from otel_telemetry._internal import filelock
print("held" if filelock.acquire(sys.argv[1], create=True) else "taken", flush=True)
threading.Event().wait()
"""
_FORK: Final = """
import os, sys, threading
from otel_telemetry._internal import filelock
lock = filelock.acquire(sys.argv[1], create=True)
child = os.fork()
if child == 0:
    os.close(lock)
    os._exit(0)
os.waitpid(child, 0)
print("closed", flush=True)
threading.Event().wait()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the lock is."""
    return str(tmp_path / "a.lock")


def test_a_lock_has_one_holder(path: str) -> None:
    """Also among threads and objects of one process."""
    first = filelock.acquire(path, create=True)

    second = filelock.acquire(path, create=False)

    assert first is not None
    assert second is None
    os.close(first)


def test_a_lock_let_go_can_be_taken(path: str) -> None:
    """By closing its descriptor."""
    first = filelock.acquire(path, create=True)
    assert first is not None
    os.close(first)

    second = filelock.acquire(path, create=False)

    assert second is not None
    os.close(second)


def test_the_lock_of_a_live_process_is_respected_and_that_of_a_dead_one_taken(path: str) -> None:
    """However it died."""
    with running([sys.executable, "-c", _HOLD, path]) as child:
        child.wait_for_output("held", within=10)
        assert filelock.acquire(path, create=False) is None
        child.kill()

        lock = filelock.acquire(path, create=False)

    assert lock is not None
    os.close(lock)


def test_a_forked_child_that_closes_its_copy_leaves_the_lock_in_place(path: str) -> None:
    """The lock belongs to all copies together."""
    with running([sys.executable, "-c", _FORK, path]) as child:
        child.wait_for_output("closed", within=10)

        assert filelock.acquire(path, create=False) is None


def test_only_we_can_read_it(path: str) -> None:
    """Whatever the umask."""
    before = os.umask(0)
    try:
        lock = filelock.acquire(path, create=True)
    finally:
        os.umask(before)

    assert lock is not None
    assert os.stat(path).st_mode & 0o777 == 0o600
    os.close(lock)


def test_it_is_made_once(path: str) -> None:
    """Two who want to make it are told apart."""
    Path(path).touch()

    with pytest.raises(FileExistsError):
        filelock.acquire(path, create=True)


def test_it_has_to_be_there(path: str) -> None:
    """A lock to be taken over is not made."""
    with pytest.raises(FileNotFoundError):
        filelock.acquire(path, create=False)


def test_no_symbolic_link_is_followed(path: str, tmp_path: Path) -> None:
    """Not to a lock, and not to a file that is to be made."""
    (tmp_path / "elsewhere").touch()
    os.symlink(tmp_path / "elsewhere", path)

    with pytest.raises(OSError, match="symbolic links"):
        filelock.acquire(path, create=False)
    with pytest.raises(FileExistsError):
        filelock.acquire(path, create=True)


@pytest.mark.parametrize("by", ["nobody", "somebody"])
def test_the_lock_of_a_file_removed_meanwhile_is_none(path: str, by: str) -> None:
    """Between opening and locking, its last holder may remove it; another may make it anew."""
    Path(path).touch()

    def remove() -> None:
        os.rename(path, f"{path}.old")
        if by == "somebody":
            Path(path).touch()

    with AUDIT.before("fcntl.flock", remove):
        assert filelock.acquire(path, create=False) is None
