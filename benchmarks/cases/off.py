"""`send` when telemetry is off, beside a method that does nothing."""

from __future__ import annotations

import timeit
from typing import TYPE_CHECKING

from benchmarks import workload
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from benchmarks.context import Context

CALLS = 200_000
REPEATS = 9
STATEMENTS = {
    "empty": "subject.method()",
    "empty_buckets": (
        'subject.with_buckets("event", event_properties=event, user_properties=user, '
        "group_properties=group)"
    ),
    "bare": 'telemetry.send("event")',
    "payload": 'telemetry.send("event", payload)',
    "buckets": (
        'telemetry.send("event", event_properties=event, user_properties=user, '
        "group_properties=group)"
    ),
}


class _Empty:
    def method(self) -> None:
        """Do nothing."""

    def with_buckets(
        self,
        event: str,
        *,
        event_properties: object,
        user_properties: object,
        group_properties: object,
    ) -> None:
        """Do nothing with all that."""


def _measure(context: Context) -> Measurement:
    # The registry of cases must not load what it describes.
    from otel_telemetry import Telemetry, TelemetryPayload  # noqa: PLC0415

    telemetry = Telemetry("bench", enabled=False)
    telemetry.send("event")
    event = workload.make_event(0, user=1, group=1)
    names = {
        "subject": _Empty(),
        "telemetry": telemetry,
        "event": event.event_properties,
        "user": event.user_properties,
        "group": event.group_properties,
        "payload": TelemetryPayload(
            event_properties=event.event_properties,
            user_properties=event.user_properties,
            group_properties=event.group_properties,
        ),
    }
    calls = context.scaled(CALLS)
    timers = {key: timeit.Timer(code, globals=names) for key, code in STATEMENTS.items()}
    runs: dict[str, list[float]] = {key: [] for key in STATEMENTS}
    for _ in range(REPEATS):
        for key, timer in timers.items():
            runs[key].append(timer.timeit(calls) / calls * 1e9)
    # What disturbs so short a call only ever makes it longer: the least is the truest.
    return Measurement(figures={key: min(taken) for key, taken in runs.items()})


CASE = Case(
    name="off",
    title="send when off",
    about="A call when telemetry is off, beside a call of a method that is empty.",
    systems=("ours",),
    columns=(
        Column(key="empty", title="empty method", unit="ns", ratio=False),
        Column(key="empty_buckets", title="the same, three buckets", unit="ns", ratio=False),
        Column(key="bare", title="send(event)", unit="ns", ratio=False),
        Column(key="payload", title="send(event, payload)", unit="ns", ratio=False),
        Column(key="buckets", title="send(event, three buckets)", unit="ns", ratio=False),
    ),
    measure=_measure,
    budgets=(
        Budget(column="payload", limit=3, against="", against_column="empty"),
        Budget(column="buckets", limit=3, against="", against_column="empty"),
    ),
)
