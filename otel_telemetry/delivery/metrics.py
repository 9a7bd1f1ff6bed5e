"""The counts as OpenTelemetry metrics, under the names of the semantic conventions (otel.sdk.*).

Observable instruments: they read the counts when a reader asks, and cost an event nothing.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary, ref

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from otel_telemetry.counters import Counters
from otel_telemetry.stats import Stats

_numbers = itertools.count()

# Reasons for which a record never reached the exporter; all others are of the exporter's making.
_BEFORE_EXPORT = frozenset(
    {"invalid", "before_send", "before_send_failed", "too_large", "queue_full", "destroyed"}
)
_ERROR_TYPES = {"destroyed": "already_shutdown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observed:
    counters: ref[Counters]
    processor: Mapping[str, str]
    exporter: Mapping[str, str]


# A second instrument of the same name is no second instrument: each provider has one set, which
# shows all that it was told of.
_observed: WeakKeyDictionary[MeterProvider, list[_Observed]] = WeakKeyDictionary()
_lock = threading.Lock()


def observe(meter_provider: MeterProvider, counters: Counters, *, is_grpc: bool) -> None:
    """Have *meter_provider* show *counters*, for as long as they live."""
    number = next(_numbers)
    exporter = f"otlp_{'grpc' if is_grpc else 'http'}_log_exporter"
    new = _Observed(
        counters=ref(counters),
        processor=_component("batching_log_processor", number),
        exporter=_component(exporter, number),
    )
    with _lock:
        known = _observed.get(meter_provider)
        alive = [each for each in known or () if each.counters() is not None]
        _observed[meter_provider] = all_of_it = [] if known is None else known
        all_of_it[:] = [*alive, new]
    if known is None:
        _create_instruments(meter_provider.get_meter("otel_telemetry"), all_of_it)


def _create_instruments(meter: Meter, observed: list[_Observed]) -> None:
    def show(
        read: Callable[[Stats], Iterable[tuple[int, str]]],
        component: Callable[[_Observed], Mapping[str, str]],
    ) -> list[Callable[[CallbackOptions], Iterable[Observation]]]:
        def callback(_options: CallbackOptions) -> Iterable[Observation]:
            for each in tuple(observed):
                counters = each.counters()
                for value, error_type in read(counters.snapshot()) if counters else ():
                    error = {"error.type": error_type} if error_type else {}
                    yield Observation(value, {**component(each), **error})

        return [callback]

    unit = "{log_record}"
    meter.create_observable_counter(
        "otel.sdk.log.created", show(_created, lambda each: each.processor), unit
    )
    meter.create_observable_up_down_counter(
        "otel.sdk.processor.log.queue.size", show(_queued, lambda each: each.processor), unit
    )
    meter.create_observable_counter(
        "otel.sdk.processor.log.processed", show(_processed, lambda each: each.processor), unit
    )
    meter.create_observable_counter(
        "otel.sdk.exporter.log.exported", show(_exported, lambda each: each.exporter), unit
    )


def _component(kind: str, number: int) -> Mapping[str, str]:
    return {"otel.component.type": kind, "otel.component.name": f"{kind}/{number}"}


def _created(stats: Stats) -> Iterable[tuple[int, str]]:
    yield stats.accepted - stats.recovered, ""


def _queued(stats: Stats) -> Iterable[tuple[int, str]]:
    yield stats.pending, ""


def _processed(stats: Stats) -> Iterable[tuple[int, str]]:
    lost = {reason: stats.dropped.get(reason, 0) for reason in _BEFORE_EXPORT}
    yield stats.accepted - stats.pending - sum(lost.values()), ""
    for reason, count in sorted(lost.items()):
        if count:
            yield count, _ERROR_TYPES.get(reason, reason)


def _exported(stats: Stats) -> Iterable[tuple[int, str]]:
    yield stats.delivered, ""
    failed = {"rejected": stats.rejected, "refused": stats.refused}
    failed |= {name: stats.dropped[name] for name in stats.dropped if name not in _BEFORE_EXPORT}
    for reason, count in sorted(failed.items()):
        if count:
            yield count, reason
