"""The note in the directory: whatever is in it, nobody waits for long."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.export.backoff import Backoff
from otel_telemetry.spool.layout import BACKOFF_NOTE
from tests.support.scripted import Clock, waits
from tests.support.spools import foreign_directory

if TYPE_CHECKING:
    from collections.abc import Callable


DAY = 24 * 3600.0


@given(content=st.binary(max_size=80) | st.from_regex(r"1 \S+ \S+ \S+ [01]\n", fullmatch=True))
def test_a_note_without_sense_is_none(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    """Whatever stands in it; nothing waits longer than a day for it."""
    path = tmp_path_factory.mktemp("notes")
    data = content.encode() if isinstance(content, str) else content
    (path / BACKOFF_NOTE).write_bytes(data)
    backoff = Backoff(str(path), now=lambda: 1.8e9)

    assert waits(backoff) <= DAY
    backoff.succeeded()


@pytest.mark.parametrize(
    "note",
    [
        b"2 1800000000 1800000000 1800000060 1\n",
        b"1 1800000000 1800000000 inf 1\n",
        b"1 nan nan nan 1\n",
        b"1 1800000000 1800000000 1800172800 1\n",
        b"1 1800000009 1800000000 1800000060 1\n",
        b"1 1800000000 1800000000 later 1\n",
        b"",
    ],
)
def test_a_note_of_another_kind_is_none(
    process: Callable[[], Backoff], tmp_path: Path, note: bytes
) -> None:
    """Another version, times that are none, waits beyond reason."""
    (tmp_path / BACKOFF_NOTE).write_bytes(note)

    assert waits(process()) == 0.0
    process().failed(5.0)
    assert waits(process()) == 5.0


def test_a_note_that_is_no_file_is_none(process: Callable[[], Backoff], tmp_path: Path) -> None:
    """Nobody waits for what will never be written to a pipe."""
    os.mkfifo(tmp_path / BACKOFF_NOTE)

    assert waits(process()) == 0.0


def test_the_directory_of_somebody_else_has_no_note(tmp_path: Path, wall: Clock) -> None:
    """Whoever owns it could have us wait for ever."""
    backoff = Backoff(str(foreign_directory(tmp_path)), now=wall)
    backoff.failed(5.0)

    assert waits(backoff) == 0.0


def test_only_we_can_read_it(process: Callable[[], Backoff], tmp_path: Path) -> None:
    """And nothing else is left."""
    process().failed(5.0)

    assert os.listdir(tmp_path) == [BACKOFF_NOTE]
    assert stat.S_IMODE((tmp_path / BACKOFF_NOTE).stat().st_mode) == 0o600
