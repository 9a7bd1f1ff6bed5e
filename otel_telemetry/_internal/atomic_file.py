"""Small files that only the user can read, and that are replaced atomically."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping

from otel_telemetry._internal import private_directory
from otel_telemetry._internal.frozen import dataclass

_MAX_SIZE = 64 * 1024  # bytes; the library writes no larger file


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that exists but cannot be understood; it may hold a refusal.

    Attributes:
        path: The path of the file.
        reason: Why it cannot be understood, in a few words.
    """

    path: str
    reason: str


def read_file(path: str) -> bytes | None:
    """Return the content of the file at *path*; None if there is no file.

    Raises:
        OSError: It cannot be read, or it is larger than 64 KiB.
    """
    try:
        # O_NONBLOCK: a pipe at this path must not block for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = os.read(descriptor, _MAX_SIZE + 1)
    finally:
        os.close(descriptor)
    if len(data) > _MAX_SIZE:
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
        content = json.loads(data)
    except (ValueError, RecursionError):
        return Unreadable(path=path, reason="it is not JSON")
    if not isinstance(content, dict):
        return Unreadable(path=path, reason="it is not a JSON object")
    return content


def write_file(path: str, data: bytes, *, durable: bool = True) -> None:
    """Replace the file at *path* atomically; only the user can read it.

    Args:
        path: The path of the file.
        data: Its whole content.
        durable: Whether it must survive a power failure, which takes a wait for the disk.

    Raises:
        OSError: It cannot be written; an old file is still there.
    """
    with _temporary_file(path, data, durable=durable) as temporary:
        os.replace(temporary, path)


def create_file(path: str, data: bytes) -> bool:
    """Write a file that does not exist yet; return False, and change nothing, if *path* exists."""
    try:
        with _temporary_file(path, data, durable=True) as temporary:
            os.link(temporary, path)
            os.unlink(temporary)
    except OSError:
        if os.path.lexists(path):
            return False
        # A file system without hard links: a short race is better than no file.
        write_file(path, data)
    return True


@contextlib.contextmanager
def _temporary_file(path: str, data: bytes, *, durable: bool) -> Iterator[str]:
    private_directory.reject_other_home(path)
    private_directory.make_directory(os.path.dirname(path))
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
