"""Events end in a function for a while, instead of leaving: what `testing.capture_events` needs.

Only tests import this.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

from otel_telemetry._internal import fork
from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.consent.decision import Decision
from otel_telemetry.pipeline.pipeline import capture_pipeline
from otel_telemetry.stats import Counters
from otel_telemetry.testing.captured import Captured, CapturedEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.events import Event
    from otel_telemetry.pipeline.pipeline import Pipeline
    from otel_telemetry.pipeline.sdk_sinks import CaptureCallback
    from otel_telemetry.stats import Stats
    from otel_telemetry.telemetry import Telemetry
    from otel_telemetry.types import AttributeValue


_REASON = "The events end in a test, and none leaves."

_captures: WeakKeyDictionary[Telemetry, list[EventCapture]] = WeakKeyDictionary()


class EventCapture:
    """Begins when it is made. Meanwhile the instance is as good as new, and on. Thread-safe.

    Diversions of one instance may overlap, in any order: the latest that has not ended takes all.

    Args:
        telemetry: Whose events. It may be off, or destroyed.
        take: Called with each event that would leave, and its whole resource.
    """

    def __init__(self, telemetry: Telemetry, take: CaptureCallback) -> None:
        self._telemetry = telemetry
        self._counters = counters = Counters()
        config = telemetry.config
        consent_manager = _TestConsent(config, permitted=telemetry._consent_manager)  # noqa: SLF001 - its other half

        def make(*_: object) -> Pipeline:
            return capture_pipeline(config, counters, take)

        life = {
            "_consent_manager": consent_manager,
            "_decision": consent_manager.decide(),
            "_off": False,
            "_counters": counters,
            "_pipeline": make(),
            "_destroyed": False,
            "_failed": False,
            # A test may withdraw its consent and give it again, and deletes nothing of the user's.
            "_make": make,
            "_purge": lambda: None,
        }
        state = vars(telemetry)
        with state["_lock"]:
            # All that it knows of itself, whatever that is.
            self._before = dict(state)
            state.update(life)
            _captures.setdefault(telemetry, []).append(self)
        fork.watch(self.after_fork)

    def stats(self) -> Stats:
        """Return what became of the events, whether they were taken or not."""
        return self._counters.snapshot()

    def after_fork(self) -> None:
        """Have what was laid aside begin anew in a forked child: the instance knows it not."""
        pipeline: Pipeline | None = self._before["_pipeline"]
        (pipeline or self._before["_counters"]).after_fork()

    def end(self) -> None:
        """Give back what the instance was before. Idempotent."""
        state = vars(self._telemetry)
        with state["_lock"]:
            overlapping = _captures[self._telemetry]
            if self not in overlapping:
                return
            place = overlapping.index(self)
            overlapping.remove(self)
            if place < len(overlapping):  # a later one is still there, and gives it back
                overlapping[place]._before = self._before  # noqa: SLF001 - of its own class
                return
            lock = state["_lock"]  # a forked child has another one
            state.update(self._before, _lock=lock)
            for name in state.keys() - self._before.keys():
                del state[name]
            is_alive = self._before["_pipeline"] is not None and not self._before["_destroyed"]
            if is_alive and not overlapping:
                # If somebody destroyed it meanwhile, it ends at exit all the same.
                atexit.unregister(self._telemetry.destroy)
                atexit.register(self._telemetry.destroy)


class _TestConsent(ConsentManager):
    """Where the user agrees until the test says otherwise; nothing is read, and nothing is kept.

    Args:
        config: The settings.
        permitted: What goes on to hold for events that were sent before.
    """

    def __init__(self, config: TelemetryConfig, *, permitted: ConsentManager) -> None:
        super().__init__(config, {})
        self._permitted = permitted
        self._mode: Literal["on", "off", "log"] = "on"
        self.choice_file = self.state = None

    def decide(self) -> Decision:
        """Return what the test has said."""
        return Decision(enabled=self._mode == "on", source="test", reason=_REASON)

    def choose(self, mode: Literal["on", "off", "log"], *, by: str) -> bool:  # noqa: ARG002 - nobody asks
        """Take the choice, for this test."""
        self._mode = mode
        return True

    def is_still_permitted(self) -> bool:
        """Tell whether what was sent before may still leave: nobody else asks."""
        return self._permitted.is_still_permitted()

    def show_notice(self, stream: object) -> bool:  # noqa: ARG002 - as above
        """Show nothing."""
        return False

    def ask(self, question: object, stdin: object, stream: object) -> None:
        """Ask nobody: the test has said what it wants."""


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
            diversion = EventCapture(instance, take)
            stack.callback(diversion.end)
            captured.count_by(diversion.stats)
        yield captured
