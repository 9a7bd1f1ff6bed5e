"""One process's view of a spool directory: its segments, and claims on those of dead processes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Collection

from otel_telemetry._internal import filelock, private_directory
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.spool import layout, segment
from otel_telemetry.spool.segment import SegmentWriter
from otel_telemetry.stats import DropReason


def other_destinations(own: str) -> list[str]:
    """Return the directories of destinations beside the directory *own*."""
    base, name = os.path.split(own)
    try:
        others = [each for each in os.listdir(base) if layout.DESTINATION.fullmatch(each)]
    except OSError:
        return []
    return [os.path.join(base, other) for other in others if other != name]


def expire_stale_destinations(
    own: str, max_age: float, on_lost: Callable[[int, DropReason], None]
) -> None:
    """Delete expired segments of the destinations that the application no longer has.

    Args:
        own: The directory of the destination that the application has now.
        max_age: Seconds after which a segment expires.
        on_lost: Called with the number of records that were dropped, and the reason.
    """
    for directory in other_destinations(own):
        spool = Spool(directory, max_age=max_age)
        # A living process with that destination holds the lock of its own segments.
        for owner in spool.claim_abandoned():
            for path in owner.segments:
                if spool.rejection_reason(path, 0.0) is not None:
                    spool.drop_segment(path, DropReason.EXPIRED, on_lost)
        spool.close()
        with contextlib.suppress(OSError):
            os.rmdir(directory)


_LARGEST = 1024 * 1024 * 1024  # bytes; far above any segment
_ATTEMPTS = 3
_CLOCKS_ARE_SET = 1_577_836_800.0  # 2020: an earlier clock has not been set
_DAY = 86_400.0
_MOST_CLAIMS = 64  # each is a file descriptor, and the process may have few
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedOwner:
    """A dead process whose segments this process has claimed.

    Attributes:
        name: Its name in the directory.
        segments: Its segments, oldest first.
    """

    name: str
    segments: tuple[str, ...]


class Spool:
    """One process's view of a spool directory.

    `open_segment` and its writer are used under the queue's lock, `close` by the owner of the
    engine, and everything else by the worker alone.

    Args:
        path: The directory; created if it does not exist.
        max_age: Seconds after which a segment expires.
        now: Wall clock, in seconds since the epoch: files outlive processes.

    Attributes:
        max_age: The same.
    """

    def __init__(self, path: str, *, max_age: float, now: Callable[[], float] = time.time) -> None:
        self._directory = path
        self.max_age = max_age
        self._now = now
        self._lock: int | None = None
        self._claims: dict[str, int] = {}
        self._is_closed = False
        self._guard = threading.Lock()
        self._pending_error = ""
        self._new_owner()

    def _new_owner(self) -> None:
        self._name = layout.owner_name()
        self._number = 0

    def after_fork(self) -> None:
        """Start under another name in a forked child; the parent process keeps its locks."""
        self._guard = threading.Lock()
        for descriptor in self._claims.values():
            self._unlock(None, descriptor)
        self._claims.clear()
        self._change_owner()

    def open_segment(self) -> SegmentWriter | None:
        """Return a new segment; None if the directory cannot be written to."""
        failure = OSError()
        for _ in range(_ATTEMPTS):
            try:
                if not self._is_locked():
                    self._acquire_lock()
                return self._create()
            except (FileNotFoundError, FileExistsError) as error:
                # The directory was removed, or another process took over our new lock file before
                # it was locked.
                failure = error
                self._change_owner()
            except OSError as error:
                failure = error
                break
        self._record_error(failure)
        return None

    def _is_locked(self) -> bool:
        """Return whether this process holds its lock in the directory that exists now."""
        if self._lock is None:
            return False
        try:
            return os.path.samestat(
                os.fstat(self._lock), os.lstat(self._path(self._name + layout.OWNER_LOCK_SUFFIX))
            )
        except OSError:
            return False

    def _acquire_lock(self) -> None:
        private_directory.secure(self._directory)
        self._change_owner()
        path = self._path(self._name + layout.OWNER_LOCK_SUFFIX)
        self._lock = filelock.acquire(path, create=True)
        if self._lock is None:
            self.remove(path)
            raise FileExistsError(None, "its files cannot be locked")

    def _change_owner(self) -> None:
        """Release the lock, and continue under another name."""
        if self._lock is not None:
            self._unlock(None, self._lock)
            self._lock = None
        self._new_owner()

    def _create(self) -> SegmentWriter:
        path = self._path(layout.segment_name(self._name, self._number))
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        extra = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags | extra, 0o600)
        try:
            is_complete = os.write(descriptor, segment.MAGIC) == len(segment.MAGIC)
        except OSError:
            os.close(descriptor)
            self.remove(path)
            raise
        return SegmentWriter(path, descriptor, is_complete=is_complete, on_error=self._record_error)

    def claim_abandoned(self, skipped_owners: Collection[str] = ()) -> list[ClaimedOwner]:
        """Claim the segments of dead processes, oldest first, up to a limit.

        Args:
            skipped_owners: Names of processes to leave alone.
        """
        known = {self._name, *self._claims, *skipped_owners}
        new: list[str] = []
        for owner in layout.segments_by_owner(self._directory):
            if len(self._claims) >= _MOST_CLAIMS:
                break
            if owner not in known and self._claim(owner):
                new.append(owner)
        # Listed again under the lock: another process may have delivered some meanwhile.
        segments_by_owner = layout.segments_by_owner(self._directory) if new else {}
        claimed = []
        for owner in new:
            if segments_by_owner.get(owner):
                claimed.append(ClaimedOwner(name=owner, segments=tuple(segments_by_owner[owner])))
            else:
                self.release(owner)
        return claimed

    def _claim(self, owner: str) -> bool:
        path = self._path(owner + layout.OWNER_LOCK_SUFFIX)
        with contextlib.suppress(OSError):
            lock = filelock.acquire(path, create=not os.path.lexists(path))
            if lock is not None:
                with self._guard:
                    if not self._is_closed:
                        self._claims[owner] = lock
                        return True
                self._unlock(None, lock)
        return False

    def release(self, owner: str) -> None:
        """Release the claim on a process whose segments are all settled."""
        with self._guard:
            lock = self._claims.pop(owner, None)
        if lock is not None:
            self._unlock(self._path(owner + layout.OWNER_LOCK_SUFFIX), lock)

    def read_segment(self, path: str) -> segment.SegmentContent | None:
        """Return the content of the segment at *path*; None if it is gone or not ours.

        Raises:
            OSError: Memory or file descriptors are short.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            if error.errno in _PASSING:
                raise
            return None
        try:
            status = os.fstat(descriptor)
            if (
                not stat.S_ISREG(status.st_mode)
                or status.st_size > _LARGEST
                or not private_directory.is_ours(status)
            ):
                return None
            with open(descriptor, "rb", closefd=False) as file:
                return segment.decode_segment(file.read())
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def rejection_reason(self, path: str, since: float) -> DropReason | None:
        """Return why the segment at *path* must not be sent; None if it may be sent.

        Args:
            path: The segment.
            since: Seconds since the epoch; a segment recorded before must not be sent.
        """
        try:
            recorded = os.lstat(path).st_mtime
        except OSError:
            return None
        if recorded < since:
            return DropReason.BEFORE_CONSENT
        now = self._now()
        if not _CLOCKS_ARE_SET <= recorded <= now + _DAY:
            # Recorded with a wrong clock: its age is unknown, and starts now.
            with contextlib.suppress(OSError):
                os.utime(path, (now, now))
            return None
        return DropReason.EXPIRED if now - recorded > self.max_age else None

    def exists(self, path: str) -> bool:
        """Return whether the segment at *path* exists."""
        return os.path.lexists(path)

    def size_of(self, path: str) -> int:
        """Return the bytes of one segment; 0 if it is gone."""
        try:
            return os.lstat(path).st_size
        except OSError:
            return 0

    def drop_segment(
        self, path: str, reason: DropReason, on_lost: Callable[[int, DropReason], None]
    ) -> None:
        """Delete a segment, and call *on_lost* with the number of its records."""
        with contextlib.suppress(OSError):
            content = self.read_segment(path)
            if content is not None:
                on_lost(len(content.records) + content.corrupt, reason)
        self.remove(path)

    def remove(self, path: str) -> None:
        """Delete a segment whose records are settled."""
        with contextlib.suppress(OSError):
            os.unlink(path)

    def size(self) -> int:
        """Return the bytes of all segments in the directory, of all processes."""
        return layout.total_size(self._directory)

    def close(self) -> None:
        """Release all locks: the next process may claim the remaining segments."""
        with self._guard:
            self._is_closed = True
            claims, self._claims = self._claims, {}
        if self._lock is not None:
            claims[self._name] = self._lock
            self._lock = None
        segments_by_owner = layout.segments_by_owner(self._directory) if claims else {}
        for owner, lock in claims.items():
            self._unlock(
                None
                if segments_by_owner.get(owner)
                else self._path(owner + layout.OWNER_LOCK_SUFFIX),
                lock,
            )

    def _unlock(self, path: str | None, lock: int) -> None:
        if path is not None:
            self.remove(path)
        with contextlib.suppress(OSError):
            os.close(lock)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _record_error(self, error: OSError) -> None:
        self._pending_error = error.strerror or ""

    def log_pending_error(self) -> None:
        """Log the latest error of the directory.

        Not where it occurs: the log handlers belong to the application and may send events, and the
        lock of the queue is held there.
        """
        error, self._pending_error = self._pending_error, ""
        if error:
            quiet_log.warning("the telemetry spool cannot be used: %s", error)
