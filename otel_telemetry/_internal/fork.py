"""Forks: every live object with threads, locks or connections is reset in the child."""

from __future__ import annotations

import logging  # noqa: F401 - its fork hooks must be registered before ours
import os
import threading
from weakref import WeakKeyDictionary

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable

# One hook for the whole library: hooks cannot be removed, and a hook per object would keep every
# object alive for ever.
_callbacks: WeakKeyDictionary[object, Callable[[object], object]] = WeakKeyDictionary()


def watch(after_fork: Callable[[], object]) -> None:
    """Call the bound method *after_fork* in every forked child, while its object is alive."""
    _callbacks[after_fork.__self__] = after_fork.__func__  # type: ignore[attr-defined]  # it is bound


import_lock = threading.RLock()
"""Held while a thread of the library imports a module that the application may import too.

A process that forks during an import leaves the child with half a module and with an import lock
that is never released, so that the same import hangs in the child. Therefore a fork waits for the
import, but only for a limited time: the import may wait for a lock that other fork hooks hold.
"""
_MAX_WAIT = 2.0  # seconds
_forking = threading.local()


def _before() -> None:
    _forking.has_waited = import_lock.acquire(timeout=_MAX_WAIT)


def _after_in_parent() -> None:
    if _forking.has_waited:
        import_lock.release()


def _after_in_child() -> None:
    # Replaced, not released: after a timeout, the thread that holds it does not exist in the child.
    global import_lock  # noqa: PLW0603 - callers read it from the module each time
    import_lock = threading.RLock()
    for item, after_fork in list(_callbacks.items()):
        after_fork(item)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    # After the hooks of `logging`, so that its lock is acquired later: imports acquire it too.
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
