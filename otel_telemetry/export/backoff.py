"""Exponential backoff, with a state that the processes of one spool directory share.

Each process backs off by itself, with full jitter. A file in the directory holds what all processes
obey: the time that the backend asked them to wait, and in a long outage the time of the next try.
At that time one process probes the backend, and the others wait for its result. A success of any
process deletes the file.

The file is an optimization: one that cannot be read, written or parsed is ignored.
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

FIRST_DELAY, MAX_DELAY = 1.0, 300.0
"""Upper bounds of the random delay, in seconds: after the first failure, and after many."""

_LONG_OUTAGE = 60.0  # seconds from the first failure to the latest; then processes take turns


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDelay:
    """The time until the next request.

    Attributes:
        seconds: From now on.
        requested_by_server: Whether the backend asked for it; a flush then does not shorten it.
        from_shared_state: Whether it comes from the shared state and not from a failure of this
            process.
    """

    seconds: float
    requested_by_server: bool = False
    from_shared_state: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _SharedState:
    """The content of the shared file; times in seconds since the epoch."""

    since: float  # the first failure
    at: float  # the latest failure
    until: float  # no request before
    requested_by_server: bool

    @property
    def applies_to_all(self) -> bool:
        return self.requested_by_server or self.at - self.since >= _LONG_OUTAGE

    def encode(self) -> bytes:
        return (
            f"1 {self.since!r} {self.at!r} {self.until!r} {self.requested_by_server:d}\n".encode()
        )

    @staticmethod
    def decode(data: bytes) -> _SharedState | None:
        fields = data.decode("ascii", "replace").split()
        if len(fields) != 5 or fields[0] != "1":
            return None
        try:
            since, at, until = map(float, fields[1:4])
        except ValueError:
            return None
        # Also false where one of them is NaN.
        if not 0 <= since <= at <= until <= at + MAX_RETRY_AFTER:
            return None
        return _SharedState(since=since, at=at, until=until, requested_by_server=fields[4] == "1")


class Backoff:
    """Used by the worker alone, except for `release_probe` and `close`.

    Args:
        path: The directory of the shared state; None for a process without a spool.
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
        """Start without a failure, and leave the probe lock to the parent process."""
        self._failures = 0
        self._known_state: _SharedState | None = None
        self._release_probe(remove=False)

    def delay(self, *, ignore_backoff: bool) -> RetryDelay | None:
        """Return the delay that the shared state imposes on the next request; None for no delay.

        Args:
            ignore_backoff: Whether to obey only delays that the backend asked for.
        """
        note = self._known_state = self._read()
        if note is None or not note.applies_to_all:
            return None
        now = self._now()
        if now < note.at:
            # The clock was set back. The delay starts again, once.
            note = self._known_state = _SharedState(
                since=now - (note.at - note.since),
                at=now,
                until=now + (note.until - note.at),
                requested_by_server=note.requested_by_server,
            )
            self._write(note)
        if now < note.until and (note.requested_by_server or not ignore_backoff):
            return RetryDelay(
                seconds=note.until - now,
                requested_by_server=note.requested_by_server,
                from_shared_state=True,
            )
        if ignore_backoff or self._acquire_probe():
            return None
        return RetryDelay(
            seconds=FIRST_DELAY + self._uniform(0.0, FIRST_DELAY), from_shared_state=True
        )

    def record_failure(self, wait: float | None) -> RetryDelay:
        """Record a failure; return the delay before the next request.

        Args:
            wait: Seconds that the backend asked for; None or 0 if it did not ask.
        """
        self._failures += 1
        now = self._now()
        known = self._read()
        since = now if known is None else min(known.since, now)
        if wait:
            pause = RetryDelay(seconds=wait, requested_by_server=True)
        else:
            # In an outage that is older than this process, its length replaces the failure count.
            ceiling = FIRST_DELAY * 2 ** min(self._failures - 1, 16)
            outage = 0.0 if now - since < _LONG_OUTAGE else now - since
            seconds = self._uniform(0.0, min(max(ceiling, outage), MAX_DELAY))
            pause = RetryDelay(seconds=seconds)
        until, requested_by_server = now + pause.seconds, pause.requested_by_server
        if (
            known is not None
            and known.requested_by_server
            and now < known.until <= now + MAX_RETRY_AFTER
        ):
            # The delay that the backend asked for stays, and is shared; our own is not.
            until = max(until, known.until) if requested_by_server else known.until
            requested_by_server = True
        self._write(
            _SharedState(since=since, at=now, until=until, requested_by_server=requested_by_server)
        )
        self._release_probe()
        return pause

    def record_success(self) -> None:
        """Record that the backend responded."""
        self._failures = 0
        if self._known_state is not None:
            note = self._read()
            if note == self._known_state:
                self._remove(layout.BACKOFF_STATE)
            elif note is not None:
                # Another process has failed meanwhile: its failure begins a new outage.
                self._write(replace(note, since=note.at))
        self._known_state = None
        self._release_probe()

    def release_probe(self) -> None:
        """Let another process probe: there was nothing to send. Any thread may call it."""
        self._release_probe()

    def close(self) -> None:
        """Let other processes probe from now on, also where a process died while it probed."""
        if self._directory is not None and os.path.lexists(self._path(layout.PROBE_LOCK)):
            self._acquire_probe()  # else its lock file would stay until the next outage
        self._release_probe()

    def _acquire_probe(self) -> bool:
        """Return whether this process is the one that probes."""
        if self._probe is None:
            path = self._path(layout.PROBE_LOCK)
            with contextlib.suppress(OSError):
                self._probe = filelock.acquire(path, create=not os.path.lexists(path))
        return self._probe is not None

    def _release_probe(self, *, remove: bool = True) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            if remove:
                self._remove(layout.PROBE_LOCK)
            with contextlib.suppress(OSError):
                os.close(probe)

    def _read(self) -> _SharedState | None:
        try:
            data = (
                atomic_file.read_file(self._path(layout.BACKOFF_STATE))
                if self._is_private()
                else None
            )
        except OSError:
            return None
        return None if data is None else _SharedState.decode(data)

    def _write(self, note: _SharedState) -> None:
        with contextlib.suppress(OSError):
            if self._is_private():
                atomic_file.write_file(
                    self._path(layout.BACKOFF_STATE), note.encode(), durable=False
                )

    def _is_private(self) -> bool:
        """Return whether the directory is private to this user; else its files are not trusted."""
        return self._directory is not None and bool(private_directory.check(self._directory))

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path(name))

    def _path(self, name: str) -> str:
        return os.path.join(self._directory or "", name)
