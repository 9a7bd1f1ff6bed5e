"""A lock on a file that the operating system lets go of when its process ends, however it ends."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def acquire(path: str, *, create: bool) -> int | None:
    """Return a descriptor that holds the lock on *path* for as long as it is open.

    Args:
        path: The lock file.
        create: Whether to make the file, which must not exist yet; else it must.

    Returns:
        The descriptor; None if another process holds the lock, or the file is not what it should
        be. A forked child that closes its copy leaves the parent's lock in place.

    Raises:
        OSError: The file cannot be made or opened.
    """
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
    try:
        _try_lock(descriptor)
        # Between opening and locking, its last holder may have removed it: then this is the lock
        # of a file that nobody else will find.
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def release(descriptor: int) -> None:
    """Let go of a lock, even if a child forked meanwhile still has a copy of it."""
    try:
        _unlock(descriptor)
    finally:
        os.close(descriptor)
