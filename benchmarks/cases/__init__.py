"""The registry of cases: every module here is one, by its `CASE`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.values import Case


@functools.cache
def registry() -> dict[str, Case]:
    """Find every case."""
    modules = (
        importlib.import_module(info.name)
        for info in pkgutil.iter_modules(__path__, f"{__name__}.")
    )
    return {case.name: case for case in (module.CASE for module in modules)}
