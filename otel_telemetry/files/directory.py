"""Directories that only we can read. Pure standard library."""

from __future__ import annotations

import os
import stat


def secure(path: str) -> None:
    """Make *path* a directory that only we can read; raises OSError if it is not one.

    Not through a symbolic link at its end, and not one that belongs to somebody else: whoever could
    put it there could read what goes into it.
    """
    os.makedirs(path, mode=0o700, exist_ok=True)
    if check(path).st_mode & 0o077 and hasattr(os, "geteuid"):
        os.chmod(path, 0o700)


def check(path: str) -> os.stat_result:
    """Return the status of the directory *path*; raises OSError if it is none of ours."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(None, "its path is no directory, or a symbolic link")
    if not is_ours(status):
        raise PermissionError(None, "its directory belongs to another user")
    return status


def is_ours(status: os.stat_result) -> bool:
    """Tell whether a file with this status belongs to us."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
