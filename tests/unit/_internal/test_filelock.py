"""A lock on a file has one holder, and is released when that process ends."""

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
    """Return the path of the lock file."""
    return str(tmp_path / "a.lock")


def test_a_lock_has_one_holder(path: str) -> None:
    """Also within one process."""
    first = filelock.acquire(path, create=True)

    second = filelock.acquire(path, create=False)

    assert first is not None
    assert second is None
    os.close(first)


def test_a_released_lock_can_be_acquired(path: str) -> None:
    """Closing the descriptor releases it."""
    first = filelock.acquire(path, create=True)
    assert first is not None
    os.close(first)

    second = filelock.acquire(path, create=False)

    assert second is not None
    os.close(second)


def test_the_lock_of_another_process_can_be_acquired_only_after_its_end(path: str) -> None:
    """A killed process releases it too."""
    with running([sys.executable, "-c", _HOLD, path]) as child:
        child.wait_for_output("held", within=10)
        assert filelock.acquire(path, create=False) is None
        child.kill()

        lock = filelock.acquire(path, create=False)

    assert lock is not None
    os.close(lock)


def test_a_forked_child_that_closes_its_copy_does_not_release_the_lock(path: str) -> None:
    """The parent still holds it."""
    with running([sys.executable, "-c", _FORK, path]) as child:
        child.wait_for_output("closed", within=10)

        assert filelock.acquire(path, create=False) is None


def test_only_the_user_can_read_the_lock_file(path: str) -> None:
    """With any umask."""
    before = os.umask(0)
    try:
        lock = filelock.acquire(path, create=True)
    finally:
        os.umask(before)

    assert lock is not None
    assert os.stat(path).st_mode & 0o777 == 0o600
    os.close(lock)


def test_a_lock_file_that_exists_cannot_be_created(path: str) -> None:
    """The second attempt raises."""
    Path(path).touch()

    with pytest.raises(FileExistsError):
        filelock.acquire(path, create=True)


def test_a_missing_lock_file_raises_unless_it_is_created(path: str) -> None:
    """No file is created."""
    with pytest.raises(FileNotFoundError):
        filelock.acquire(path, create=False)


def test_a_symbolic_link_is_not_followed(path: str, tmp_path: Path) -> None:
    """With and without create."""
    (tmp_path / "elsewhere").touch()
    os.symlink(tmp_path / "elsewhere", path)

    with pytest.raises(OSError, match="symbolic links"):
        filelock.acquire(path, create=False)
    with pytest.raises(FileExistsError):
        filelock.acquire(path, create=True)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_removed_or_replaced_meanwhile_is_not_locked(
    path: str,
    is_replaced: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Between opening and locking, by other processes."""
    Path(path).touch()

    def remove() -> None:
        os.rename(path, f"{path}.old")
        if is_replaced:
            Path(path).touch()

    with AUDIT.before("fcntl.flock", remove):
        assert filelock.acquire(path, create=False) is None
