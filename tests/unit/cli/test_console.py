"""What may be written where: colours, widths, characters."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator, Mapping

import pytest

from otel_telemetry.cli.console import Console, Style, printable


class _Terminal(io.TextIOWrapper):
    """A stream that says of itself that it is a terminal."""

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
def terminal() -> Iterator[io.TextIOBase]:
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
def test_colours_are_for_terminals_and_for_those_who_want_them(
    environ: Mapping[str, str],
    *,
    is_terminal: bool,
    has_colours: bool,
) -> None:
    """NO_COLOR beats FORCE_COLOR beats what the stream is."""
    stream = _stream() if is_terminal else io.StringIO()

    painted = Console(stream, io.StringIO(), environ).paint()("red", "x")

    assert painted == ("\x1b[31mx\x1b[0m" if has_colours else "x")


def test_lines_are_wrapped_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file or a pipe gets whole lines, for `grep`."""
    monkeypatch.setenv("COLUMNS", "40")
    text = "word " * 20
    narrow = Console(_stream(), io.StringIO(), {"NO_COLOR": "1"}).paint()
    none = Console(io.StringIO(), io.StringIO(), {}).paint()

    assert [len(line) <= 40 for line in narrow.row("label", text, indent=8)].count(True) > 2
    assert list(none.row("label", text, indent=8)) == [f"label   {text.rstrip()}"]
    assert next(iter(narrow.row("label", "", indent=8))) == "label"


def test_what_has_no_place_to_break_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is broken cannot be copied."""
    monkeypatch.setenv("COLUMNS", "40")
    path = "/home/ann/" + "x" * 40
    paint = Console(_stream(), io.StringIO(), {"NO_COLOR": "1"}).paint()

    assert list(paint.row("spool", f"{path}; made", indent=8)) == [
        f"spool   {path};",
        "        made",
    ]


def test_where_there_is_no_room_beside_a_label_the_text_goes_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "28")
    paint = Console(_stream(), io.StringIO(), {"NO_COLOR": "1"}).paint()

    lines = [*paint.row("label", "a text that is long enough", indent=20)]
    lines += paint.row("", "-> advice", indent=20)

    assert lines == ["label", "    a text that is long", "    enough", "    -> advice"]


def test_prose_is_wrapped_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between words."""
    monkeypatch.setenv("COLUMNS", "30")
    text = "one two three four five six seven eight"
    narrow = Console(_stream(), io.StringIO(), {"NO_COLOR": "1"}).paint()
    none = Console(io.StringIO(), io.StringIO(), {}).paint()

    assert list(narrow.prose(text, indent=2)) == ["  one two three four five six", "  seven eight"]
    assert list(none.prose(text, indent=2)) == [f"  {text}"]


class _Full(io.StringIO):
    """A file on a disk without room."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_note_that_cannot_be_written_is_no_failure() -> None:
    """A full disk, say: the result counts."""
    Console(io.StringIO(), _Full(), {}).note("unheard")


def test_what_the_stream_cannot_show_is_escaped() -> None:
    """On an ASCII terminal nothing raises."""
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
def test_text_gives_a_terminal_no_orders(text: str, shown: str) -> None:
    """Whoever wrote it."""
    assert printable(text) == shown


def test_progress_is_written_over_on_a_terminal_and_gone_at_the_end() -> None:
    """A note begins on a line of its own."""
    stream = _stream()
    console = Console(io.StringIO(), stream, {"NO_COLOR": "1"})

    console.progress("1 of 2")
    console.progress("2 of 2")
    console.note("note")
    console.flush()

    assert console.is_live
    assert _text(stream) == "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[Knote\n"


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}], ids=["no terminal", "dumb"])
def test_progress_elsewhere_is_lines(environ: Mapping[str, str]) -> None:
    """Without a single control character."""
    stream = _stream() if environ else io.StringIO()
    console = Console(io.StringIO(), stream, environ)

    console.progress("1 of 2")
    console.progress("2 of 2")

    text = _text(stream) if isinstance(stream, _Terminal) else stream.getvalue()
    assert (console.is_live, text) == (False, "1 of 2\n2 of 2\n")


def test_a_stream_that_is_closed_is_no_terminal() -> None:
    """As some hosts leave it."""
    stream = io.StringIO()
    stream.close()

    assert Console(stream, io.StringIO(), {}).paint()("red", "x") == "x"


def test_a_stream_without_a_file_can_be_hushed() -> None:
    """There is nothing to do."""
    Console(io.StringIO(), io.StringIO(), {}).silence()


def test_an_empty_text_has_no_colour() -> None:
    """No escape for nothing."""
    assert Style(is_on=True, width=None)("red", "") == ""


def test_a_real_terminal_is_one(terminal: io.TextIOWrapper) -> None:
    """The stand-in above is not all there is."""
    assert Console(terminal, terminal, {}).is_live
