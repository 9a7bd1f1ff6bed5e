"""Small private files are replaced atomically."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from otel_telemetry._internal import atomic_file
from tests.support.audit import AUDIT
from tests.support.spools import largest_file

if TYPE_CHECKING:
    from pathlib import Path


def test_only_the_user_can_read_a_written_file(tmp_path: Path) -> None:
    """Its directory is private too."""
    path = tmp_path / "new" / "file"

    atomic_file.write_file(str(path), b"first")
    atomic_file.write_file(str(path), b"second")

    assert atomic_file.read_file(str(path)) == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("path", ["missing", "missing/below", "a file/below"])
def test_reading_a_missing_file_returns_none(tmp_path: Path, path: str) -> None:
    """Also if a part of its path is a file."""
    (tmp_path / "a file").touch()

    assert atomic_file.read_file(str(tmp_path / path)) is None


def test_reading_a_directory_a_large_file_or_a_pipe_does_not_block(tmp_path: Path) -> None:
    """The first two raise."""
    (tmp_path / "large").write_bytes(b" " * (64 * 1024 + 1))
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="too large"):
        atomic_file.read_file(str(tmp_path / "large"))
    with pytest.raises(IsADirectoryError):
        atomic_file.read_file(str(tmp_path))
    assert atomic_file.read_file(str(tmp_path / "pipe")) == b""


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """And leaves no temporary file."""
    path = tmp_path / "file"
    atomic_file.write_file(str(path), b"old")

    with largest_file(4), pytest.raises(OSError, match="full"):
        atomic_file.write_file(str(path), b"a longer text")
    for write in atomic_file.write_file, atomic_file.create_file:
        with pytest.raises(OSError, match=r"Not a directory"):
            write(str(tmp_path / "file" / "below"), b"new")

    assert atomic_file.read_file(str(path)) == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """The link's target does not change."""
    (tmp_path / "target").write_bytes(b"theirs")
    (tmp_path / "file").symlink_to(tmp_path / "target")

    atomic_file.write_file(str(tmp_path / "file"), b"ours")

    assert (tmp_path / "target").read_bytes() == b"theirs"
    assert (tmp_path / "file").read_bytes() == b"ours"


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    """During a write, they read the old content or the new."""
    path = str(tmp_path / "file")
    texts = (b"a" * 5000, b"b" * 3000)
    atomic_file.write_file(path, texts[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for text in texts:
                atomic_file.write_file(path, text)

    writer = threading.Thread(target=write)
    writer.start()
    seen = {atomic_file.read_file(path) for _ in range(500)}
    stop.set()
    writer.join()

    assert seen <= set(texts)


class TestCreate:
    """`create_file`."""

    def test_the_first_call_creates_the_file_and_the_second_changes_nothing(
        self, tmp_path: Path
    ) -> None:
        """The second returns False."""
        path = str(tmp_path / "file")

        assert atomic_file.create_file(path, b"first")
        assert not atomic_file.create_file(path, b"second")
        assert atomic_file.read_file(path) == b"first"
        assert os.listdir(tmp_path) == ["file"]

    def test_without_hard_links_the_file_is_created_too(self, tmp_path: Path) -> None:
        """After the link has failed."""
        path = tmp_path / "file"

        def lose_the_temporary_file() -> None:
            for name in os.listdir(tmp_path):
                (tmp_path / name).unlink()

        with AUDIT.before("os.link", lose_the_temporary_file):
            assert atomic_file.create_file(str(path), b"ours")
        assert path.read_bytes() == b"ours"

        def be_first() -> None:
            lose_the_temporary_file()
            path.write_bytes(b"theirs")

        path.unlink()
        with AUDIT.before("os.link", be_first):
            assert not atomic_file.create_file(str(path), b"ours")
        assert path.read_bytes() == b"theirs"
