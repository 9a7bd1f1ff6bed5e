"""Spool directories in every state: left by the dead, shared with the living, out of room."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.processes import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_telemetry.spool.segment import SegmentWriter
    from otel_telemetry.spool.spool import Spool

AGE: Final = 14 * 24 * 3600.0

_LEAVE: Final = """
import os, signal, sys
from otel_telemetry.spool.spool import Spool
spool = Spool(sys.argv[1], max_age=1e9)
for names in sys.argv[2:]:
    writer = spool.open_segment()
    for name in names.split(","):
        writer.append(b"r", b"s", name.encode())
os.kill(os.getpid(), signal.SIGKILL)
"""


def leave(directory: Path, *segments: str) -> None:
    """Have a process die that leaves these segments; each is its records, with commas between."""
    done = subprocess.run([sys.executable, "-c", _LEAVE, directory, *segments], check=False)
    assert done.returncode == -signal.SIGKILL


def open_segment(spool: Spool) -> SegmentWriter:
    """Open a segment where that has to work."""
    writer = spool.open_segment()
    assert writer is not None
    return writer


def records_of(spool: Spool, path: str) -> list[bytes]:
    """Read the records of a segment that is sound."""
    content = spool.read_segment(path)
    assert content is not None
    assert (content.corrupt, content.is_torn) == (0, False)
    return [bytes(record) for _, _, record in content.records]


def segments(directory: Path) -> int:
    """Count the segments."""
    return len(list(directory.glob("*.seg")))


def names_in(directory: Path) -> list[str]:
    """Return what is in a directory, by the last part of each name: ``.lock``, ``00000000.seg``."""
    return sorted(name.rpartition("-")[2][-12:] for name in os.listdir(directory))


@contextmanager
def no_more_files() -> Iterator[None]:
    """Run this process out of file descriptors for the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/dev/null", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond *size* bytes in the block: a disk that is full from there on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(size: int = 64 * 1024) -> Iterator[Path]:
    """Mount a disk of *size* bytes; that takes root."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", directory]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            missing("the right to mount a small disk")
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", "--lazy", directory], check=True)


def foreign_directory(below: Path) -> Path:
    """Return a directory that belongs to another user."""
    if os.geteuid() != 0:
        return Path("/usr")
    directory = below / "foreign"
    directory.mkdir(mode=0o777)
    os.chown(directory, 12345, -1)
    return directory
