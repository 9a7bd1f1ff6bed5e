"""`capture_events`: the events of an instance end in the test instead of leaving."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.consent.decision import Decision
from otel_telemetry.pipeline.pipeline import capture_pipeline
from otel_telemetry.state import TelemetryState
from otel_telemetry.testing.captured import Captured, CapturedEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.consent.files import ConsentMode
    from otel_telemetry.events import Event
    from otel_telemetry.pipeline.pipeline import AnyPipeline
    from otel_telemetry.pipeline.sdk_sinks import CaptureCallback
    from otel_telemetry.telemetry import Telemetry
    from otel_telemetry.types import AttributeValue

_REASON = "A test captures the events, and none is sent."


@contextmanager
def capture_events(telemetry: Telemetry, *more: Telemetry) -> Iterator[Captured]:
    """Capture the events of an instance in a test, in order, whether telemetry is on or off.

    Each event passes the checks, the hooks, the catalogue and the limits, and nothing is sent::

        with capture_events(telemetry) as events:
            create_entry(model="article")
        events.assert_sent("didCreateEntry", event_properties={"model": "article"})

    Within the block the instance is on and begins anew: its `stats` start at zero, the code under
    test may change the consent, and may destroy the instance. After the block, also after an error,
    the instance has its own `decision`, `stats` and pending events again. Starts no thread, writes
    no file, opens no connection. Captures the events of every thread and task. Blocks may be nested
    and may overlap: the latest that has not ended gets the events.

    Args:
        telemetry: The instance; it keeps its settings, hooks included. It may be off or destroyed.
        *more: Other instances, whose events join the same list.

    Yields:
        The captured events; they can be read after the block, too.
    """
    captured = Captured()

    def callback(event: Event, resource: Mapping[str, AttributeValue]) -> None:
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
            state = CaptureState(instance.config, callback)
            captured.count_by(state.counters.snapshot)
            stack.enter_context(instance._override_state(state))  # noqa: SLF001 - made for this call
        yield captured


class CaptureState(TelemetryState):
    """The state of an instance whose events end in *callback*. It is on from the start.

    Args:
        config: The settings of the instance.
        callback: Called with each event that would be sent, and its whole resource.
    """

    __slots__ = ("_callback",)

    def __init__(self, config: TelemetryConfig, callback: CaptureCallback) -> None:
        super().__init__(config, InMemoryConsentManager(config))
        self._callback = callback
        self.decide()
        self.pipeline = self.make_pipeline(lambda: True)

    def make_pipeline(self, is_granted: Callable[[], bool]) -> AnyPipeline:  # noqa: ARG002 - nothing is sent
        """Return a pipeline that ends in the callback."""
        return capture_pipeline(self.config, self.counters, self._callback)

    def purge(self) -> None:
        """Delete nothing: the events on disk are the user's."""


class InMemoryConsentManager(ConsentManager):
    """Consent that a test grants and withdraws. Reads and writes no file; granted at the start.

    Args:
        config: The settings of the instance.
    """

    def __init__(self, config: TelemetryConfig) -> None:
        super().__init__(config, {})
        self._mode: ConsentMode = "on"
        self.record_file = self.state = None

    def decide(self) -> Decision:
        """Return the decision that follows from the test's own choice."""
        return Decision(enabled=self._mode == "on", source="test", reason=_REASON)

    def choose(self, mode: ConsentMode, *, by: str) -> bool:  # noqa: ARG002 - a test need not say
        """Keep the choice for this test."""
        self._mode = mode
        return True

    def show_notice(self, stream: object) -> bool:  # noqa: ARG002 - of the base class
        """Show nothing."""
        return False

    def ask(self, question: object, stdin: object, stream: object) -> None:
        """Ask nothing: the consent is granted."""
