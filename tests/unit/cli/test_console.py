"""Printing: colours, widths, encodings, broken streams."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator, Mapping

import pytest

from otel_telemetry.cli.console import Console, Style, printable, wrap


class _Terminal(io.TextIOWrapper):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def _stream(encoding: str = "utf-8") -> _Terminal:
    return _Terminal(io.BytesIO(), encoding=encoding, newline="")


def _text(stream: _Terminal) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)


@pytest.fixture
def terminal() -> Iterator[io.TextIOWrapper]:
    """One end of a real terminal."""
    controller, end = pty.openpty()
    with open(end, "w", encoding="utf-8") as stream:
        yield stream
    os.close(controller)


@pytest.mark.parametrize(
    ("environ", "is_terminal", "has_colours"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "3", "TERM": "dumb"}, False, True),
    ],
)
def test_colours_follow_no_color_then_force_color_then_the_terminal(
    environ: Mapping[str, str],
    *,
    is_terminal: bool,
    has_colours: bool,
) -> None:
    """NO_COLOR beats FORCE_COLOR, which beats the kind of stream."""
    stream = _stream() if is_terminal else io.StringIO()

    coloured = Console(stream, io.StringIO(), environ).style()("red", "x")

    assert coloured == ("\x1b[31mx\x1b[0m" if has_colours else "x")


def _style(columns: int, **environ: str) -> Style:
    """Return the style of a terminal of this width, without colours."""
    environ = {"COLUMNS": str(columns), "NO_COLOR": "1", **environ}
    return Console(_stream(), io.StringIO(), environ).style()


def test_rows_are_wrapped_on_a_terminal_only() -> None:
    """A file or a pipe gets whole lines, for grep."""
    text = "word " * 20
    file = Console(io.StringIO(), io.StringIO(), {}).style()

    lines = list(_style(40).row("label", text, indent=8))
    assert len(lines) == 4
    assert max(map(len, lines)) <= 40
    assert list(file.row("label", text, indent=8)) == [f"label   {text.rstrip()}"]
    assert list(_style(40).row("label", "", indent=8)) == ["label"]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_prose_uses_the_whole_width_and_colours_take_no_columns(columns: int) -> None:
    """No line has room for the first word of the next one."""
    style = Style(is_on=True, width=columns)
    text = f"{style('bold', 'acme')} telemetry is {style('green', 'on')}: " + "word " * 60

    lines = [re.sub(r"\x1b\[[0-9]*m", "", line) for line in style.prose(text)]

    assert max(map(len, lines)) <= columns
    assert all(len(line) + len(" word") > columns for line in lines[:-1])


def test_wrapping_keeps_the_spaces_within_a_line() -> None:
    """Two spaces in a value are shown as two."""
    assert wrap('"a  b" c d', 8) == ['"a  b" c', "d"]


def test_a_word_longer_than_the_line_stays_whole() -> None:
    """A path that is broken in two cannot be copied."""
    path = "/home/ann/" + "x" * 40

    assert list(_style(40).row("spool", f"{path}; made", indent=8)) == [
        f"spool   {path};",
        "        made",
    ]


def test_in_a_narrow_terminal_a_long_text_is_below_its_label() -> None:
    """A short text stays beside it; an indented label indents the text."""
    style = _style(28)
    text = "a text that is long enough"

    lines = [*style.row("label", text, indent=20), *style.row("", f"-> {text}", indent=20)]
    lines += style.row("short", "text", indent=20)
    lines += style.row("  key", text, indent=20)

    assert lines == [
        "label",
        "    a text that is long",
        "    enough",
        "    -> a text that is long",
        "    enough",
        "short               text",
        "  key",
        "      a text that is long",
        "      enough",
    ]


def test_prose_is_wrapped_between_words_on_a_terminal_only() -> None:
    """A file or a pipe gets one line."""
    text = "one two three four five six seven eight"
    file = Console(io.StringIO(), io.StringIO(), {}).style()

    assert list(_style(30).prose(text, indent=2)) == [
        "  one two three four five six",
        "  seven eight",
    ]
    assert list(file.prose(text, indent=2)) == [f"  {text}"]


@pytest.mark.parametrize(
    ("environ", "columns"),
    [
        ({}, 50),
        ({"COLUMNS": "70"}, 70),
        ({"COLUMNS": "0"}, 50),
        ({"COLUMNS": "wide"}, 50),
    ],
)
def test_the_width_is_columns_else_that_of_the_terminal(
    terminal: io.TextIOWrapper, environ: Mapping[str, str], columns: int
) -> None:
    """A value of COLUMNS that is not a width is ignored."""
    fcntl.ioctl(terminal.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))

    assert Console(terminal, terminal, environ).style().width == columns


def test_the_width_is_80_where_the_terminal_does_not_tell(terminal: io.TextIOWrapper) -> None:
    """Some terminals claim a width of 0; a stand-in has no descriptor at all."""
    fcntl.ioctl(terminal.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))

    assert Console(terminal, terminal, {}).style().width == 80
    assert Console(_stream(), io.StringIO(), {}).style().width == 80


class _Full(io.StringIO):
    """A file on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_note_that_cannot_be_written_raises_no_error() -> None:
    """The disk is full, for example."""
    Console(io.StringIO(), _Full(), {}).note("unheard")


def test_characters_outside_the_encoding_of_the_stream_are_escaped() -> None:
    """The stream is in ASCII."""
    stream = _stream("ascii")

    Console(stream, io.StringIO(), {}).print("naïve ☃")

    assert _text(stream) == "na\\xefve \\u2603\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode ☃", "plain ünïcode ☃"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\0", r"a\nb\tc\x00"),
        ("\u202eright to left", r"\u202eright to left"),
        ("\ud800", r"\ud800"),
    ],
)
def test_printable_escapes_control_characters(text: str, shown: str) -> None:
    """Printable text stays as it is, also outside ASCII."""
    assert printable(text) == shown


def test_progress_is_overwritten_on_a_terminal_and_cleared_at_the_end() -> None:
    """A note starts on a line of its own."""
    stream = _stream()
    console = Console(io.StringIO(), stream, {"NO_COLOR": "1"})

    console.progress("1 of 2")
    console.progress("2 of 2")
    console.note("note")
    console.flush()

    assert console.is_live
    assert _text(stream) == "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[Knote\n"


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}], ids=["no terminal", "dumb"])
def test_progress_in_a_file_or_a_dumb_terminal_is_lines(environ: Mapping[str, str]) -> None:
    """They have no control characters."""
    stream = _stream() if environ else io.StringIO()
    console = Console(io.StringIO(), stream, environ)

    console.progress("1 of 2")
    console.progress("2 of 2")

    text = _text(stream) if isinstance(stream, _Terminal) else stream.getvalue()
    assert (console.is_live, text) == (False, "1 of 2\n2 of 2\n")


def test_a_closed_stream_is_not_a_terminal() -> None:
    """Some hosts leave their streams closed."""
    stream = io.StringIO()
    stream.close()

    assert Console(stream, io.StringIO(), {}).style()("red", "x") == "x"


def test_a_stream_without_a_file_can_be_silenced() -> None:
    """No error is raised."""
    Console(io.StringIO(), io.StringIO(), {}).silence()


def test_an_empty_text_has_no_colour_codes() -> None:
    """Nothing is printed for it."""
    assert Style(is_on=True, width=None)("red", "") == ""


def test_a_real_terminal_is_recognized(terminal: io.TextIOWrapper) -> None:
    """The other tests use a stand-in."""
    assert Console(terminal, terminal, {}).is_live
