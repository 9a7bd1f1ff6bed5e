"""What a measured process is told, and the ways to load a system that the cases share."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks import systems, workload
from benchmarks.sink import SinkClient, Taken

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from benchmarks.systems.base import Connection, System
    from benchmarks.workload import Event

# With at most one burst and one full batch waiting, no system's queue comes near its end.
BURST = 500
BACKLOG = 512
PATIENCE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One child process's errand: a case, a system, and where the sink is."""

    case: str
    system: str
    http_port: int
    control_port: int
    quick: bool
    # A directory of this process's own, for whatever the system keeps on disk.
    state: str

    @property
    def endpoint(self) -> str:
        """The sink's base URL."""
        return f"http://127.0.0.1:{self.http_port}"

    def described(self) -> System:
        """Look the system up."""
        return systems.find(self.system)

    def connect(self, endpoint: str | None = None) -> Connection:
        """Set the system up against the sink, or another endpoint."""
        return self.described().connect(endpoint or self.endpoint, self.state)

    def scaled(self, count: int) -> int:
        """Take a fifth of the events when in a hurry."""
        return count // 5 if self.quick else count

    def to_json(self) -> str:
        """Write it as a command line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Context:
        """Read it back."""
        return cls(**json.loads(text))


class Load:
    """Sends events at a pace that the system can follow, and counts what arrived."""

    def __init__(self, context: Context, connection: Connection) -> None:
        """Take charge of a connection."""
        self._sink = SinkClient(context.control_port)
        self._connection = connection
        self._sent = 0
        self._taken = Taken()

    def send(self, source: Iterator[Event], count: int) -> None:
        """Send `count` events in bursts, waiting for the queue to drain after each."""
        send = self._connection.send
        for size in _bursts(count):
            for event in itertools.islice(source, size):
                send(event)
            self._drain(size)

    def send_timed(self, source: Iterator[Event], count: int, taken: array[int]) -> None:
        """Do the same, adding the nanoseconds of every call to `taken`."""
        send, clock = self._connection.send, time.perf_counter_ns
        for size in _bursts(count):
            for event in itertools.islice(source, size):
                start = clock()
                send(event)
                taken.append(clock() - start)
            self._drain(size)

    def settle(self) -> float:
        """Flush, wait until everything has arrived, and return how much that is, 1 being all.

        Raises:
            RuntimeError: Something did not arrive: what it took to lose it is no figure to compare.
        """
        self._connection.flush()
        self._await(self._sent)
        return self._taken.events / self._sent

    @property
    def bytes_per_event(self) -> float:
        """What an event weighed on the wire, all requests' bodies taken together."""
        return self._taken.bytes / max(1, self._taken.events)

    def warm_up(self) -> None:
        """Pay for connections, caches and late imports before the clock starts."""
        self.send(workload.endless(workload.events(BURST)), 2 * BURST)
        self.settle()

    def _drain(self, size: int) -> None:
        self._sent += size
        self._await(self._sent - BACKLOG)

    def _await(self, events: int) -> None:
        self._taken = self._sink.wait(events, PATIENCE)
        if self._taken.events < events:
            raise RuntimeError(f"only {self._taken.events} of {self._sent} events arrived")


def _bursts(count: int) -> Iterator[int]:
    while count > 0:
        yield min(BURST, count)
        count -= BURST
