"""Two streams, and what may be written to them: colours, widths, characters, pipes that break."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import textwrap

from otel_telemetry.consent.consent import is_terminal

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_NARROWEST = 24  # columns that a text needs
_BELOW = 4  # columns by which it is set in below its label


class Style:
    """Colours for one stream, or none.

    Args:
        is_on: Whether there are colours.
        width: Columns to wrap at; None for no wrapping, as into a file or a pipe.
    """

    def __init__(self, *, is_on: bool, width: int | None) -> None:
        self._is_on = is_on
        self.width = width

    def __call__(self, colour: str, text: str) -> str:
        """Return *text* in a colour: bold, dim, red, green or yellow."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self._is_on and text else text

    def prose(self, text: str, *, indent: int = 0) -> Iterable[str]:
        """Yield *text*, wrapped between words: what has no such place stays whole, to be copied."""
        room = None if self.width is None else max(self.width - indent, _NARROWEST)
        for line in [text] if room is None else _wrapped(text, room):
            yield f"{' ' * indent}{line}"

    def row(self, label: str, text: str, *, indent: int, colour: str = "dim") -> Iterable[str]:
        """Yield *text* behind *label*, wrapped; *indent* is the column of the text.

        Below it, where too little room is left beside it.
        """
        room = None if self.width is None else self.width - indent
        if room is not None and room < _NARROWEST:
            if label.strip():
                yield self(colour, label.rstrip())
            yield from self.prose(text, indent=_BELOW)
            return
        lines = [text] if room is None else _wrapped(text, room)
        for number, line in enumerate(lines or [""]):
            head = f"{label:<{indent}}" if number == 0 else " " * indent
            yield f"{self(colour, head)}{line}".rstrip()


class Console:
    """Where results go (`out`), and everything else (`err`).

    Args:
        out: Of results.
        err: Of everything else.
        environ: The environment.
    """

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._environ = environ
        self._is_line_open = False

    def paint(self) -> Style:
        """Return the colours of results."""
        return self._paint(self._out)

    def print(self, line: str) -> None:
        """Write a line of a result."""
        self.write(f"{line}\n")

    def write(self, text: str) -> None:
        """Write a piece of a result."""
        self._end_line()
        self._write(self._out, text)

    def note(self, text: str) -> None:
        """Write something that is no result."""
        with contextlib.suppress(OSError):  # a note is no reason to fail
            self._end_line()
            self._write(self._err, "".join(f"{line}\n" for line in self._wrapped(text)))
            self._err.flush()

    def error(self, text: str) -> None:
        """Say what went wrong."""
        paint = self._paint(self._err)
        self.note(f"{paint('red', 'error:')} {text}")

    def progress(self, text: str) -> None:
        """Show how far it is: in place on a terminal, else as one more line."""
        if not self.is_live:
            self.note(text)
            return
        self._write(self._err, f"\r\x1b[K{text}")
        self._is_line_open = True
        self._err.flush()

    @property
    def is_live(self) -> bool:
        """Whether a line of progress can be written over."""
        return is_terminal(self._err) and self._environ.get("TERM", "") != "dumb"

    def flush(self) -> None:
        """Write out what is held back; raises BrokenPipeError if nobody reads it any more."""
        self._end_line()
        self._out.flush()

    def finish(self) -> None:
        """Write out what is held back, and be quiet if nobody reads it any more."""
        try:
            self.flush()
        except BrokenPipeError:
            self.silence()

    def silence(self) -> None:
        """Nobody reads results any more: let the interpreter not complain of it at its end."""
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._out.fileno())
            os.close(null)

    def _end_line(self) -> None:
        if self._is_line_open:
            self._write(self._err, "\r\x1b[K")
            self._err.flush()
            self._is_line_open = False

    def _wrapped(self, text: str) -> list[str]:
        width = self._paint(self._err).width
        return _wrapped(text, width) if width else [text]

    def _paint(self, stream: TextIO) -> Style:
        is_shown = is_terminal(stream)
        width = shutil.get_terminal_size().columns if is_shown else None
        return Style(is_on=_has_colours(self._environ, is_shown=is_shown), width=width)

    def _write(self, stream: TextIO, text: str) -> None:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def console_of_process(environ: Mapping[str, str]) -> Console:
    """Return the console of this process; what goes to a stream that it lacks is lost."""
    # None where it was started with the stream closed, as by `>&-`.
    return Console(sys.stdout or io.StringIO(), sys.stderr or io.StringIO(), environ)


@contextlib.contextmanager
def streams_of_process() -> Iterator[None]:
    """Give others streams where there are none: before Python 3.11, argparse needs them."""
    out, err = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)


def printable(text: str) -> str:
    """Return *text* with an escape for whatever a terminal might take for an order.

    Properties may hold anything; none shall move the cursor, or turn the writing around.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text
    )


def _has_colours(environ: Mapping[str, str], *, is_shown: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return is_shown and environ.get("TERM", "") != "dumb"
