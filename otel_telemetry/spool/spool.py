"""The directories of destinations that an application no longer has."""

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
    """Give up what has grown too old beside the directory *own*, where nobody delivers it any more.

    Args:
        own: The directory of the destination that the application has now.
        max_age: Seconds after which a segment is given up.
        on_lost: Told how many records were given up, and why.
    """
    for directory in other_destinations(own):
        spool = Spool(directory, max_age=max_age)
        # A process that still has that destination holds the lock of what is its own.
        for orphan in spool.claim_orphans():
            for path in orphan.segments:
                if spool.rejection_reason(path, 0.0) is not None:
                    spool.give_up(path, DropReason.EXPIRED, on_lost)
        spool.close()
        with contextlib.suppress(OSError):
            os.rmdir(directory)


_LARGEST = 1024 * 1024 * 1024  # bytes; no segment of ours comes near
_ATTEMPTS = 3
_CLOCKS_ARE_SET = 1_577_836_800.0  # 2020: a clock that says less has not been set
_DAY = 86_400.0
_MOST_CLAIMS = 64  # each is a file descriptor, of which the host may have few
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """What a dead process left; ours from now on.

    Attributes:
        name: Its name in the directory.
        segments: Its segments, oldest first.
    """

    name: str
    segments: tuple[str, ...]


