"""The pytest plugin: the fixture `captured_events`, in every environment that has this package.

Every test run loads it. So it imports only what pytest itself has loaded.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_telemetry.telemetry import Telemetry
    from otel_telemetry.testing import Captured


@pytest.fixture
def captured_events() -> Iterator[Callable[..., Captured]]:
    """Return a function that captures the events of Telemetry instances until the test ends.

    Call the function with one instance or with several. It returns their captured events, as
    `otel_telemetry.testing.capture_events` does. When the test ends, the instances have their own
    decision, stats and pending events again::

        def test_an_entry_is_counted(captured_events):
            events = captured_events(telemetry)
            create_entry(model="article")
            assert events.names == ("didCreateEntry",)
    """
    from otel_telemetry.testing import capture_events  # noqa: PLC0415 - only if a test uses it

    with ExitStack() as stack:

        def capture(telemetry: Telemetry, *more: Telemetry) -> Captured:
            return stack.enter_context(capture_events(telemetry, *more))

        yield capture
