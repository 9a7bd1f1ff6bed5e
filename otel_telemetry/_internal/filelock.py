"""Locks on files. The operating system releases a lock when its process ends, even by a kill."""

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
    """Return a descriptor that holds the lock on *path* while it is open.

    Args:
        path: The path of the lock file.
        create: Whether the file is created, and must not exist yet; else it must exist.

    Returns:
        The descriptor; None if another process holds the lock or has replaced the file. A forked
        child that closes its copy does not release the lock of its parent.

    Raises:
        OSError: The file cannot be created or opened.
    """
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
    try:
        _try_lock(descriptor)
        # The last holder may have removed the file between opening and locking: then no other
        # process can find the locked file.
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def release(descriptor: int) -> None:
    """Release a lock, even if a forked child still has a copy of the descriptor."""
    try:
        _unlock(descriptor)
    finally:
        os.close(descriptor)
