"""Regular expressions that cost nothing until they are used."""

from __future__ import annotations

import re


class Pattern:
    """A regular expression, compiled at its first use.

    Compiling all that the hooks look for takes milliseconds; a program that sends nothing, or
    nothing with an ``@`` in it, has no use for them. Thread-safe.
    """

    __slots__ = ("_compiled", "_flags", "_text")

    def __init__(self, text: str, flags: int = 0) -> None:
        self._text = text
        self._flags = flags
        self._compiled: re.Pattern[str] | None = None

    @property
    def re(self) -> re.Pattern[str]:
        """The compiled expression."""
        if self._compiled is None:
            self._compiled = re.compile(self._text, self._flags)
        return self._compiled
