"""Starts the uploader, the process that delivers spooled events.

One uploader runs at a time, and starts are rare.

Imports little of the standard library: a command-line tool pays for it at its end.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time

from otel_telemetry._internal import filelock
from otel_telemetry.config import environment
from otel_telemetry.spool import layout

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CLOCK_ERROR = 60.0  # seconds

# Runs in isolated mode (`-I`), without the variables, the user's directory and the current
# directory: a file there with a name of ours must not run. The package is loaded from where this
# process has it; its other search paths come after those of the interpreter.
_PROGRAM = """\
import os, sys
os.chdir("/")
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
directory, root, *others = sys.argv[1:]
sys.path += [path for path in (root, *others) if path not in sys.path]
spec = PathFinder.find_spec("otel_telemetry", [root])
sys.modules[spec.name] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from otel_telemetry.detached.uploader import main
main(directory)
"""


def command(directory: str, main_file: str | None = None) -> list[str]:
    """Return the command that delivers the events in *directory*.

    Args:
        directory: The spool directory of one destination.
        main_file: The program that runs now, if it is a file.
    """
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    # Not places for libraries; they may hold files of any origin.
    avoided = {"" if main_file is None else os.path.realpath(os.path.dirname(main_file))}
    with contextlib.suppress(OSError):  # it may be deleted
        avoided.add(os.getcwd())
    others = [
        path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) not in avoided
    ]
    # `-I` ignores the variables for bytecode; `-B` keeps the uploader from writing it elsewhere.
    is_plain = not sys.dont_write_bytecode and sys.pycache_prefix is None
    options = ["-I"] if is_plain else ["-I", "-B"]
    return [sys.executable, *options, "-c", _PROGRAM, directory, root, *others]


if sys.platform == "win32":
    _CAN_SPAWN = True

    def spawn(command: list[str], environ: Mapping[str, str]) -> int | None:
        """Start *command* in a session of its own, without input and output."""
        import subprocess  # noqa: PLC0415 - 10 ms

        flags = (
            subprocess.DETACHED_PROCESS
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.CREATE_NO_WINDOW
        )
        null = subprocess.DEVNULL
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, env=dict(environ), stdin=null, stdout=null, stderr=null, creationflags=flags
        )
        process.returncode = 0  # no one waits for it
        return None

else:
    _CAN_SPAWN = hasattr(os, "posix_spawn")  # absent in browsers and on phones

    def spawn(command: list[str], environ: Mapping[str, str]) -> int:
        """Start *command* in a session of its own, without input and output; return its id."""
        nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        begin = functools.partial(
            os.posix_spawn, command[0], command, environ, file_actions=nothing, setsigmask=()
        )
        try:
            return begin(setsid=True)
        except NotImplementedError:  # then the new process does it as it begins
            return begin()


def is_python(
    executable: str | None, environ: Mapping[str, str], *, is_frozen: bool = False
) -> bool:
    """Return whether *executable* runs a program given with ``-c``.

    False where Python is embedded in another program or frozen: that program would run a second
    time. False with PYTHONHOME too: ``-I`` ignores it, and Python would not start without it.
    """
    name = os.path.basename(executable or "").lower()
    return (
        not is_frozen
        and name.startswith(("python", "pypy"))
        and "PYTHONHOME" not in environ
        and _CAN_SPAWN
    )


def start(directory: str) -> int | None:
    """Start a process that delivers the events in *directory*; return its id if it is a child.

    Raises:
        OSError: It cannot be started.
    """
    main_file = getattr(sys.modules.get("__main__"), "__file__", None)
    return spawn(command(directory, main_file), environment.uploader_environment())


class Launcher:
    """Starts the uploader when it is due. Thread-safe; nothing here raises.

    Args:
        directory: The spool directory of one destination.
        interval: Seconds between two starts, over all processes.
        start: Starts a process; returns its id, or None if it is no child.
        now: Wall clock, in seconds since the epoch: files outlive processes.
    """

    def __init__(
        self,
        directory: str,
        *,
        interval: float,
        start: Callable[[str], int | None] = start,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._lock = os.path.join(directory, layout.UPLOADER_LOCK)
        self._interval = interval
        self._start = start
        self._now = now
        self._started: list[tuple[int, int]] = []

    def start_if_due(self) -> bool:
        """Start the uploader if it is due, events are spooled, and none runs; True if started."""
        self._collect_exited()
        try:
            if not self._is_due() or not any(layout.segments_by_owner(self._directory).values()):
                return False
            is_first = not os.path.lexists(self._lock)
            lock = filelock.acquire(self._lock, create=is_first)
            if lock is None:
                return False
            try:
                # Checked again: another process may have started one meanwhile.
                if not is_first and not self._is_due():
                    return False
                # Marked before the start: of many processes that end together, one starts it.
                now = self._now()
                os.utime(self._lock, (now, now))
                process = self._start(self._directory)
                if process is not None:
                    self._started.append((process, os.getpid()))
            finally:
                filelock.release(lock)
        except Exception:  # no process, no memory, no permission; or another made the lock first
            return False
        return True

    def _is_due(self) -> bool:
        try:
            age = self._now() - os.stat(self._lock).st_mtime
        except FileNotFoundError:
            return True
        # A time in the future comes from a clock that was set back: it must not hold for years.
        return not -_CLOCK_ERROR < age < self._interval

    def _collect_exited(self) -> None:
        """Collect the exit status of ended uploaders, which stay zombies otherwise."""
        left = []
        for process, parent in self._started:
            with contextlib.suppress(OSError):
                if parent == os.getpid() and os.waitpid(process, os.WNOHANG) == (0, 0):
                    left.append((process, parent))
        self._started = left
