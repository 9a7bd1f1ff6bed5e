"""An audit hook, which records the side effects of this package in a program from its start.

The interpreter imports a module of this name at its start, if the directory of the module is on
PYTHONPATH. The module imports as little as possible, and nothing of the package, because an import
would change the program. It appends a line for each side effect to a file, the audit log.
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

AUDIT_LOG = "_OTEL_TELEMETRY_AUDIT_LOG"  # the path of the file
FAULTS = "_OTEL_TELEMETRY_FAULTS"  # their names, separated by spaces

_PACKAGE = "otel_telemetry"
# Libraries that this package uses. Their side effects are those of their caller.
_INTERMEDIARIES = frozenset({"google", "grpc", "opentelemetry", "platformdirs", "urllib3"})
_IMPORTLIB = frozenset({"importlib", "_frozen_importlib", "_frozen_importlib_external"})

_FILE_CHANGES = (
    "chmod",
    "chown",
    "link",
    "mkdir",
    "remove",
    "rename",
    "rmdir",
    "setxattr",
    "symlink",
)
_PROCESS_STARTS = ("exec", "fork", "forkpty", "posix_spawn", "spawn", "startfile", "system")
_KINDS = {
    **{f"os.{name}": "file" for name in (*_FILE_CHANGES, "truncate", "utime")},
    **{f"os.{name}": "process" for name in _PROCESS_STARTS},
    **dict.fromkeys(("pty.spawn", "subprocess.Popen"), "process"),
    **dict.fromkeys(("_thread.start_new_thread", "_thread.start_joinable_thread"), "thread"),
    "sqlite3.connect": "file",
}
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MAX_STACK = 20  # frames
_MAX_LINE = 4000  # bytes: one write, so that the lines of several processes do not mix
_MAX_LINES = 200


def side_effect_of(event: str, arguments: tuple[object, ...]) -> tuple[str, str] | None:
    """Return the kind and the description of an audit event; None if it is no side effect."""
    if event == "open":
        return _file_opened(*arguments[:3])
    if event == "import":
        # Every program may import the standard library.
        top = str(arguments[0]).partition(".")[0]
        is_foreign = top != _PACKAGE and top not in sys.stdlib_module_names
        return ("import", f"import {top}") if is_foreign else None
    if event.startswith("socket."):
        return "socket", f"{event} {_format_arguments(arguments[1:])}"
    kind = _KINDS.get(event)
    if kind is None or _is_bytecode(arguments):
        return None
    # The arguments of a thread are objects of the program, so they are not formatted.
    return kind, event if kind == "thread" else f"{event} {_format_arguments(arguments)}"


def _file_opened(path: object, mode: object = None, flags: object = 0) -> tuple[str, str] | None:
    if isinstance(path, int):  # a descriptor, whose file was opened by an earlier event
        return None
    is_writing = isinstance(flags, int) and flags & _WRITE_FLAGS
    is_writing = is_writing or (isinstance(mode, str) and not set("wax+").isdisjoint(mode))
    if not is_writing or _is_bytecode((path,)):
        return None
    return "file", f"open for writing {path!r}"


def _is_bytecode(arguments: tuple[object, ...]) -> bool:
    """Return whether Python writes a compiled module."""
    return any("__pycache__" in argument for argument in arguments if isinstance(argument, str))


def _format_arguments(arguments: tuple[object, ...]) -> str:
    plain = (str, bytes, int, list, tuple)
    return " ".join(repr(argument) for argument in arguments if isinstance(argument, plain))


def responsible_stack(frame: FrameType | None, *, importing: bool = False) -> list[str]:
    """Return the stack, innermost frame first, if this package is responsible; else an empty list.

    The package is responsible if, from the innermost frame outwards, it comes before the program.
    The program is responsible for its own code that the package calls, such as a property.

    Args:
        frame: The frame of the side effect.
        importing: Whether it is an import, for which the standard library is itself responsible.
    """
    stack: list[str] = []
    is_ours = False
    for module, line in _frames(frame):
        top, *_ = parts = module.split(".")
        if top in _IMPORTLIB:
            continue
        stack.append(line)
        is_ours = is_ours or _PACKAGE in parts
        is_theirs = top not in _INTERMEDIARIES and (importing or top not in sys.stdlib_module_names)
        if is_theirs and not is_ours:
            return []
    return stack[:_MAX_STACK] if is_ours else []


def _frames(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    while frame is not None:
        if frame.f_globals is globals():  # of this module
            frame = frame.f_back
            continue
        code, module = frame.f_code, str(frame.f_globals.get("__name__", ""))
        if module == "__main__":  # with `python -m`, the spec has the name
            module = getattr(frame.f_globals.get("__spec__"), "name", None) or "?"
        yield module, f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back


class AuditLog:
    """The file of side effects and messages, each written once. Thread-safe; never raises."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: set[tuple[int, str, str]] = set()
        self._busy: set[int] = set()

    def record_event(self, event: str, arguments: tuple[object, ...]) -> None:
        """Record an audit event, if it is a side effect of this package; the audit hook itself."""
        me = _thread.get_ident()
        if me in self._busy:  # an event of the audit log itself
            return
        self._busy.add(me)
        try:
            effect = side_effect_of(event, arguments)
            if effect is None:
                return
            frame = sys._getframe(1)  # noqa: SLF001 - the only way to the frame
            stack = responsible_stack(frame, importing=effect[0] == "import")
            if stack:
                self._add(*effect, stack)
        except Exception:  # noqa: S110 - an exception here would be raised by the program's call
            pass
        finally:
            self._busy.discard(me)

    def add_message(self, kind: str, description: str = "") -> None:
        """Add a message of the audit hook."""
        me = _thread.get_ident()
        self._busy.add(me)
        try:
            self._add(kind, description, [])
        except OSError:  # the check has ended, and deleted the file
            return
        finally:
            self._busy.discard(me)

    def _add(self, kind: str, description: str, stack: list[str]) -> None:
        process = os.getpid()
        if (process, kind, description) in self._seen or len(self._seen) >= _MAX_LINES:
            return
        self._seen.add((process, kind, description))
        description = description[:300]
        line = ascii((process, kind, description, stack))
        while len(line) > _MAX_LINE:
            stack = stack[:-1]
            line = ascii((process, kind, description if stack else kind, stack))
        # Opened each time, because a program may close all descriptors.
        with _disk_space():
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, f"{line}\n".encode("ascii"))
            finally:
                os.close(descriptor)


