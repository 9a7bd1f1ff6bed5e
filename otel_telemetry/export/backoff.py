"""When the backend may be asked again: by this process, and by all that share its directory.

Each process backs off by itself, with full jitter. What must hold for all of them, and for those to
come, stands in a note in the directory: until when the backend asked not to be asked, and, once an
outage has lasted, until when nobody tries. Then one process tries, and the others wait to see what
becomes of it. A success by anybody removes the note.

The note is for convenience: one that cannot be read or written, or that makes no sense, is none.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable
from dataclasses import replace

from otel_telemetry._internal import atomic_file, filelock, private_directory
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.export.result import MAX_RETRY_AFTER
from otel_telemetry.spool import layout

"""The files in the directory: the note, and the lock of the process that tries."""

FIRST, LONGEST = 1.0, 300.0
"""Seconds of the longest wait after the first failure, and after the last."""

_LONG_OUTAGE = 60.0  # seconds from its first failure to the latest; before, each tries by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDelay:
    """How long not to ask the backend.

    Attributes:
        seconds: From now on.
        is_asked: Whether the backend asked for it; a flush does not cut it short then.
        is_told: Whether it comes from the note, and not from a failure of our own.
    """

    seconds: float
    requested_by_server: bool = False
    from_shared_state: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What stands in the note; times in seconds since the epoch, for files outlive processes."""

    since: float  # the first failure
    at: float  # the latest
    until: float
    requested_by_server: bool

    @property
    def is_for_all(self) -> bool:
        return self.requested_by_server or self.at - self.since >= _LONG_OUTAGE

    def encode(self) -> bytes:
        return (
            f"1 {self.since!r} {self.at!r} {self.until!r} {self.requested_by_server:d}\n".encode()
        )

    @staticmethod
    def decode(data: bytes) -> _Note | None:
        fields = data.decode("ascii", "replace").split()
        if len(fields) != 5 or fields[0] != "1":
            return None
        try:
            since, at, until = map(float, fields[1:4])
        except ValueError:
            return None
        # Also false where one of them is no number.
        if not 0 <= since <= at <= until <= at + MAX_RETRY_AFTER:
            return None
        return _Note(since=since, at=at, until=until, requested_by_server=fields[4] == "1")


class Backoff:
    """Used by the courier alone, but for `stand_down` and `close`.

    Args:
        path: The directory of the note; None to stand alone.
        now: Wall clock, in seconds since the epoch.
        uniform: Returns a random number from its first argument to its second.
    """

    def __init__(
        self,
        path: str | None,
        *,
        now: Callable[[], float] = time.time,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._directory = path
        self._now = now
        self._uniform = uniform
        self._probe: int | None = None
        self.after_fork()

    def after_fork(self) -> None:
        """Begin without a failure; the lock that the parent of this process may hold is its own."""
        self._failures = 0
        self._seen: _Note | None = None
        self._let_go(remove=False)

    def pause(self, *, is_hurried: bool) -> RetryDelay | None:
        """Return how long others have us wait before the next request; None if it may go now.

        Args:
            is_hurried: Whether to mind only what the backend asked for.
        """
        note = self._seen = self._read()
        if note is None or not note.is_for_all:
            return None
        now = self._now()
        if now < note.at:
            # The clock was set back. The wait begins anew, once.
            note = self._seen = _Note(
                since=now - (note.at - note.since),
                at=now,
                until=now + (note.until - note.at),
                requested_by_server=note.requested_by_server,
            )
            self._write(note)
        if now < note.until and (note.requested_by_server or not is_hurried):
            return RetryDelay(
                seconds=note.until - now,
                requested_by_server=note.requested_by_server,
                from_shared_state=True,
            )
        if is_hurried or self._is_the_one():
            return None
        return RetryDelay(seconds=FIRST + self._uniform(0.0, FIRST), from_shared_state=True)

    def failed(self, wait: float | None) -> RetryDelay:
        """Note a failure; return how long to wait.

        Args:
            wait: Seconds that the backend asked for; None, or nothing, if it did not.
        """
        self._failures += 1
        now = self._now()
        known = self._read()
        since = now if known is None else min(known.since, now)
        if wait:
            pause = RetryDelay(seconds=wait, requested_by_server=True)
        else:
            # An outage that was there before us has its length for a number of failures.
            ceiling = FIRST * 2 ** min(self._failures - 1, 16)
            outage = 0.0 if now - since < _LONG_OUTAGE else now - since
            seconds = self._uniform(0.0, min(max(ceiling, outage), LONGEST))
            pause = RetryDelay(seconds=seconds)
        until, requested_by_server = now + pause.seconds, pause.requested_by_server
        if (
            known is not None
            and known.requested_by_server
            and now < known.until <= now + MAX_RETRY_AFTER
        ):
            # What was asked for, stands; and it does not make our own wait one that was.
            until = max(until, known.until) if requested_by_server else known.until
            requested_by_server = True
        self._write(
            _Note(since=since, at=now, until=until, requested_by_server=requested_by_server)
        )
        self._let_go()
        return pause

    def succeeded(self) -> None:
        """Note that the backend has answered."""
        self._failures = 0
        if self._seen is not None:
            note = self._read()
            if note == self._seen:
                self._remove(layout.BACKOFF_NOTE)
            elif note is not None:
                # Written meanwhile, by another process: an outage that begins with it.
                self._write(replace(note, since=note.at))
        self._seen = None
        self._let_go()

    def stand_down(self) -> None:
        """Let others try: there was nothing to send after all. Any thread may call it."""
        self._let_go()

    def close(self) -> None:
        """Let others try, for good; also where a process has died while it tried."""
        if self._directory is not None and os.path.lexists(self._path(layout.PROBE_LOCK)):
            self._is_the_one()  # else its lock would lie there until the next outage
        self._let_go()

    def _is_the_one(self) -> bool:
        """Tell whether this process is the one that tries."""
        if self._probe is None:
            path = self._path(layout.PROBE_LOCK)
            with contextlib.suppress(OSError):
                self._probe = filelock.acquire(path, create=not os.path.lexists(path))
        return self._probe is not None

    def _let_go(self, *, remove: bool = True) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            if remove:
                self._remove(layout.PROBE_LOCK)
            with contextlib.suppress(OSError):
                os.close(probe)

    def _read(self) -> _Note | None:
        try:
            data = (
                atomic_file.read_file(self._path(layout.BACKOFF_NOTE)) if self._is_ours() else None
            )
        except OSError:
            return None
        return None if data is None else _Note.decode(data)

    def _write(self, note: _Note) -> None:
        with contextlib.suppress(OSError):
            if self._is_ours():
                atomic_file.write_file(
                    self._path(layout.BACKOFF_NOTE), note.encode(), durable=False
                )

    def _is_ours(self) -> bool:
        """Tell whether there is a directory of ours; else nothing in it is to be trusted."""
        return self._directory is not None and bool(private_directory.check(self._directory))

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path(name))

    def _path(self, name: str) -> str:
        return os.path.join(self._directory or "", name)
