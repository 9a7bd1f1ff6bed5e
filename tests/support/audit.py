"""Actions at an exact moment: between two system calls of the code under test.

Python reports many system calls to audit hooks. So a test can cause a race: it does what another
process would do at that moment, without a mock.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Audit:
    """One hook for the whole run, because an audit hook cannot be removed."""

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[], object]] = {}
        sys.addaudithook(self._hook)

    def _hook(self, event: str, _: tuple[object, ...]) -> None:
        if self._waiting and event in self._waiting:
            action = self._waiting.pop(event)
            action()

    @contextmanager
    def before(self, event: str, action: Callable[[], object]) -> Iterator[None]:
        """Call *action* once, before the next *event* in the block, which raises its exception."""
        self._waiting[event] = action
        try:
            yield
            assert event not in self._waiting, f"{event} did not happen"
        finally:
            self._waiting.pop(event, None)

    @contextmanager
    def counting(self, event: str) -> Iterator[list[str]]:
        """Yield a list to which each *event* in the block is added."""
        events: list[str] = []

        def note() -> None:
            events.append(event)
            self._waiting[event] = note

        with self.before(event, note):
            yield events
            self._waiting.pop(event, None)


AUDIT = Audit()
