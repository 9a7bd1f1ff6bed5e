"""What a machine may be like, and what a program may do: brought about in a watched program.

Stands alone, as `sitecustomize` does, which imports it where it is wanted.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from otel_telemetry.testing.conformance.audit_hook.sitecustomize import Journal

_TELEMETRY = "otel_telemetry.telemetry"


def break_things(faults: Iterable[str], journal: Journal) -> None:
    """Bring about what a machine may be like."""
    for fault in faults:
        _FAULTS[fault](journal)


def _full_disk(_journal: Journal) -> None:
    """Let no file grow. Python ignores the signal that comes with it: writing raises OSError."""
    import resource  # noqa: PLC0415 - not on Windows

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))


def _no_home(_journal: Journal) -> None:
    """Know no user, as a container that runs under a number that nobody gave a name."""
    import pwd  # noqa: PLC0415 - not on Windows

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    pwd.getpwuid = unknown


def _fork(journal: Journal) -> None:
    """Fork in the midst of the program, when it has sent its first event."""
    sys.meta_path.insert(0, _Amending(journal))


class _Amending:
    """Has the first `Telemetry.send` fork when it is done; a finder of modules."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find the module that has it by whoever else knows it, and amend it once it has run."""
        if name != _TELEMETRY:
            return None
        sys.meta_path.remove(self)
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        spec = next(spec for spec in found if spec is not None)
        loader = spec.loader
        run = loader.exec_module  # type: ignore[union-attr]  # a module with source has one

        def amend(module: ModuleType) -> None:
            run(module)
            self._amend(module.Telemetry)

        loader.exec_module = amend  # type: ignore[union-attr, method-assign]  # as above
        return spec

    def _amend(self, telemetry: type) -> None:
        send, journal = telemetry.send, self._journal  # type: ignore[attr-defined]  # it has

        def send_and_fork(instance: object, *args: object, **kwargs: object) -> object:
            receipt = send(instance, *args, **kwargs)
            telemetry.send = send  # type: ignore[attr-defined]  # as above
            _fork_with(instance, journal)
            return receipt

        telemetry.send = send_and_fork  # type: ignore[attr-defined]  # as above


_PATIENCE = 10.0  # seconds


def _fork_with(telemetry: object, journal: Journal, patience: float = _PATIENCE) -> None:
    """Use *telemetry* in a forked child, and wait until it has ended."""
    import signal  # noqa: PLC0415 - only this fault needs it
    import time  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there are threads is the point
        child = os.fork() or os._exit(live_in_child(telemetry, journal))
    deadline = time.monotonic() + patience
    while (status := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            journal.note("fault", "a forked child did not come to its end")
            return
        time.sleep(0.01)
    if status[1]:
        journal.note("fault", f"a forked child ended with status {status[1]}")
    journal.note("forked")


def live_in_child(telemetry: Any, journal: Journal) -> int:
    """Send and end, as a program in a forked process would; return the status to exit with."""
    for use in (lambda: telemetry.send("didFork"), telemetry.destroy):
        try:
            use()
        except BaseException as error:
            # What is not declared does not leave, and with `strict` it says so.
            if type(error).__name__ != "InvalidEventError":
                journal.note("fault", f"a forked child raised {type(error).__name__}")
    return 0


_FAULTS: Mapping[str, Callable[[Journal], None]] = {
    "full_disk": _full_disk,
    "no_home": _no_home,
    "fork": _fork,
}
