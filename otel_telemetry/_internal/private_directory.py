"""Directories that only we can read. Pure standard library."""

from __future__ import annotations

import contextlib
import os
import stat

from otel_telemetry._internal import paths

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable


def secure(path: str) -> None:
    """Make *path* a directory that only we can read; raises OSError if it is not one.

    Not through a symbolic link at its end, and not one that belongs to somebody else: whoever could
    put it there could read what goes into it.
    """
    spare_homes(path)
    make(path)
    if check(path).st_mode & 0o077 and hasattr(os, "geteuid"):
        os.chmod(path, 0o700)


def spare_homes(
    path: str,
    *,
    uid: int | None = None,
    home_of: Callable[[int], str] = paths.home_of_record,
) -> None:
    """See that what we make at *path* does not lie in another user's home; raises OSError if so.

    Only a superuser could, with the environment of a user (``su``, ``sudo -E``). What they left
    there, perhaps ``~/.config`` itself, that user could neither read nor delete.

    Args:
        path: What is to be made, and perhaps directories above it.
        uid: Who we are; None for whom the system says.
        home_of: Returns where a user is at home, or an empty str.
    """
    us = os.geteuid() if uid is None and hasattr(os, "geteuid") else uid
    if us != 0:
        return
    above = os.path.realpath(path)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    owner = os.stat(above).st_uid
    home = os.path.realpath(home_of(owner) or os.sep) if owner != us else os.sep
    if home != os.sep and f"{above}{os.sep}".startswith(f"{home}{os.sep}"):
        raise PermissionError(None, "it would lie in another user's home")


def make(path: str) -> None:
    """Make the directory *path*, and those above it that are missing, for this user only.

    As the XDG Base Directory Specification asks for; `os.makedirs` makes those above for everybody.

    Raises:
        OSError: It cannot be made.
    """
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above not in {"", path}:
        make(above)
    with contextlib.suppress(FileExistsError):  # somebody else was faster; or it is for `check`
        os.mkdir(path, 0o700)


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