class _disk_space:  # noqa: N801 - used like a function; `contextlib` would be an import
    """Lift the limit of the full-disk fault while the audit log writes."""

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


def audit_thread_starts() -> None:
    """Make the start of a thread an audit event, which it is since Python 3.12."""
    start = _thread.start_new_thread

    def audited_start(*arguments: Any) -> int:
        sys.audit("_thread.start_new_thread", *arguments)
        return start(*arguments)

    _thread.start_new_thread = audited_start
    # `threading`, if it is imported already, has its own reference.
    vars(sys.modules.get("threading", _thread))["_start_new_thread"] = audited_start


def install() -> None:
    """Install the audit hook, and import the program's own `sitecustomize`."""
    audit_log = AuditLog(os.environ[AUDIT_LOG])
    audit_thread_starts()
    sys.addaudithook(audit_log.record_event)
    audit_log.add_message("installed")
    here = os.path.dirname(os.path.abspath(__file__))
    faults = os.environ.get(FAULTS, "").split()
    if faults:
        import fault_injection  # type: ignore[import-not-found]  # noqa: PLC0415 - beside this

        del sys.modules["fault_injection"]  # the program may have such a module
        fault_injection.inject(faults, audit_log)
    sys.path[:] = [path for path in sys.path if path != here]
    del sys.modules[__name__]
    # Without one, this raises ImportError, which the interpreter expects.
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - the next one


if __name__ == "sitecustomize" and AUDIT_LOG in os.environ:
    install()
