"""The registry of systems: the `SYSTEMS` of every module here."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.systems.base import System

PEERS = ("posthog", "segment", "mixpanel", "snowplow", "amplitude")
ALL = ("ours", "ours-spool", "stock", *PEERS)


@functools.cache
def registry() -> dict[str, System]:
    """Find every system, importing none of their packages."""
    found: dict[str, System] = {}
    for module_info in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(module_info.name)
        for system in getattr(module, "SYSTEMS", ()):
            found[system.name] = system
    return found


def find(name: str) -> System:
    """Look a system up by its name."""
    return registry()[name]
