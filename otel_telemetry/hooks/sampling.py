"""Hooks for `before_send` that drop some events: sampling, rate limits, once per day.

Put them last in `before_send`: they count an event that they pass as sent. Dropped events are
counted as ``dropped["before_send"]`` in `Stats`.
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

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.events import BeforeSend, Event


PROBABILITY = "sampling.probability"
"""The attribute of a sampled event with the probability that it was kept."""

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
    """Return a hook that keeps a share of the events and records the probability on each.

    In each *period*, a *key* is sampled with all its events or with none, so that the events of an
    installation stay together. Whether it is sampled depends on key and period alone: a key that is
    sampled at 10 % is also sampled at 20 %, in every process.

    A kept event gets the attribute ``sampling.probability``, a float above 0 and at most 1: it
    stands for 1 / probability events. If an event is sampled twice, the probabilities are
    multiplied. With a probability of 1 every event passes unchanged; with 0 none passes.
    Thread-safe. The cost is at most one hash for each event.

    Args:
        probability: The share to keep, 0 to 1.
        events: Names of the events to sample; none: all events. Other events pass unchanged.
        key: The sampling key, or a function that returns it and is called for each event. Without
            one, each process and each forked child has a random key. Use
            ``key=lambda: telemetry.pseudonym("sampling", "")`` to sample all processes of an
            installation together, as long as its identity is stored.
        period: The length of a period in seconds. Periods are aligned with the epoch. Default: a
            week.
        clock: Returns the seconds since the epoch.

    Raises:
        ConfigurationError: A number is out of range, or a name is not a str.
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
        # First, because the mapping drops the last attributes if there are too many.
        properties = {PROBABILITY: 1.0, **event.event_properties}
        properties[PROBABILITY] = self._probability * _earlier_probability(event)
        return replace(event, event_properties=properties)


def _hash_to_unit_interval(key: str, period: float) -> float:
    """Return a number from 0 to below 1, evenly distributed and always the same for a key."""
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
    """Return a hook that passes at most *count* events of a name in any *seconds*.

    The limit holds for each name in this process; a forked child starts from zero. The hook stores
    the times of the last *count* events for up to 256 names. Further names, which a program must
    make at run time, share one limit until another name had no event for *seconds*. Thread-safe.

    Args:
        count: 1 to 100,000.
        seconds: The length of the sliding window, more than 0.
        events: Names of the events to limit; none: all events. Other events pass.
        clock: Returns monotonic seconds.

    Raises:
        ConfigurationError: A number is out of range, or a name is not a str.
    """
    if type(count) is not int or not 1 <= count <= _MAX_COUNT:
        raise ConfigurationError(f"rate_limit needs a count from 1 to {_MAX_COUNT}")
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
        # Another thread of the parent may hold the old lock.
        self._lock = threading.Lock()
        self._windows: dict[str, deque[float]] = {}
        self._shared: deque[float] = deque(maxlen=self._count)

    def __call__(self, event: Event) -> Event | None:
        if self._names and event.name not in self._names:
            return event
        with self._lock:
            now = self._clock()
            passed = self._windows.get(event.name)
            if passed is None:
                passed = self._window(event.name, now)
            if len(passed) == self._count and now - passed[0] < self._seconds:
                return None
            passed.append(now)
        return event

    def _window(self, name: str, now: float) -> deque[float]:
        if len(self._windows) >= _MAX_NAMES:
            self._windows = {
                name: passed
                for name, passed in self._windows.items()
                if now - passed[-1] < self._seconds
            }
        if len(self._windows) >= _MAX_NAMES:
            return self._shared
        passed = self._windows[name] = deque(maxlen=self._count)
        return passed


def once_per_day(
    *events: str,
    state: str | os.PathLike[str] | None = None,
    clock: Callable[[], float] = time.time,
) -> BeforeSend:
    """Return a hook that passes each of *events* once per day, in UTC.

    With *state*, all processes that share the directory pass an event once: its day is an empty
    file there, and the operating system lets one process create it. If the directory cannot be read
    or written, the event is dropped. A day before the last one is dropped too, so that a clock that
    is set back sends nothing twice; after a clock that ran ahead, the event is dropped until that
    day. If a process ends before it delivers the event, the day is used up. Thread-safe. A forked
    child has the state of its parent.

    Args:
        events: The names of the events, at least one. Other events pass.
        state: A directory for these files only. Their names are hashes of event names. The hook
            creates it when needed, readable by this user only. None: once per day in this process.
        clock: Returns the seconds since the epoch.

    Raises:
        ConfigurationError: There is no name, or a name is not a str.
    """
    names = _check_names("once_per_day", events)
    if not names:
        raise ConfigurationError("once_per_day needs the names of events")
    claims = DayClaims(None if state is None else os.fspath(state))

    def hook(event: Event) -> Event | None:
        if event.name not in names:
            return event
        today = time.strftime("%Y-%m-%d", time.gmtime(clock()))
        return event if claims.claim(event.name, today) else None

    return hook


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_names(hook: str, events: tuple[object, ...]) -> frozenset[str]:
    names = [name for name in events if isinstance(name, str) and name]
    if len(names) < len(events):
        raise ConfigurationError(f"{hook} needs the names of events, each a str")
    return frozenset(names)


_is_preview: ContextVar[bool] = ContextVar("otel_telemetry_is_looking", default=False)


@contextmanager
def preview_mode() -> Iterator[None]:
    """Within this block, `DayClaims.claim` returns its result without claiming the day."""
    token = _is_preview.set(True)
    try:
        yield
    finally:
        _is_preview.reset(token)


class DayClaims:
    """The last claimed day of each name. Thread-safe.

    Each claim is an empty file ``<hash of the name>.2024-02-29``, which one process can create. It
    needs no lock, and a crash cannot damage it.

    Args:
        path: The directory; None for memory only.
        listdir: Lists the directory.
    """

    def __init__(self, path: str | None, listdir: Callable[[str], list[str]] = os.listdir) -> None:
        self._path = path
        self._listdir = listdir
        self._days: dict[str, str] = {}
        self.after_fork()
        fork.watch(self.after_fork)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold. The claims stay."""
        self._lock = threading.Lock()

    def claim(self, name: str, day: str) -> bool:
        """Claim *day* (ISO 8601) for *name*; False if this or a later day is claimed.

        Also False if the directory cannot be read or written. In `preview_mode`, nothing is
        claimed.
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
            quiet_log.warning(
                "the state of once_per_day cannot be read or written: %s", type(error).__name__
            )
            return False

    def _is_free(self, name: str, day: str) -> bool:
        prefix = f"{digest(name)}."
        try:
            files = [] if self._path is None else self._files(self._path, prefix)
        except FileNotFoundError:  # the first claim creates it
            return True
        except OSError:
            return False
        return max(files, default="") < prefix + day

    def _claim_file(self, path: str, name: str, day: str) -> bool:
        private_directory.secure(path)
        prefix = f"{digest(name)}."
        claim = prefix + day
        if any(file >= claim for file in self._files(path, prefix)):
            return False
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        with suppress(FileExistsError):
            os.close(os.open(os.path.join(path, claim), flags, 0o600))
            # List again: meanwhile another process may have claimed a later day and tidied up.
            files = self._files(path, prefix)
            for earlier in files:
                if earlier < claim:
                    with suppress(FileNotFoundError):  # another process deleted it
                        os.unlink(os.path.join(path, earlier))
            return max(files, default=claim) == claim
        return False

    def _files(self, path: str, prefix: str) -> list[str]:
        return [name for name in self._listdir(path) if name.startswith(prefix)]
