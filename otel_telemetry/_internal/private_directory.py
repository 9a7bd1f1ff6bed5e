"""Directories that only the user of this process can read. Pure standard library."""

from __future__ import annotations

import contextlib
import os
import stat

from otel_telemetry._internal import paths

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable


def secure(path: str) -> None:
    """Make *path* a directory that only the user can read.

    Raises:
        OSError: It cannot be made, is a symbolic link or belongs to another user, who could then
            read the files in it.
    """
    reject_other_home(path)
    make_directory(path)
    if check(path).st_mode & 0o077 and hasattr(os, "geteuid"):
        os.chmod(path, 0o700)


def reject_other_home(
    path: str,
    *,
    uid: int | None = None,
    home_of: Callable[[int], str] = paths.home_of_user,
) -> None:
    """Raise OSError if *path* is in the home directory of another user.

    Only the superuser can write there, with the environment of that user (``su``, ``sudo -E``). The
    user could neither read nor delete the files, or perhaps even ``~/.config``.

    Args:
        path: The path of a file or directory that is about to be made.
        uid: The id of this process's user; None for the real one.
        home_of: Returns the home directory of a user id, or an empty str.
    """
    own = os.geteuid() if uid is None and hasattr(os, "geteuid") else uid
    if own != 0:
        return
    above = os.path.realpath(path)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    owner = os.stat(above).st_uid
    home = os.path.realpath(home_of(owner) or os.sep) if owner != own else os.sep
    if home != os.sep and f"{above}{os.sep}".startswith(f"{home}{os.sep}"):
        raise PermissionError(None, "it would be in another user's home")


def make_directory(path: str) -> None:
    """Make the directory *path*, and missing ones above it, with mode 0700.

    The XDG Base Directory Specification requires it; `os.makedirs` makes those above with 0777.

    Raises:
        OSError: It cannot be made.
    """
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above not in {"", path}:
        make_directory(above)
    with contextlib.suppress(FileExistsError):  # by another process; or `check` finds out
        os.mkdir(path, 0o700)


def check(path: str) -> os.stat_result:
    """Return the status of the directory *path*.

    Raises:
        OSError: It is not a directory, is a symbolic link or belongs to another user.
    """
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(None, "its path is not a directory, or is a symbolic link")
    if not is_ours(status):
        raise PermissionError(None, "its directory belongs to another user")
    return status


def is_ours(status: os.stat_result) -> bool:
    """Return whether a file with this status belongs to the user of this process."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
