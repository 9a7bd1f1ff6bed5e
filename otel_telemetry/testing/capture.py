"""Events that stay in the test."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from otel_telemetry.testing.captured import Captured, CapturedEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_telemetry.payload import Event
    from otel_telemetry.telemetry import Telemetry
    from otel_telemetry.typing import AttributeValue


@contextmanager
def capture_events(telemetry: Telemetry, *more: Telemetry) -> Iterator[Captured]:
    """Have an instance's events end in the test, in order, whether telemetry is on or off.

    They go the whole normal way, through the checks, the hooks and the limits, and nothing leaves::

        with capture_events(telemetry) as events:
            create_entry(model="article")
        events.assert_sent("didCreateEntry", event_properties={"model": "article"})

    In the block the instance is as good as new, and on: its `stats` begin at zero, and the code
    under test may even destroy it. After the block, however it ends, it is what it was before:
    `decision`, `stats`, and events that were pending. No thread, no file, no connection. Use it
    around threads and in coroutines alike: it is the instance that is diverted, not the thread.
    Blocks may be nested, and may overlap: the latest one gets the events.

    Args:
        telemetry: The instance; it keeps its settings, hooks included.
        *more: Others, whose events join in.

    Yields:
        The events so far; readable after the block, too.
    """
    from otel_telemetry.diversion import Diversion  # noqa: PLC0415 - imports OpenTelemetry

    captured = Captured()

    def take(event: Event, resource: Mapping[str, AttributeValue]) -> None:
        captured.add(
            CapturedEvent(
                name=event.name,
                timestamp=event.timestamp,
                event_properties=event.event_properties,
                user_properties=event.user_properties,
                group_properties=event.group_properties,
                resource=resource,
            )
        )

    with ExitStack() as stack:
        for instance in dict.fromkeys((telemetry, *more)):
            diversion = Diversion(instance, take)
            stack.callback(diversion.end)
            captured.count_by(diversion.stats)
        yield captured
