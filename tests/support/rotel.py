"""A real rotel collector between a test and its sink."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sysconfig
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

from typing_extensions import Self

from tests.support.processes import (
    LOOPBACK,
    Child,
    free_port,
    missing,
    plain_environment,
    running,
)

# Read at import: a running test sees no ROTEL_* variables.
_AGENT_OF_THIS_MACHINE: Final = os.environ.get("ROTEL_AGENT")
_HELP: Final = (
    "rotel (its PyPI package has a binary for each Python, which needs that Python's libpython as "
    "a shared library; ROTEL_AGENT may name a binary that runs here)"
)


class Rotel:
    """A collector that receives OTLP over http and gRPC, and forwards it over http to `sink_url`.

    It batches for 200 ms. Its output lists the received events with their attributes.
    """

    def __init__(self, sink_url: str) -> None:
        """Create a collector; the `with` block starts it, or skips the test without rotel."""
        self._sink_url = sink_url
        self._http_port = free_port()
        self._grpc_port = free_port()
        self._running = ExitStack()
        self._child: Child | None = None

    @property
    def http_endpoint(self) -> str:
        """The base URL for OTLP/HTTP."""
        return f"http://{LOOPBACK}:{self._http_port}"

    @property
    def grpc_endpoint(self) -> str:
        """The URL for OTLP/gRPC, without TLS."""
        return f"http://{LOOPBACK}:{self._grpc_port}"

    @property
    def output(self) -> str:
        """The log so far; empty before the start."""
        return self._child.output if self._child else ""

    def __enter__(self) -> Self:
        """Start the collector, and wait until both ports answer."""
        agent = find_agent()
        if agent is None:
            missing(_HELP)
        with ExitStack() as starting:
            directory = Path(starting.enter_context(tempfile.TemporaryDirectory()))
            self._child = starting.enter_context(
                running(
                    self._command(agent, directory),
                    ports=(self._http_port, self._grpc_port),
                    env=_agent_environment(),
                )
            )
            self._running = starting.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the collector, which first forwards its last batch."""
        self._running.close()

    def _command(self, agent: Path, directory: Path) -> tuple[str | Path, ...]:
        options = {
            "--otlp-http-endpoint": f"{LOOPBACK}:{self._http_port}",
            "--otlp-grpc-endpoint": f"{LOOPBACK}:{self._grpc_port}",
            "--exporter": "otlp",
            "--otlp-exporter-protocol": "http",
            "--otlp-exporter-endpoint": self._sink_url,
            "--debug-log": "logs",
            "--debug-log-verbosity": "detailed",
            # By default, two collectors on one machine share these files in /tmp.
            "--pid-file": str(directory / "rotel.pid"),
            "--log-file": str(directory / "rotel.log"),
        }
        return (agent, "start", *(word for option in options.items() for word in option))


@cache
def find_agent() -> Path | None:
    """Return a rotel binary that runs on this machine, if there is one."""
    package = importlib.util.find_spec("rotel")
    folders = (package and package.submodule_search_locations) or ()
    candidates = [Path(folder) / "rotel-agent" for folder in folders]
    if _AGENT_OF_THIS_MACHINE:
        candidates.append(Path(_AGENT_OF_THIS_MACHINE))
    return next((agent for agent in candidates if _runs(agent)), None)


def _runs(agent: Path) -> bool:
    """Return whether a binary starts; it may lack its libpython."""
    if not agent.exists():
        return False
    probe = subprocess.run(
        (agent, "--version"), env=_agent_environment(), capture_output=True, check=False, timeout=30
    )
    return probe.returncode == 0


def _agent_environment() -> dict[str, str]:
    """Return an environment in which the loader finds the libpython of this interpreter."""
    environment = plain_environment()
    libraries = [environment.get("LD_LIBRARY_PATH"), sysconfig.get_config_var("LIBDIR")]
    return environment | {"LD_LIBRARY_PATH": ":".join(filter(None, libraries))}
