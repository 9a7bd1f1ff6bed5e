"""After a fork: every live object that has threads, locks or connections begins anew."""

from __future__ import annotations

import logging  # noqa: F401 - its hooks come first
import os
import threading
from weakref import WeakKeyDictionary

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable

# One hook for the whole library: a hook cannot be removed, and an object's own hook would keep the
# object alive for ever.
_watched: WeakKeyDictionary[object, Callable[[object], object]] = WeakKeyDictionary()


def watch(after_fork: Callable[[], object]) -> None:
    """Call the bound method *after_fork* in every forked child, for as long as its object lives."""
    _watched[after_fork.__self__] = after_fork.__func__  # type: ignore[attr-defined]  # it is bound


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
    for item, after_fork in list(_watched.items()):
        after_fork(item)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    # After the hooks of `logging`, whose lock is then taken later: imports take it, too.
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
