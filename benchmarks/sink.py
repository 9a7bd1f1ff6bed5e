"""A local backend that takes anything, and knows how many events it took.

It runs in a process of its own, so that the measured process pays for its own work only. A second
port answers questions: a measured process waits there, in one system call, until its events have
arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True, kw_only=True)
class Taken:
    """What the sink has seen so far."""

    requests: int = 0
    bytes: int = 0
    events: int = 0


class _Http(asyncio.Protocol):
    """The least of HTTP/1.1 that keeps every client content, and costs next to nothing."""

    def __init__(self, taken: Taken, changed: asyncio.Condition, mark: bytes, reply: bytes) -> None:
        self._taken = taken
        self._changed = changed
        self._mark = mark
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply)
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            size = 0
            for line in head.split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    size = int(line[15:])
            if len(self._buffer) < end + 4 + size:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + size])
            del self._buffer[: end + 4 + size]
            self._take(head, body)

    def _take(self, head: bytes, body: bytes) -> None:
        if self._transport is not None:
            self._transport.write(self._answer)
        self._taken.requests += 1
        self._taken.bytes += len(body)
        if b"content-encoding: gzip" in head:
            body = gzip.decompress(body)
        self._taken.events += body.count(self._mark)
        task = asyncio.ensure_future(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _serve(mark: bytes, reply: bytes) -> None:
    taken, changed = Taken(), asyncio.Condition()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            wanted, seconds = line.split()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reached(int(wanted)), float(seconds))
            writer.write(json.dumps(asdict(taken)).encode() + b"\n")

    async def reached(wanted: int) -> None:
        async with changed:
            await changed.wait_for(lambda: taken.events >= wanted)

    loop = asyncio.get_running_loop()
    http = await loop.create_server(lambda: _Http(taken, changed, mark, reply), "127.0.0.1", 0)
    control = await asyncio.start_server(answer, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (http, control)]
    print(*ports, flush=True)
    async with http, control:
        await asyncio.Event().wait()  # for ever: the parent ends this process


class SinkClient:
    """What a measured process knows of the sink."""

    def __init__(self, port: int) -> None:
        """Connect to the sink's second port."""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._lines = self._socket.makefile("rb")

    def wait(self, events: int, seconds: float) -> Taken:
        """Wait until the sink has taken so many events; say how many it has."""
        self._socket.sendall(b"%d %f\n" % (events, seconds))
        return Taken(**json.loads(self._lines.readline()))


@contextlib.contextmanager
def running(mark: bytes, reply: bytes) -> Iterator[tuple[int, int]]:
    """Run a fresh sink; yield the ports for HTTP and for questions."""
    command = [sys.executable, "-m", "benchmarks.sink", mark.hex(), reply.hex()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            http, control = process.stdout.readline().split()
            yield int(http), int(control)
        finally:
            process.kill()


def _leave_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    asyncio.run(_serve(bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2])))