class Spool:
    """One process's view of a spool directory.

    `open_segment` and the writer it returns are used under the outbox's lock; `close` by whoever
    ends the delivery; everything else by the courier alone.

    Args:
        path: The directory; made if it does not exist.
        max_age: Seconds after which a segment is given up.
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
        self._trouble = ""
        self._begin()

    def _begin(self) -> None:
        self._name = f"{time.time_ns():016x}-{os.getpid()}-{os.urandom(4).hex()}"
        self._number = 0

    def after_fork(self) -> None:
        """Begin under another name in a forked child; the parent's locks stay the parent's."""
        self._guard = threading.Lock()
        for descriptor in self._claims.values():
            self._unlock(None, descriptor)
        self._claims.clear()
        self._leave()

    def open_segment(self) -> SegmentWriter | None:
        """Return a new segment; None if the directory cannot be written to."""
        trouble = OSError()
        for _ in range(_ATTEMPTS):
            try:
                if not self._is_locked():
                    self._enter()
                return self._create()
            except (FileNotFoundError, FileExistsError) as error:
                # Somebody removed the directory; or took our lock, before we held it, for that of a
                # dead process.
                trouble = error
                self._leave()
            except OSError as error:
                trouble = error
                break
        self._complain(trouble)
        return None

    def _is_locked(self) -> bool:
        """Tell whether we hold our lock, in the directory that is there now."""
        if self._lock is None:
            return False
        try:
            return os.path.samestat(
                os.fstat(self._lock), os.lstat(self._path(self._name + layout.OWNER_LOCK_SUFFIX))
            )
        except OSError:
            return False

    def _enter(self) -> None:
        private_directory.secure(self._directory)
        self._leave()
        path = self._path(self._name + layout.OWNER_LOCK_SUFFIX)
        self._lock = filelock.acquire(path, create=True)
        if self._lock is None:
            self.remove(path)
            raise FileExistsError(None, "its files cannot be locked")

    def _leave(self) -> None:
        """Go on under another name."""
        if self._lock is not None:
            self._unlock(None, self._lock)
            self._lock = None
        self._begin()

    def _create(self) -> SegmentWriter:
        path = self._path(f"{self._name}-{self._number:08d}{layout.SEGMENT_SUFFIX}")
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        extra = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags | extra, 0o600)
        try:
            is_whole = os.write(descriptor, segment.MAGIC) == len(segment.MAGIC)
        except OSError:
            os.close(descriptor)
            self.remove(path)
            raise
        return SegmentWriter(path, descriptor, is_whole=is_whole, complain=self._complain)

    def claim_orphans(self, passed_over: Collection[str] = ()) -> list[Orphan]:
        """Take over what dead processes left; oldest first, and not too many at once.

        Args:
            passed_over: Names of those to leave alone.
        """
        known = {self._name, *self._claims, *passed_over}
        new: list[str] = []
        for owner in layout.listed(self._directory):
            if len(self._claims) >= _MOST_CLAIMS:
                break
            if owner not in known and self._claim(owner):
                new.append(owner)
        # Listed again now that they are ours: their last owners may have delivered some since.
        listed = layout.listed(self._directory) if new else {}
        orphans = []
        for owner in new:
            if listed.get(owner):
                orphans.append(Orphan(name=owner, segments=tuple(listed[owner])))
            else:
                self.release(owner)
        return orphans

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

    def release(self, orphan: str) -> None:
        """Forget an orphan all of whose segments are gone."""
        with self._guard:
            lock = self._claims.pop(orphan, None)
        if lock is not None:
            self._unlock(self._path(orphan + layout.OWNER_LOCK_SUFFIX), lock)

    def read(self, path: str) -> segment.Content | None:
        """Return what the segment at *path* holds; None if it is gone or is none of ours.

        Raises:
            OSError: It cannot be read now, for want of memory or file descriptors.
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
        """Return why the segment at *path* must not leave; None if nothing is against it.

        Args:
            path: The segment.
            since: Seconds since the epoch; what was recorded before does not leave.
        """
        try:
            recorded = os.lstat(path).st_mtime
        except OSError:
            return None
        if recorded < since:
            return DropReason.BEFORE_CONSENT
        now = self._now()
        if not _CLOCKS_ARE_SET <= recorded <= now + _DAY:
            # Recorded while the clock was wrong: its age is not known, and begins now.
            with contextlib.suppress(OSError):
                os.utime(path, (now, now))
            return None
        return DropReason.EXPIRED if now - recorded > self.max_age else None

    def has(self, path: str) -> bool:
        """Tell whether a segment is still there."""
        return os.path.lexists(path)

    def size_of(self, path: str) -> int:
        """Return the bytes of one segment; 0 if it is gone."""
        try:
            return os.lstat(path).st_size
        except OSError:
            return 0

    def give_up(
        self, path: str, reason: DropReason, on_lost: Callable[[int, DropReason], None]
    ) -> None:
        """Delete a segment, and tell *on_lost* how many records that costs."""
        with contextlib.suppress(OSError):
            content = self.read(path)
            if content is not None:
                on_lost(len(content.records) + content.corrupt, reason)
        self.remove(path)

    def remove(self, path: str) -> None:
        """Delete a segment whose records are settled."""
        with contextlib.suppress(OSError):
            os.unlink(path)

    def size(self) -> int:
        """Return the bytes of all segments in the directory, whoever owns them."""
        return layout.size(self._directory)

    def close(self) -> None:
        """Let go of all locks: what is left belongs to whoever comes next."""
        with self._guard:
            self._is_closed = True
            claims, self._claims = self._claims, {}
        if self._lock is not None:
            claims[self._name] = self._lock
            self._lock = None
        listed = layout.listed(self._directory) if claims else {}
        for owner, lock in claims.items():
            self._unlock(
                None if listed.get(owner) else self._path(owner + layout.OWNER_LOCK_SUFFIX), lock
            )

    def _unlock(self, path: str | None, lock: int) -> None:
        if path is not None:
            self.remove(path)
        with contextlib.suppress(OSError):
            os.close(lock)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _complain(self, error: OSError) -> None:
        self._trouble = error.strerror or ""

    def log_pending_error(self) -> None:
        """Log the latest trouble with the directory.

        Not where it arises: the handlers of the log are the host's, and may end up in the outbox,
        whose lock is held there.
        """
        trouble, self._trouble = self._trouble, ""
        if trouble:
            quiet_log.warning("the telemetry spool cannot be used: %s", trouble)
