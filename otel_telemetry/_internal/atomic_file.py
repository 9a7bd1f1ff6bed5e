"""Small files that only their user can read, replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping

from otel_telemetry._internal import private_directory
from otel_telemetry._internal.frozen import dataclass

_MOST = 64 * 1024  # bytes; what is larger was not written by us


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that is there and cannot be understood: somebody said something, maybe no.

    Attributes:
        path: The file.
        reason: Why, in a few words.
    """

    path: str
    reason: str


def read_file(path: str) -> bytes | None:
    """Return what the file at *path* holds; None if there is none.

    Raises:
        OSError: It cannot be read, or is larger than any file of ours.
    """
    try:
        # Not for ever, where somebody has put a pipe.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = os.read(descriptor, _MOST + 1)
    finally:
        os.close(descriptor)
    if len(data) > _MOST:
        raise OSError(None, "it is too large")
    return data


def read_object(path: str) -> Mapping[str, object] | Unreadable | None:
    """Return the JSON object in the file at *path*; None if there is no file."""
    try:
        data = read_file(path)
    except OSError as error:
        return Unreadable(path=path, reason=error.strerror or "it cannot be read")
    if data is None:
        return None
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return Unreadable(path=path, reason="it is no JSON")
    if not isinstance(said, dict):
        return Unreadable(path=path, reason="it is no JSON object")
    return said


def write_file(path: str, data: bytes, *, durable: bool = True) -> None:
    """Put *data* at *path*, for its user's eyes only; whoever reads sees the old or the new whole.

    Args:
        path: The file.
        data: All that is in it.
        durable: Whether it must outlive the machine's sudden end, which costs a wait for the disk.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    with _written_beside(path, data, durable=durable) as temporary:
        os.replace(temporary, path)


def create(path: str, data: bytes) -> bool:
    """Do as `write_file`, unless there is something at *path*: then leave it, and return False."""
    try:
        with _written_beside(path, data, durable=True) as temporary:
            os.link(temporary, path)
            os.unlink(temporary)
    except OSError:
        if os.path.lexists(path):
            return False
        # A file system without links: a moment's race is better than no file.
        write_file(path, data)
    return True


@contextlib.contextmanager
def _written_beside(path: str, data: bytes, *, durable: bool) -> Iterator[str]:
    private_directory.spare_homes(path)
    private_directory.make(os.path.dirname(path))
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(temporary, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(None, "the disk is full")
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
