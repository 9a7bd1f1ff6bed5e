"""Real programs beside a test: started, waited for, and stopped for sure."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, NoReturn

import pytest

from tests.support.waiting import wait_until

LOOPBACK: Final = "127.0.0.1"

# Read at import: a running test sees no CI markers.
IN_CI: Final = os.environ.get("CI", "").lower() not in {"", "0", "false"}

# Below the range from which Linux, macOS and Windows number outgoing connections, so that none of
# those takes the port before the program we chose it for. Counting up from a random start gives
# two suites on one machine different ports, and one suite never the same port twice in a row.
_PORTS: Final = range(20_000, 32_000)
_START: Final = secrets.randbelow(len(_PORTS))
_candidates: Iterator[int] = itertools.cycle((*_PORTS[_START:], *_PORTS[:_START]))


class ChildError(RuntimeError):
    """A child process ended, or stayed silent, where it should have served; carries its output."""


def missing(part: str, *, in_ci: bool = IN_CI) -> NoReturn:
    """Skip the test for lack of a real part; in CI fail it, for there every test runs."""
    if in_ci:
        pytest.fail(f"missing: {part}; in CI no test is skipped", pytrace=False)
    pytest.skip(f"missing: {part}")


def free_port() -> int:
    """Choose a loopback port that nobody listens on."""
    for port in itertools.islice(_candidates, len(_PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise OSError("no free port")


@contextmanager
def refusing_port() -> Iterator[int]:
    """Hold a loopback port that refuses every connection."""
    with socket.socket() as held:
        held.bind((LOOPBACK, 0))
        port: int = held.getsockname()[1]
        yield port


def port_answers(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def plain_environment(**extra: str) -> dict[str, str]:
    """Make the least a foreign program needs: no settings, proxies or secrets of this machine."""
    kept = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | extra


class Child:
    """A running program in a process group of its own, both its outputs in one log."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        """Take over a process that was started with `log` as its outputs; see `running`."""
        self._process = process
        self._log = log
        self._last_words: str | None = None

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """What it has written so far; after its end, all it wrote."""
        if self._last_words is not None:
            return self._last_words
        # The child writes at the offset we share with it: read without moving it.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def wait(self, *, within: float) -> int:
        """Wait for its own end and return the exit status.

        Raises:
            ChildError: It still runs after `within` seconds.
        """
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise self._error(f"still runs after {within:g} s") from None

    def wait_for_output(self, text: str, *, within: float) -> None:
        """Wait until it has written `text`.

        Raises:
            ChildError: It ended, or `within` seconds passed, without.
        """
        self._wait_while_alive(lambda: text in self.output, within=within, what=repr(text))

    def wait_for_port(self, port: int, *, within: float) -> None:
        """Wait until it accepts connections on a loopback port.

        Raises:
            ChildError: It ended, or `within` seconds passed, without.
        """
        self._wait_while_alive(lambda: port_answers(port), within=within, what=f"port {port}")

    def kill(self) -> None:
        """End it and what it started at once, as a crash would, and wait for the end."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, *, within: float) -> None:
        """Ask it to end; whatever of its group is left after `within` seconds is killed."""
        if self.returncode is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(within)
        self.kill()

    def _close(self) -> None:
        """Keep the output, for an assertion after the end, and let the log go."""
        self._last_words = self.output
        self._log.close()

    def _wait_while_alive(self, condition: Callable[[], bool], *, within: float, what: str) -> None:
        def settled() -> bool:
            # Asked before the condition: last words and the end may come together.
            ended = self.returncode is not None
            if condition():
                return True
            if ended:
                raise self._error(f"ended with {self.returncode} before {what}")
            return False

        try:
            wait_until(settled, within=within, what=what)
        except TimeoutError as late:
            raise self._error(str(late)) from None

    def _error(self, what: str) -> ChildError:
        return ChildError(f"{self._process.args!r}: {what}; its output:\n{self.output}")


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    ports: Iterable[int] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    ready_within: float = 10,
    stop_within: float = 5,
) -> Iterator[Child]:
    """Run a program until the block ends, entering it once all its `ports` answer.

    `env` None passes on the environment of the test. SIGINT means to the program what it means by
    itself: a shell that started the tests in the background has them, and all below, ignore it.

    Raises:
        ChildError: It ended, or a port did not answer within `ready_within` seconds.
    """
    with tempfile.TemporaryFile() as log:
        with _sigint_by_default():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        child = Child(process, log)
        try:
            for port in ports:
                child.wait_for_port(port, within=ready_within)
            yield child
        finally:
            child.stop(within=stop_within)
            child._close()


@contextmanager
def _sigint_by_default() -> Iterator[None]:
    """Not ignored in a process that starts in the block; only the main thread can see to it."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
