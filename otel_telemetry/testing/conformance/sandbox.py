"""What a program finds around it: an environment and a home of its own, and maybe a bad machine."""

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
from otel_telemetry.config.environment import app_prefix
from otel_telemetry.consent.decision import is_ci

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

_LOOPBACK = "127.0.0.1"
# Where the system keeps house, not even an administrator makes a file.
_KERNELS = ("/sys", "/proc", "/System")


class NotHereError(Exception):
    """This machine cannot bring a scenario about."""


class Sandbox:
    """One scenario's surroundings; a context manager, which takes all of it away again.

    Args:
        app: The application's name, as it gives it to `Telemetry`.
        environ: The environment to begin with. What it says of telemetry and of continuous
            integration is left out.

    Attributes:
        environ: The environment.
        faults: What the watcher is to break in the program.
    """

    def __init__(self, app: str, environ: Mapping[str, str]) -> None:
        self._app = app
        self._stack = ExitStack()
        self.environ = {name: environ[name] for name in environ if not _speaks(name, environ)}
        # Where the user's own packages are must not change with the home.
        self.environ.setdefault("PYTHONUSERBASE", site.getuserbase())
        self.faults: list[str] = []
        # Whatever proxy there is, it is not asked for what stays on this machine.
        for name in ("NO_PROXY", "no_proxy"):
            self.environ[name] = ",".join(filter(None, [environ.get(name), _LOOPBACK]))

    def __enter__(self) -> Self:
        home = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="home-", ignore_cleanup_errors=True)
        )
        self.live_in(home)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def live_in(self, home: str) -> None:
        """Have the user's directories below *home*."""
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

    def switch(self, word: str) -> None:
        """Set the application's own switch."""
        self.environ[f"{app_prefix(self._app)}_TELEMETRY"] = word

    def send_to(self, url: str) -> None:
        """Have its events go to *url*."""
        self.environ[f"{app_prefix(self._app)}_TELEMETRY_ENDPOINT"] = url

    def choose(self, data: bytes | None) -> None:
        """Put *data* where the user's choice is kept; None for a choice that says off."""
        path = consent_file(self._app, self.environ) or ""
        if not path.startswith(self.environ["HOME"]):
            raise NotHereError("where a choice is kept is not up to the environment")
        off = {"mode": "off", "consent_version": 1, "at": 1_700_000_000, "by": "user"}
        os.makedirs(os.path.dirname(path), mode=0o700)
        with open(path, "wb") as file:
            file.write(json.dumps(off).encode() if data is None else data)

    def write_protect(self, candidates: Sequence[str] = _KERNELS) -> None:
        """Have a home in which nothing can be made.

        Args:
            candidates: Directories that will do, if permissions do not bind this user.
        """
        home = self.environ["HOME"]
        os.chmod(home, 0o500)
        self._stack.callback(os.chmod, home, 0o700)
        for directory in (home, *candidates):
            if os.path.isdir(directory) and _is_read_only(directory):
                self.live_in(directory)
                return
        raise NotHereError("this user can write everywhere")

    def take_home_away(self) -> None:
        """Have no home, and no user of whom the system knows one."""
        if sys.platform == "win32":
            raise NotHereError("Windows always knows a home")
        for name in [n for n in self.environ if n.startswith("XDG_") or n == "HOME"]:
            del self.environ[name]
        self.faults.append("no_home")

    def fill_disk(self) -> None:
        """Have a disk on which no file can grow."""
        if sys.platform == "win32":
            raise NotHereError("no limit for files")
        # Whoever measures coverage writes files of their own, and says so when that fails.
        for name in [name for name in self.environ if name.startswith("COVERAGE")]:
            del self.environ[name]
        self.faults.append("full_disk")

    def fork(self) -> None:
        """Have the program forked once it has sent an event."""
        if sys.platform == "win32":
            raise NotHereError("there is no fork")
        self.faults.append("fork")

    def refuse(self, scheme: str = "http") -> None:
        """Have a backend that refuses every connection."""
        held = self._stack.enter_context(socket.socket())
        held.bind((_LOOPBACK, 0))
        self.send_to(f"{scheme}://{_LOOPBACK}:{held.getsockname()[1]}")

    def swallow(self) -> None:
        """Have a backend that takes connections, and never says a word."""
        self._send_to(self._stack.enter_context(socket.create_server((_LOOPBACK, 0))))

    def answer(self, reply: bytes, scheme: str = "http") -> None:
        """Have a backend that gives the same answer to everything."""
        backend = _Backend(reply)
        self._stack.callback(backend.stop)
        self._send_to(backend.listener, scheme)

    def _send_to(self, listener: socket.socket, scheme: str = "http") -> None:
        self.send_to(f"{scheme}://{_LOOPBACK}:{listener.getsockname()[1]}")


class _Backend:
    """Answers each connection once, whatever it says, and hangs up."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self.listener = socket.create_server((_LOOPBACK, 0))
        self._thread = threading.Thread(target=self._serve, name="conformance-backend", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Serve nobody any more."""
        self._is_over = True
        with suppress(OSError), socket.create_connection(self.listener.getsockname(), timeout=1):
            self._thread.join(5)
        self.listener.close()

    _is_over = False

    def _serve(self) -> None:
        while True:
            client, _ = self.listener.accept()
            with client, suppress(OSError):
                if self._is_over:
                    return
                client.settimeout(1)
                client.recv(65536)
                client.sendall(self._reply)


def _speaks(name: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a variable says something of telemetry, or that this is a CI run."""
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
