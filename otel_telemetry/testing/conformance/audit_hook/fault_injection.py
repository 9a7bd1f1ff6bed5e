"""Injects faults into a program: a full disk, a missing home directory, a fork.

`sitecustomize` imports it if a scenario needs it. Like `sitecustomize`, it imports nothing of the
package.
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

    from otel_telemetry.testing.conformance.audit_hook.sitecustomize import AuditLog

_TELEMETRY = "otel_telemetry.telemetry"


def inject(faults: Iterable[str], audit_log: AuditLog) -> None:
    """Inject each fault."""
    for fault in faults:
        _FAULTS[fault](audit_log)


def _full_disk(_audit_log: AuditLog) -> None:
    """Make each write raise OSError, by a limit on the size of files."""
    import resource  # noqa: PLC0415 - not on Windows

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))


def _no_home(_audit_log: AuditLog) -> None:
    """Make the user unknown, as in a container that runs under a user id without a name."""
    import pwd  # noqa: PLC0415 - not on Windows

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    pwd.getpwuid = unknown


def _fork(audit_log: AuditLog) -> None:
    """Fork the program after its first event."""
    sys.meta_path.insert(0, _ForkOnFirstSend(audit_log))


class _ForkOnFirstSend:
    """An import hook, which makes the first `Telemetry.send` fork at its end."""

    def __init__(self, audit_log: AuditLog) -> None:
        self._audit_log = audit_log

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find the module of `Telemetry` with the other finders, and patch it after its import."""
        if name != _TELEMETRY:
            return None
        sys.meta_path.remove(self)
        specs = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        spec = next(spec for spec in specs if spec is not None)
        loader = spec.loader
        run = loader.exec_module  # type: ignore[union-attr]  # a module with source has one

        def load_and_patch(module: ModuleType) -> None:
            run(module)
            self._patch(module.Telemetry)

        loader.exec_module = load_and_patch  # type: ignore[union-attr, method-assign]  # as above
        return spec

    def _patch(self, telemetry: type) -> None:
        send, audit_log = telemetry.send, self._audit_log  # type: ignore[attr-defined]  # it has

        def send_and_fork(instance: object, *args: object, **kwargs: object) -> object:
            receipt = send(instance, *args, **kwargs)
            telemetry.send = send  # type: ignore[attr-defined]  # as above
            fork_and_wait(instance, audit_log)
            return receipt

        telemetry.send = send_and_fork  # type: ignore[attr-defined]  # as above


_CHILD_TIMEOUT = 10.0  # seconds


def fork_and_wait(telemetry: object, audit_log: AuditLog, timeout: float = _CHILD_TIMEOUT) -> None:
    """Use *telemetry* in a forked child, and wait for its end; kill it at the timeout."""
    import signal  # noqa: PLC0415 - only this fault needs it
    import time  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which this fault is about
        child = os.fork() or os._exit(run_child(telemetry, audit_log))
    deadline = time.monotonic() + timeout
    while (status := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            audit_log.add_message("fault", "a forked child did not end in time")
            return
        time.sleep(0.01)
    if status[1]:
        audit_log.add_message("fault", f"a forked child ended with status {status[1]}")
    audit_log.add_message("forked")


def run_child(telemetry: Any, audit_log: AuditLog) -> int:
    """Send an event and destroy the instance; return the exit status of the child."""
    for use in (lambda: telemetry.send("didFork"), telemetry.destroy):
        try:
            use()
        except BaseException as error:
            # With `strict`, an undeclared event raises, which is no fault.
            if type(error).__name__ != "InvalidEventError":
                audit_log.add_message("fault", f"a forked child raised {type(error).__name__}")
    return 0


_FAULTS: Mapping[str, Callable[[AuditLog], None]] = {
    "full_disk": _full_disk,
    "no_home": _no_home,
    "fork": _fork,
}
