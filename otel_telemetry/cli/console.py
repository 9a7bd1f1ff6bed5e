"""Prints results to stdout and notes to stderr: colours, widths, encodings, broken pipes."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys

from otel_telemetry.consent.consent import is_terminal

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DEFAULT_WIDTH = 80  # columns, where the terminal does not tell
_MIN_WIDTH = 16  # columns of a text, in any terminal
_MIN_WIDTH_BESIDE = 32  # columns of a text beside its label
_INDENT_BELOW = 4  # columns by which a text below its label is indented


class Style:
    """The colours and the width of one stream.

    Args:
        is_on: Whether there are colours.
        width: The number of columns; None for a file or a pipe, where no line is wrapped.
    """

    def __init__(self, *, is_on: bool, width: int | None) -> None:
        self._is_on = is_on
        self.width = width

    def __call__(self, colour: str, text: str) -> str:
        """Return *text* in a colour: bold, dim, red, green or yellow."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self._is_on and text else text

    def prose(self, text: str, *, indent: int = 0) -> Iterable[str]:
        """Yield *text*, wrapped between words; a longer word, such as a path, stays whole."""
        for line in self._wrap(text, indent):
            yield f"{' ' * indent}{line}"

    def row(self, label: str, text: str, *, indent: int, colour: str = "dim") -> Iterable[str]:
        """Yield *text* beside *label*, wrapped; below it where the terminal is too narrow.

        Args:
            label: May begin with spaces; it is padded to *indent*.
            text: The text.
            indent: The column at which the text begins.
            colour: The colour of the label.
        """
        room = None if self.width is None else self.width - indent
        if room is not None and len(text) > room and room < _MIN_WIDTH_BESIDE:
            if label.strip():
                yield self(colour, label.rstrip())
            own_indent = len(label) - len(label.lstrip()) if label.strip() else 0
            yield from self.prose(text, indent=own_indent + _INDENT_BELOW)
            return
        for number, line in enumerate(self._wrap(text, indent) or [""]):
            head = f"{label:<{indent}}" if number == 0 else " " * indent
            yield f"{self(colour, head)}{line}".rstrip()

    def _wrap(self, text: str, indent: int) -> list[str]:
        return [text] if self.width is None else wrap(text, max(self.width - indent, _MIN_WIDTH))


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of *text*, of *width* columns at most; colours take no columns.

    A word that is longer stays whole, so that users can copy it.
    """
    lines: list[str] = []
    line = ""
    for word in re.findall(r" *[^ ]+", text):
        if line and len(_COLOUR.sub("", line + word)) > width:
            lines.append(line)
            line = ""
        line += word if line else word.lstrip()
    return [*lines, line] if line else lines


class Console:
    """Prints results to *out*, and errors, notes and progress to *err*.

    Args:
        out: The stream for results.
        err: The stream for everything else.
        environ: The environment: COLUMNS, NO_COLOR, FORCE_COLOR and TERM.
    """

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._environ = environ
        self._is_line_open = False

    def style(self) -> Style:
        """Return the style of results."""
        return self._style(self._out)

    def print(self, line: str) -> None:
        """Print a line of a result."""
        self.write(f"{line}\n")

    def write(self, text: str) -> None:
        """Print a piece of a result."""
        self._end_line()
        self._write(self._out, text)

    def note(self, text: str) -> None:
        """Print a note on stderr; one that cannot be written is left out."""
        with contextlib.suppress(OSError):
            self._end_line()
            self._write(self._err, "".join(f"{line}\n" for line in self._wrapped(text)))
            self._err.flush()

    def error(self, text: str) -> None:
        """Print an error on stderr."""
        style = self._style(self._err)
        self.note(f"{style('red', 'error:')} {text}")

    def progress(self, text: str) -> None:
        """Show progress: a terminal shows it in place, a file or a pipe gets one more line."""
        if not self.is_live:
            self.note(text)
            return
        self._write(self._err, f"\r\x1b[K{text}")
        self._is_line_open = True
        self._err.flush()

    @property
    def is_live(self) -> bool:
        """Whether a line of progress can be overwritten."""
        return is_terminal(self._err) and self._environ.get("TERM", "") != "dumb"

    def flush(self) -> None:
        """Flush the results; raises BrokenPipeError if the reader is gone."""
        self._end_line()
        self._out.flush()

    def finish(self) -> None:
        """Flush the results; a reader that is gone is no error."""
        try:
            self.flush()
        except BrokenPipeError:
            self.silence()

    def silence(self) -> None:
        """Discard further results: the interpreter flushes at its end, and the reader is gone."""
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
        width = self._style(self._err).width
        return [text] if width is None else wrap(text, width)

    def _style(self, stream: TextIO) -> Style:
        is_shown = is_terminal(stream)
        width = _columns(stream, self._environ) if is_shown else None
        return Style(is_on=_has_colours(self._environ, is_shown=is_shown), width=width)

    def _write(self, stream: TextIO, text: str) -> None:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def console_of_process(environ: Mapping[str, str]) -> Console:
    """Return the console of this process.

    A process that was started with a stream closed, as by ``>&-``, has None in its place: what is
    printed there is lost.
    """
    return Console(sys.stdout or io.StringIO(), sys.stderr or io.StringIO(), environ)


@contextlib.contextmanager
def streams_of_process() -> Iterator[None]:
    """Replace the streams that this process lacks: before Python 3.11, argparse needs them."""
    out, err = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


def printable(text: str) -> str:
    """Return *text* with escapes in place of control characters.

    A property can hold any text; it must not move the cursor or reverse the direction of writing.
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


def _columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Return the width of a terminal: COLUMNS, else what the terminal says, else 80."""
    with contextlib.suppress(ValueError):
        if (columns := int(environ.get("COLUMNS", ""))) > 0:
            return columns
    with contextlib.suppress(ValueError, OSError):
        if (columns := os.get_terminal_size(stream.fileno()).columns) > 0:
            return columns
    return _DEFAULT_WIDTH
