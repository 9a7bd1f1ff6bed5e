"""For pytest: `captured_events`, there in every test run where this package is installed.

It costs nothing until a test asks for it.
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
    """Have the events of Telemetry instances end in the test; see `testing.capture_events`.

    Call it with the instance, or with several, and get the events so far. The instances are what
    they were before when the test is over, however it ends::

        def test_an_entry_is_counted(captured_events):
            events = captured_events(telemetry)
            create_entry(model="article")
            assert events.names == ("didCreateEntry",)
    """
    from otel_telemetry.testing import capture_events  # noqa: PLC0415 - only if asked for

    with ExitStack() as stack:

        def capture(telemetry: Telemetry, *more: Telemetry) -> Captured:
            return stack.enter_context(capture_events(telemetry, *more))

        yield capture
