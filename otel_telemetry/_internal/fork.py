"""After a fork: every live object that has threads, locks or connections begins anew."""

from __future__ import annotations

import logging  # noqa: F401 - its hooks come first
import os
import threading
from weakref import WeakSet

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import Protocol

    class ForkAware(Protocol):
        """What has to begin anew in a forked process."""

        def new_process(self) -> None:
            """Forget what belongs to the parent: its threads, locks, connections, pending work."""


# One hook for the whole library: a hook cannot be taken back, and an object of its own would keep
# every instance alive that was ever made.
_watched: WeakSet[ForkAware] = WeakSet()


def watch(item: ForkAware) -> None:
    """Have *item* begin anew in every forked child, for as long as it lives."""
    _watched.add(item)


importing = threading.RLock()
"""Held while a thread of ours imports what the host may import as well.

A process that forks amid an import leaves the child with half a module, and a lock on it that
nobody will ever let go of: the child's own import of it would hang. So a fork waits for the import;
not for good, for what is imported may wait for a lock that other hooks of the fork hold.
"""
_PATIENCE = 2.0  # seconds
_forking = threading.local()


def _before() -> None:
    _forking.has_waited = importing.acquire(timeout=_PATIENCE)


def _after_in_parent() -> None:
    if _forking.has_waited:
        importing.release()


def _after_in_child() -> None:
    # Anew, not released: if the fork has not waited, whoever holds it does not exist here.
    global importing  # noqa: PLW0603 - every user asks the module for it
    importing = threading.RLock()
    for item in list(_watched):
        item.new_process()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    # After the hooks of `logging`, whose lock is then taken later: imports take it, too.
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
