"""Watches a program, from its start, for what this package does in it.

The interpreter imports a module of this name before anything else, if its directory is on
PYTHONPATH. It stands alone, and imports as little as it can: nothing of the package, for that would
change what is watched. What it sees, it adds to a file, a line for each act.
"""

from __future__ import annotations

import _thread
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

JOURNAL = "_OTEL_TELEMETRY_WATCH"  # the file's path
FAULTS = "_OTEL_TELEMETRY_FAULTS"  # what to break, separated by blanks

_PACKAGE = "otel_telemetry"
# Libraries that this package works through. What they do is done by whoever calls them.
_CARRIERS = frozenset({"google", "grpc", "opentelemetry", "platformdirs", "urllib3"})
_IMPORTLIB = frozenset({"importlib", "_frozen_importlib", "_frozen_importlib_external"})

_CHANGING = ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "setxattr", "symlink")
_STARTING = ("exec", "fork", "forkpty", "posix_spawn", "spawn", "startfile", "system")
_KINDS = {
    **{f"os.{name}": "file" for name in (*_CHANGING, "truncate", "utime")},
    **{f"os.{name}": "process" for name in _STARTING},
    **dict.fromkeys(("pty.spawn", "subprocess.Popen"), "process"),
    **dict.fromkeys(("_thread.start_new_thread", "_thread.start_joinable_thread"), "thread"),
    "sqlite3.connect": "file",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LONGEST_STACK = 20  # frames
_LONGEST_LINE = 4000  # bytes: a line is written at once, also where several processes write
_MOST_LINES = 200


def act_of(event: str, arguments: tuple[object, ...]) -> tuple[str, str] | None:
    """Return what an audit event tells of: the kind of act, and the act; None if it is none."""
    if event == "open":
        return _opening(*arguments[:3])
    if event == "import":
        # Python's own modules are part of every program.
        top = str(arguments[0]).partition(".")[0]
        is_foreign = top != _PACKAGE and top not in sys.stdlib_module_names
        return ("import", f"import {top}") if is_foreign else None
    if event.startswith("socket."):
        return "socket", f"{event} {_shown(arguments[1:])}"
    kind = _KINDS.get(event)
    if kind is None or _is_bytecode(arguments):
        return None
    # The arguments of a thread are objects of the program: not even looked at.
    return kind, event if kind == "thread" else f"{event} {_shown(arguments)}"


def _opening(path: object, mode: object = None, flags: object = 0) -> tuple[str, str] | None:
    if isinstance(path, int):  # a descriptor: what opened the file has been noted
        return None
    is_writing = isinstance(flags, int) and flags & _WRITING
    is_writing = is_writing or (isinstance(mode, str) and not set("wax+").isdisjoint(mode))
    if not is_writing or _is_bytecode((path,)):
        return None
    return "file", f"open for writing {path!r}"


def _is_bytecode(arguments: tuple[object, ...]) -> bool:
    """Tell whether this is Python keeping its own compiled modules."""
    return any("__pycache__" in argument for argument in arguments if isinstance(argument, str))


def _shown(arguments: tuple[object, ...]) -> str:
    plain = (str, bytes, int, list, tuple)
    return " ".join(repr(argument) for argument in arguments if isinstance(argument, plain))


def blamed(frame: FrameType | None, *, importing: bool = False) -> list[str]:
    """Return the stack, innermost first, if what happens in *frame* is this package's doing.

    It is, if the package comes before the program on the way out. What a program does within a
    call from the package, such as in a property that the package reads, is the program's doing.

    Args:
        frame: Where it happens.
        importing: Whether it is an import; what Python's own modules try to import is their doing.
    """
    stack: list[str] = []
    is_ours = False
    for module, line in _frames(frame):
        top, *_ = parts = module.split(".")
        if top in _IMPORTLIB:
            continue
        stack.append(line)
        is_ours = is_ours or _PACKAGE in parts
        is_theirs = top not in _CARRIERS and (importing or top not in sys.stdlib_module_names)
        if is_theirs and not is_ours:
            return []
    return stack[:_LONGEST_STACK] if is_ours else []


def _frames(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    while frame is not None:
        if frame.f_globals is globals():  # the watcher's own
            frame = frame.f_back
            continue
        code, module = frame.f_code, str(frame.f_globals.get("__name__", ""))
        if module == "__main__":  # `python -m` keeps the name in the module's spec
            module = getattr(frame.f_globals.get("__spec__"), "name", None) or "?"
        yield module, f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back


class Journal:
    """The file that acts are added to. Each is added once. Thread-safe; never raises."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: set[tuple[int, str, str]] = set()
        self._busy: set[int] = set()

    def watch(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note the act that an audit event tells of, if it is this package's; the audit hook."""
        me = _thread.get_ident()
        if me in self._busy:  # it is our own doing
            return
        self._busy.add(me)
        try:
            act = act_of(event, arguments)
            if act is None:
                return
            frame = sys._getframe(1)  # noqa: SLF001 - there is no other way to it
            stack = blamed(frame, importing=act[0] == "import")
            if stack:
                self._add(*act, stack)
        except Exception:  # noqa: S110 - what an audit hook raises, the program's call raises
            pass
        finally:
            self._busy.discard(me)

    def note(self, kind: str, what: str = "") -> None:
        """Add what is no act; to be called by the watcher alone."""
        me = _thread.get_ident()
        self._busy.add(me)
        try:
            self._add(kind, what, [])
        except OSError:  # whoever started the program waits for it no more
            return
        finally:
            self._busy.discard(me)

    def _add(self, kind: str, what: str, stack: list[str]) -> None:
        process = os.getpid()
        if (process, kind, what) in self._seen or len(self._seen) >= _MOST_LINES:
            return
        self._seen.add((process, kind, what))
        what = what[:300]
        line = ascii((process, kind, what, stack))
        while len(line) > _LONGEST_LINE:
            stack = stack[:-1]
            line = ascii((process, kind, what if stack else kind, stack))
        # Opened each time: a program may close every descriptor that it did not open.
        with _disk_space():
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, f"{line}\n".encode("ascii"))
            finally:
                os.close(descriptor)


class _disk_space:  # noqa: N801 - a function in all but its making: `contextlib` is an import
    """Lift the limit of the full-disk fault, which holds for the watcher, too."""

    def __enter__(self) -> None:
        self._limits = (-1, -1)
        resource = sys.modules.get("resource")
        if resource is not None:
            self._limits = soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            if soft == 0:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    def __exit__(self, *error: object) -> None:
        if self._limits[0] == 0:
            resource = sys.modules["resource"]
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)


def announce_threads() -> None:
    """Have the start of a thread be an audit event, which it is from Python 3.12 on."""
    start = _thread.start_new_thread

    def announced(*arguments: Any) -> int:
        sys.audit("_thread.start_new_thread", *arguments)
        return start(*arguments)

    _thread.start_new_thread = announced
    # If it is imported already, it keeps the function that it has found.
    vars(sys.modules.get("threading", _thread))["_start_new_thread"] = announced


def install() -> None:
    """Watch from now on, and let the program's own `sitecustomize` have its turn."""
    journal = Journal(os.environ[JOURNAL])
    announce_threads()
    sys.addaudithook(journal.watch)
    journal.note("watching")
    here = os.path.dirname(os.path.abspath(__file__))
    faults = os.environ.get(FAULTS, "").split()
    if faults:
        import conformance_faults  # type: ignore[import-not-found]  # noqa: PLC0415 - beside this

        conformance_faults.break_things(faults, journal)
    sys.path[:] = [path for path in sys.path if path != here]
    del sys.modules[__name__]
    # Where there is none, this raises what the interpreter expects of a machine without one.
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - the next one


if __name__ == "sitecustomize" and JOURNAL in os.environ:
    install()
