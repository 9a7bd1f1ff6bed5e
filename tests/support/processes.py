"""Starts real programs beside a test, waits for them, and always stops them."""

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

# Below the range of ports for outgoing connections on Linux, macOS and Windows, so that no
# connection takes the port before the program does. A random start gives two test runs on one
# machine different ports.
_PORTS: Final = range(20_000, 32_000)
_START: Final = secrets.randbelow(len(_PORTS))
_candidates: Iterator[int] = itertools.cycle((*_PORTS[_START:], *_PORTS[:_START]))


class ChildError(RuntimeError):
    """A child process ended or reached a timeout; the message has its output."""


def missing(part: str, *, in_ci: bool = IN_CI) -> NoReturn:
    """Skip the test because a program is missing; in CI fail it."""
    if in_ci:
        pytest.fail(f"missing: {part}; in CI no test is skipped", pytrace=False)
    pytest.skip(f"missing: {part}")


def free_port() -> int:
    """Return a free loopback port."""
    for port in itertools.islice(_candidates, len(_PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise OSError("no free port")


@contextmanager
def refusing_port() -> Iterator[int]:
    """Yield a loopback port that refuses every connection."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        port: int = bound.getsockname()[1]
        yield port


def port_answers(port: int) -> bool:
    """Return whether a program accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def plain_environment(**extra: str) -> dict[str, str]:
    """Return a minimal environment, without settings, proxies and secrets of this machine."""
    names = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in names if name in os.environ} | extra


class Child:
    """A running program in its own process group, with both outputs in one log."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        """Wrap a process that writes its outputs to `log`; see `running`."""
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
        """The output so far; after the end, all of it."""
        if self._last_words is not None:
            return self._last_words
        # The child shares the offset of the file, so this read must not move it.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def wait(self, *, within: float) -> int:
        """Wait for the end of the program, and return its exit status.

        Raises:
            ChildError: The program still runs after `within` seconds.
        """
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise self._error(f"still runs after {within:g} s") from None

    def wait_for_output(self, text: str, *, within: float) -> None:
        """Wait until the program has written `text`.

        Raises:
            ChildError: The program ended, or `within` seconds passed.
        """
        self._wait_while_alive(lambda: text in self.output, within=within, what=repr(text))

    def wait_for_port(self, port: int, *, within: float) -> None:
        """Wait until the program accepts connections on a loopback port.

        Raises:
            ChildError: The program ended, or `within` seconds passed.
        """
        self._wait_while_alive(lambda: port_answers(port), within=within, what=f"port {port}")

    def kill(self) -> None:
        """Kill the program and its children at once, as in a crash, and wait for the end."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, *, within: float) -> None:
        """Terminate the program; after `within` seconds, kill the rest of its process group."""
        if self.returncode is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(within)
        self.kill()

    def _close(self) -> None:
        """Keep the output for assertions after the end, and close the log."""
        self._last_words = self.output
        self._log.close()

    def _wait_while_alive(self, condition: Callable[[], bool], *, within: float, what: str) -> None:
        def settled() -> bool:
            # Checked before the condition: the last output and the end may come together.
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
    """Run a program until the block ends; the block starts once all its `ports` answer.

    With `env` None the program has the environment of the test. SIGINT has its default meaning in
    the program, also if a shell runs the tests in the background, where they ignore it.

    Raises:
        ChildError: The program ended, or a port did not answer within `ready_within` seconds.
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
    """Give SIGINT its default meaning in processes that start in the block."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
