"""Our own requests, kept out of the host's traces. Imports no OpenTelemetry where there is none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from types import ModuleType


def suppress_instrumentation(modules: Mapping[str, ModuleType] = sys.modules) -> None:
    """Have every instrumentation leave alone what this thread does, for good.

    Args:
        modules: Where OpenTelemetry is, if the host has it.
    """
    context = modules.get("opentelemetry.context")
    if context is not None:
        with contextlib.suppress(AttributeError):  # another thread is importing it
            context.attach(context.set_value("suppress_instrumentation", True))
