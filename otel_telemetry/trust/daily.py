"""Which day an event was last sent on, in this process and in all that share a directory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from otel_telemetry import fork
from otel_telemetry.digest import digest
from otel_telemetry.files import directory
from otel_telemetry.log import quiet_log

_is_looking: ContextVar[bool] = ContextVar("otel_telemetry_is_looking", default=False)


@contextmanager
def looking() -> Iterator[None]:
    """Have `Days.claim` say in this block what it would say, and take nothing."""
    token = _is_looking.set(True)
    try:
        yield
    finally:
        _is_looking.reset(token)


class Days:
    """The last day of each name. Thread-safe.

    A file for each name and day, ``<hash of the name>.2024-02-29``, which the operating system lets
    one process make. There is nothing in it that could be torn, and nothing to wait for.

    Args:
        path: The directory; None for memory only.
        listdir: Looks into it.
    """

    def __init__(self, path: str | None, listdir: Callable[[str], list[str]] = os.listdir) -> None:
        self._path = path
        self._listdir = listdir
        self._days: dict[str, str] = {}
        self.new_process()
        fork.watch(self)

    def new_process(self) -> None:
        """Begin with a lock that nobody holds; what the parent has sent is sent."""
        self._lock = threading.Lock()

    def claim(self, name: str, day: str) -> bool:
        """Take *day* (ISO 8601) for *name*; False if that or a later day is taken.

        False as well where that cannot be known. Within `looking`, nothing is taken.
        """
        with self._lock:
            if self._days.get(name, "") >= day:
                return False
            if _is_looking.get():
                return self._is_free(name, day)
            self._days[name] = day
        if self._path is None:
            return True
        try:
            return self._claim_file(self._path, name, day)
        except OSError as error:
            quiet_log.warning("the days of events cannot be kept: %s", type(error).__name__)
            return False

    def _is_free(self, name: str, day: str) -> bool:
        prefix = f"{digest(name)}."
        try:
            found = [] if self._path is None else self._files(self._path, prefix)
        except FileNotFoundError:  # it is made with the first day that is taken
            return True
        except OSError:
            return False
        return max(found, default="") < prefix + day

    def _claim_file(self, path: str, name: str, day: str) -> bool:
        directory.secure(path)
        prefix = f"{digest(name)}."
        mine = prefix + day
        if any(found >= mine for found in self._files(path, prefix)):
            return False
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        with suppress(FileExistsError):
            os.close(os.open(os.path.join(path, mine), flags, 0o600))
            # Again: while we looked, others may have passed on to the next day and tidied up.
            found = self._files(path, prefix)
            for earlier in found:
                if earlier < mine:
                    with suppress(FileNotFoundError):  # so did another
                        os.unlink(os.path.join(path, earlier))
            return max(found, default=mine) == mine
        return False

    def _files(self, path: str, prefix: str) -> list[str]:
        return [name for name in self._listdir(path) if name.startswith(prefix)]
