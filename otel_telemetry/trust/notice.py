"""What the user is told and asked: on a terminal, on stderr, and never in the way."""

from __future__ import annotations

import contextlib
import json
import os

from otel_telemetry.files import directory, private
from otel_telemetry.files.private import Unreadable, read_object

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Protocol

    class Terminal(Protocol):
        """What we need of a stream."""

        def isatty(self) -> bool:
            """Tell whether somebody sits in front of it."""

        def write(self, text: str, /) -> object:
            """Show *text*."""

        def readline(self) -> str:
            """Return a line, or an empty string at the end."""

        def flush(self) -> object:
            """Show it now."""


_FILE = "notice.json"
_YES = frozenset({"y", "yes"})


def is_terminal(stream: Terminal | None) -> bool:
    """Tell whether somebody reads what is written there; a program may have no stream at all."""
    try:
        return stream is not None and stream.isatty()
    except Exception:  # a stream that is closed, or somebody's own
        return False


def say(text: str, stream: Terminal | None) -> bool:
    """Write *text* to *stream*; True if it is a terminal and took it."""
    if stream is None or not is_terminal(stream):
        return False
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # a terminal that is gone, or cannot show the text
        return False
    return True


def answer(question: str, stdin: Terminal | None, stream: Terminal | None) -> bool | None:
    """Ask a question whose answer is no unless it is yes; None if nobody can be asked.

    The end of the input and Ctrl-C are a no.
    """
    if stdin is None or not is_terminal(stdin) or not say(f"{question} [y/N] ", stream):
        return None
    try:
        return stdin.readline().strip().lower() in _YES
    except (KeyboardInterrupt, Exception):
        say("\n", stream)
        return False


def was_seen(state: str | None, version: int) -> bool:
    """Tell whether the notice of this consent version was shown, and kept as shown in *state*."""
    said = None if state is None else read_object(os.path.join(state, _FILE))
    if said is None or isinstance(said, Unreadable):
        return False
    seen = said.get("consent_version")
    return type(seen) is int and seen >= version


def mark_seen(state: str | None, version: int) -> None:
    """Keep in *state* that the notice of this consent version was shown."""
    if state is not None:
        with contextlib.suppress(OSError):
            directory.secure(state)
            said = json.dumps({"consent_version": version}).encode()
            private.write(os.path.join(state, _FILE), said + b"\n")
