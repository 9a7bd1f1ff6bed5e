"""Our own requests, and the host's traces."""

from __future__ import annotations

import threading
from types import ModuleType

import pytest
from opentelemetry.context import get_value

from otel_telemetry.export.worker import suppress_instrumentation


def test_a_thread_of_ours_is_left_alone() -> None:
    """That thread, and no other."""
    seen: list[object] = []

    def run() -> None:
        suppress_instrumentation()
        seen.append(get_value("suppress_instrumentation"))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert seen == [True]
    assert get_value("suppress_instrumentation") is None


@pytest.mark.parametrize("modules", [{}, {"opentelemetry.context": ModuleType("half")}])
def test_a_host_without_opentelemetry_imports_none_for_it(modules: dict[str, ModuleType]) -> None:
    """Nor does one hurt that is importing it."""
    suppress_instrumentation(modules)

    assert get_value("suppress_instrumentation") is None
