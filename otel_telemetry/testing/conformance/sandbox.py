"""The surroundings of a run: an environment, a home directory, a backend, and faults."""

from __future__ import annotations

import json
import os
import site
import socket
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from otel_telemetry._internal.paths import consent_file
from otel_telemetry.config.environment import variable_prefix
from otel_telemetry.consent.decision import is_ci

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

_LOOPBACK = "127.0.0.1"
# Directories of the system in which not even an administrator can create a file.
_READ_ONLY = ("/sys", "/proc", "/System")


class UnsupportedError(Exception):
    """This machine does not support a scenario."""


class Sandbox:
    """The surroundings of one run; a context manager, which removes them at its end.

    Args:
        app: The name that the program gives to `Telemetry`.
        environ: The environment to start from, without its variables about telemetry and
            continuous integration.

    Attributes:
        environ: The environment of the program.
        faults: The faults that the audit hook injects into the program.
    """

    def __init__(self, app: str, environ: Mapping[str, str]) -> None:
        self._app = app
        self._stack = ExitStack()
        self.environ = {name: environ[name] for name in environ if not _is_removed(name, environ)}
        # The directory of the user's packages must not change with the home directory.
        self.environ.setdefault("PYTHONUSERBASE", site.getuserbase())
        self.faults: list[str] = []
        # The backends are on this machine, where a proxy cannot reach them.
        for name in ("NO_PROXY", "no_proxy"):
            self.environ[name] = ",".join(filter(None, [environ.get(name), _LOOPBACK]))

    def __enter__(self) -> Self:
        home = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="home-", ignore_cleanup_errors=True)
        )
        self.set_home(home)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def set_home(self, home: str) -> None:
        """Put the user's directories below *home*."""
        self.environ |= {
            "HOME": home,
            "USERPROFILE": home,
            "APPDATA": os.path.join(home, "AppData", "Roaming"),
            "LOCALAPPDATA": os.path.join(home, "AppData", "Local"),
            "XDG_CACHE_HOME": os.path.join(home, ".cache"),
            "XDG_CONFIG_HOME": os.path.join(home, ".config"),
            "XDG_DATA_HOME": os.path.join(home, ".local", "share"),
            "XDG_STATE_HOME": os.path.join(home, ".local", "state"),
        }

    def set_switch(self, value: str) -> None:
        """Set the switch of the application, its environment variable."""
        self.environ[f"{variable_prefix(self._app)}_TELEMETRY"] = value

    def set_endpoint(self, url: str) -> None:
        """Set the endpoint of the program."""
        self.environ[f"{variable_prefix(self._app)}_TELEMETRY_ENDPOINT"] = url

    def write_consent_record(self, data: bytes | None) -> None:
        """Write *data* as the user's consent record; None for a record that turns telemetry off."""
        path = consent_file(self._app, self.environ) or ""
        if not path.startswith(self.environ["HOME"]):
            raise UnsupportedError("the environment does not decide where the consent record is")
        off = {"mode": "off", "consent_version": 1, "at": 1_700_000_000, "by": "user"}
        os.makedirs(os.path.dirname(path), mode=0o700)
        with open(path, "wb") as file:
            file.write(json.dumps(off).encode() if data is None else data)

    def make_home_read_only(self, candidates: Sequence[str] = _READ_ONLY) -> None:
        """Make the home directory read-only.

        Args:
            candidates: Directories to use instead, if this user ignores permissions.
        """
        home = self.environ["HOME"]
        os.chmod(home, 0o500)
        self._stack.callback(os.chmod, home, 0o700)
        for directory in (home, *candidates):
            if os.path.isdir(directory) and _is_read_only(directory):
                self.set_home(directory)
                return
        raise UnsupportedError("this user can write to every directory")

    def remove_home(self) -> None:
        """Remove the home directory from the environment and from the user database."""
        if sys.platform == "win32":
            raise UnsupportedError("Windows always has a home directory")
        for name in [n for n in self.environ if n.startswith("XDG_") or n == "HOME"]:
            del self.environ[name]
        self.faults.append("no_home")

    def fill_disk(self) -> None:
        """Make each write to a file fail, as on a full disk."""
        if sys.platform == "win32":
            raise UnsupportedError("this system cannot limit the size of files")
        # Coverage measurement writes files, and would report that it fails.
        for name in [name for name in self.environ if name.startswith("COVERAGE")]:
            del self.environ[name]
        self.faults.append("full_disk")

    def fork_after_send(self) -> None:
        """Fork the program after its first event."""
        if sys.platform == "win32":
            raise UnsupportedError("this system cannot fork")
        self.faults.append("fork")

    def refuse_connections(self, scheme: str = "http") -> None:
        """Use a backend that refuses every connection."""
        port = self._stack.enter_context(socket.socket())
        port.bind((_LOOPBACK, 0))
        self.set_endpoint(f"{scheme}://{_LOOPBACK}:{port.getsockname()[1]}")

    def accept_without_answer(self) -> None:
        """Use a backend that accepts connections, and never answers."""
        self._use_listener(self._stack.enter_context(socket.create_server((_LOOPBACK, 0))))

    def answer_always(self, reply: bytes, scheme: str = "http") -> None:
        """Use a backend that answers each connection with *reply*."""
        backend = _Backend(reply)
        self._stack.callback(backend.stop)
        self._use_listener(backend.listener, scheme)

    def _use_listener(self, listener: socket.socket, scheme: str = "http") -> None:
        self.set_endpoint(f"{scheme}://{_LOOPBACK}:{listener.getsockname()[1]}")


class _Backend:
    """Answers each connection once, and closes it."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self.listener = socket.create_server((_LOOPBACK, 0))
        self._thread = threading.Thread(target=self._serve, name="conformance-backend", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, and close the port."""
        self._is_stopping = True
        with suppress(OSError), socket.create_connection(self.listener.getsockname(), timeout=1):
            self._thread.join(5)
        self.listener.close()

    _is_stopping = False

    def _serve(self) -> None:
        while True:
            client, _ = self.listener.accept()
            with client, suppress(OSError):
                if self._is_stopping:
                    return
                client.settimeout(1)
                client.recv(65536)
                client.sendall(self._reply)


def _is_removed(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether a variable is about telemetry or continuous integration."""
    return (
        name == "DO_NOT_TRACK"
        or name.upper().startswith("OTEL_")
        or "_TELEMETRY" in name.upper()
        or is_ci({name: environ[name]})
    )


def _is_read_only(directory: str) -> bool:
    probe = os.path.join(directory, f"conformance-{os.getpid()}")
    try:
        os.mkdir(probe)
    except OSError:
        return True
    os.rmdir(probe)
    return False
