"""Acting at one exact moment: between two system calls of the code under test.

Races have a moment. Python announces many system calls to its audit hooks, so a test can do what
another process would do right then, without replacing anything.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Audit:
    """One hook for the whole run, for a hook cannot be taken back."""

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[], object]] = {}
        sys.addaudithook(self._hook)

    def _hook(self, event: str, _: tuple[object, ...]) -> None:
        if self._waiting and event in self._waiting:
            action = self._waiting.pop(event)
            action()

    @contextmanager
    def before(self, event: str, action: Callable[[], object]) -> Iterator[None]:
        """Call *action* before the next *event* in the block, once; what it raises, that raises."""
        self._waiting[event] = action
        try:
            yield
            assert event not in self._waiting, f"{event} did not happen"
        finally:
            self._waiting.pop(event, None)

    @contextmanager
    def counting(self, event: str) -> Iterator[list[str]]:
        """Yield a list to which each *event* in the block is added."""
        seen: list[str] = []

        def note() -> None:
            seen.append(event)
            self._waiting[event] = note

        with self.before(event, note):
            yield seen
            self._waiting.pop(event, None)


AUDIT = Audit()
