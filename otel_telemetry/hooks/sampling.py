"""Hooks for `before_send` that let some events leave, and not all.

They come last in `before_send`: what they let pass, they count as sent. What they hold back is
counted with all else that hooks drop (``dropped["before_send"]`` in `Stats`).
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace

from otel_telemetry._internal import fork, private_directory
from otel_telemetry._internal.digest import digest
from otel_telemetry._internal.log import quiet_log
from otel_telemetry.errors import ConfigurationError

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.events import BeforeSend, Event


PROBABILITY = "sampling.probability"
"""The attribute by which `sample` says how likely a kept event was to be kept."""

_DAY = 86_400
_WEEK = 7 * _DAY
_MAX_NAMES = 256
_MAX_COUNT = 100_000


def sample(
    probability: float,
    *events: str,
    key: str | Callable[[], str | None] | None = None,
    period: float = _WEEK,
    clock: Callable[[], float] = time.time,
) -> BeforeSend:
    """Return a hook that lets a share of events pass, and says of each how large the share is.

    An installation is in or out for a whole *period*, with all its events, so that what its events
    tell together stays whole; in the next period it may be another's turn. The choice depends on
    *key* and period alone: who is within 10 % is within 20 % as well, in every process.

    A kept event gets the attribute ``sampling.probability``, a float above 0 and at most 1: it
    stands for 1 / probability events. Two samples of one event multiply. With a probability of 1,
    every event passes as it is; with 0, none. Thread-safe, and takes a hash of the key per event at
    most.

    Args:
        probability: The share to keep, 0 to 1.
        events: Names of the events to sample; without any, all. Others pass as they are.
        key: What stands for the installation, or what returns it, asked for each event. Without
            one, a process is in or out by itself, and a forked child anew. With
            ``key=lambda: telemetry.pseudonym("sampling", "")``, all processes of an installation
            are one, as long as its identity is kept.
        period: Seconds. Periods are counted from the epoch.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: A number is out of range, or a name no str.
    """
    if not _is_number(probability) or not 0 <= probability <= 1:
        raise ConfigurationError("sample needs a probability from 0 to 1")
    if not _is_number(period) or not 0 < period < float("inf"):
        raise ConfigurationError("sample needs a period of more than 0 seconds")
    names = _check_names("sample", events)
    return _Sample(float(probability), names, key, period, clock)


class _Sample:
    """The hook that `sample` returns."""

    def __init__(
        self,
        probability: float,
        names: frozenset[str],
        key: str | Callable[[], str | None] | None,
        period: float,
        clock: Callable[[], float],
    ) -> None:
        self._probability = probability
        self._names = names
        self._key = key
        self._period = period
        self._clock = clock
        self.after_fork()
        fork.watch(self.after_fork)

    def after_fork(self) -> None:
        self._own_key = os.urandom(16).hex()

    def __call__(self, event: Event) -> Event | None:
        if self._probability == 1 or (self._names and event.name not in self._names):
            return event
        key = self._key() if callable(self._key) else self._key
        if (
            _hash_to_unit_interval(key or self._own_key, self._clock() // self._period)
            >= self._probability
        ):
            return None
        # At the front: where there are too many attributes, the last are left out.
        properties = {PROBABILITY: 1.0, **event.event_properties}
        properties[PROBABILITY] = self._probability * _earlier_probability(event)
        return replace(event, event_properties=properties)


def _hash_to_unit_interval(key: str, period: float) -> float:
    """Return a number from 0 to below 1 that is anybody's guess, and always the same."""
    return int(digest(f"{period:.0f}:{key}", size=7), 16) / 2**56


def _earlier_probability(event: Event) -> float:
    earlier = event.event_properties.get(PROBABILITY)
    return earlier if isinstance(earlier, float) and 0 < earlier <= 1 else 1.0


