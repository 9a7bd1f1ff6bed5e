"""What the benchmarks need to know of a system."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.workload import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workload import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A system that is set up and ready to send."""

    send: Callable[[Event], None]
    # Ask for delivery; it need not wait, the sink is asked what arrived.
    flush: Callable[[], object]
    close: Callable[[], object]


def _nothing_missing() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system, described without importing any of it."""

    name: str
    title: str
    distribution: str
    # The module whose presence means that the system is installed.
    module: str
    # How a program gets hold of the system's client.
    import_line: str
    # Endpoint and state directory → a system that is ready.
    connect: Callable[[str, str], Connection]
    # What is in every event once, in the bytes on the wire.
    mark: bytes = MARK.encode()
    # What the system's own backend would say; most are content with nothing.
    reply: bytes = b""
    remark: str = ""
    missing: Callable[[], str | None] = _nothing_missing

    @property
    def version(self) -> str:
        """The installed version."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return "(from its source)"

    def absence(self) -> str | None:
        """Say why the system cannot be measured here, if it cannot."""
        try:
            found = importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:  # not even the parent package
            found = False
        return self.missing() if found else "not installed"
