"""What the user is told and asked: on a terminal, or not at all."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.consent import consent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.trust import Ends


class Broken(io.StringIO):
    """A terminal that is gone."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def isatty(self) -> bool:
        """Claim to be one."""
        return True

    def write(self, _text: str, /) -> int:
        """Fail, as a terminal without these letters does."""
        raise self._error

    def readline(self, _size: int = -1, /) -> str:  # type: ignore[override]  # a terminal's own has no default of 0
        """Fail, as when Ctrl-C is pressed."""
        raise self._error


def test_it_is_said_on_a_terminal(terminal: Ends) -> None:
    """And known to have been said."""
    _, stderr, controller = terminal

    assert consent.say("We count commands.\n", stderr)
    assert os.read(controller, 100) == b"We count commands.\r\n"


def test_elsewhere_it_is_not_said() -> None:
    """Not into a file or a pipe, not where there is no stream, not where it is closed."""
    file, closed = io.StringIO(), io.StringIO()
    closed.close()

    for stream in (file, None, closed, Broken(OSError())):
        assert not consent.say("text", stream)
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [
        (b"y\n", True),
        (b" YES \n", True),
        (b"\n", False),
        (b"n\n", False),
        (b"yeah\n", False),
        (b"\x04", False),  # the end of the input
    ],
)
def test_everything_but_a_yes_is_a_no(terminal: Ends, typed: bytes, agreed: bool) -> None:  # noqa: FBT001 - a table
    """The question says so."""
    stdin, stderr, controller = terminal
    os.write(controller, typed)

    assert consent.answer("May we?", stdin, stderr) is agreed
    shown = b""
    while b"May we? [y/N] " not in shown:  # the echo of what was typed comes before it or after
        shown += os.read(controller, 100)


def test_ctrl_c_is_a_no(terminal: Ends) -> None:
    """It ends the question, not the program."""
    _, stderr, _ = terminal

    for error in KeyboardInterrupt(), OSError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"):
        assert consent.answer("May we?", Broken(error), stderr) is False


def test_who_cannot_be_asked_has_not_answered(terminal: Ends) -> None:
    """Neither yes nor no: they are asked another time."""
    stdin, stderr, _ = terminal

    assert consent.answer("May we?", stdin, io.StringIO()) is None
    assert consent.answer("May we?", io.StringIO("y\n"), stderr) is None
    assert consent.answer("May we?", None, stderr) is None


def test_what_was_seen_stays_seen_until_more_is_collected(tmp_path: Path) -> None:
    """A higher version has not been seen yet."""
    state = str(tmp_path / "telemetry")
    assert not consent.was_seen(state, 1)

    consent.mark_seen(state, 2)

    assert consent.was_seen(state, 1)
    assert consent.was_seen(state, 2)
    assert not consent.was_seen(state, 3)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"consent_version": "2"}', '{"consent_version": true}']
)
def test_what_cannot_be_understood_was_not_seen(tmp_path: Path, text: str) -> None:
    """It is shown again."""
    (tmp_path / "notice.json").write_text(text, encoding="utf-8")

    assert not consent.was_seen(str(tmp_path), 1)


@pytest.mark.parametrize("state", [None, "/proc/telemetry"])
def test_where_nothing_can_be_kept_nothing_was_seen(state: str | None) -> None:
    """So nothing is recorded there on the code's word alone."""
    consent.mark_seen(state, 1)

    assert not consent.was_seen(state, 1)