def rate_limit(
    count: int,
    seconds: float,
    *events: str,
    clock: Callable[[], float] = time.monotonic,
) -> BeforeSend:
    """Return a hook that lets each event pass *count* times at most in any stretch of *seconds*.

    By name, in this process: a forked child counts for itself, from zero. It keeps the times of the
    last *count* events of up to 256 names; names beyond that, of which some must have been made up
    at run time, share one limit until others have been silent for *seconds*. Thread-safe.

    Args:
        count: 1 to 100,000.
        seconds: More than 0.
        events: Names of the events to limit; without any, all. Others pass.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: A number is out of range, or a name no str.
    """
    if type(count) is not int or not 1 <= count <= _MAX_COUNT:
        raise ConfigurationError(f"rate_limit needs a whole number from 1 to {_MAX_COUNT}")
    if not _is_number(seconds) or not 0 < seconds < float("inf"):
        raise ConfigurationError("rate_limit needs more than 0 seconds")
    return _RateLimit(count, seconds, _check_names("rate_limit", events), clock)


class _RateLimit:
    """The hook that `rate_limit` returns."""

    def __init__(
        self, count: int, seconds: float, names: frozenset[str], clock: Callable[[], float]
    ) -> None:
        self._count = count
        self._seconds = seconds
        self._names = names
        self._clock = clock
        self.after_fork()
        fork.watch(self.after_fork)

    def after_fork(self) -> None:
        # Another thread of the parent may have held the lock.
        self._lock = threading.Lock()
        self._passed: dict[str, deque[float]] = {}
        self._others: deque[float] = deque(maxlen=self._count)

    def __call__(self, event: Event) -> Event | None:
        if self._names and event.name not in self._names:
            return event
        with self._lock:
            now = self._clock()
            passed = self._passed.get(event.name)
            if passed is None:
                passed = self._of_new(event.name, now)
            if len(passed) == self._count and now - passed[0] < self._seconds:
                return None
            passed.append(now)
        return event

    def _of_new(self, name: str, now: float) -> deque[float]:
        if len(self._passed) >= _MAX_NAMES:
            self._passed = {
                name: passed
                for name, passed in self._passed.items()
                if now - passed[-1] < self._seconds
            }
        if len(self._passed) >= _MAX_NAMES:
            return self._others
        passed = self._passed[name] = deque(maxlen=self._count)
        return passed


def once_per_day(
    *events: str,
    state: str | os.PathLike[str] | None = None,
    clock: Callable[[], float] = time.time,
) -> BeforeSend:
    """Return a hook that lets each of *events* pass once on a day, in UTC.

    With *state*, once for all processes that share the directory, and of several that try at the
    same instant, one: each event's day is an empty file there, which only one can make. What cannot
    be read or written there means that the event has had its day. So does a day before the last on
    which it passed: a clock that is put back sends nothing twice. (One that ran ahead is silent
    until that day.) A process that dies between the event's passing and its delivery has used up
    the day. Thread-safe; a forked child knows what its parent knew.

    Args:
        events: Names, at least one. Others pass.
        state: A directory for these files alone, of which the name of an event cannot be told; made
            when it is needed, for this user only. None: once a day in this process.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: There is no name, or one is no str.
    """
    names = _check_names("once_per_day", events)
    if not names:
        raise ConfigurationError("once_per_day needs the names of events")
    days = DayClaims(None if state is None else os.fspath(state))

    def hook(event: Event) -> Event | None:
        if event.name not in names:
            return event
        today = time.strftime("%Y-%m-%d", time.gmtime(clock()))
        return event if days.claim(event.name, today) else None

    return hook


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_names(hook: str, events: tuple[object, ...]) -> frozenset[str]:
    names = [name for name in events if isinstance(name, str) and name]
    if len(names) < len(events):
        raise ConfigurationError(f"{hook} needs the names of events, each a str by itself")
    return frozenset(names)


_is_preview: ContextVar[bool] = ContextVar("otel_telemetry_is_looking", default=False)


@contextmanager
def preview_mode() -> Iterator[None]:
    """Have `Days.claim` say in this block what it would say, and take nothing."""
    token = _is_preview.set(True)
    try:
        yield
    finally:
        _is_preview.reset(token)


class DayClaims:
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
        self.after_fork()
        fork.watch(self.after_fork)

    def after_fork(self) -> None:
        """Begin with a lock that nobody holds; what the parent has sent is sent."""
        self._lock = threading.Lock()

    def claim(self, name: str, day: str) -> bool:
        """Take *day* (ISO 8601) for *name*; False if that or a later day is taken.

        False as well where that cannot be known. Within `preview_mode`, nothing is taken.
        """
        with self._lock:
            if self._days.get(name, "") >= day:
                return False
            if _is_preview.get():
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
        private_directory.secure(path)
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
