"""The counts as OpenTelemetry metrics, named by the semantic conventions (otel.sdk.*).

All but one are observable instruments, which read the counts at collection and cost an event
nothing. The capacity of the queue is left out: it counts bytes, not records.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakKeyDictionary, ref

from opentelemetry.metrics import (
    CallbackOptions,
    Histogram,
    Meter,
    MeterProvider,
    Observation,
)

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.stats import Counters, DropReason, Stats

_numbers = itertools.count()

# The exporter never gets records that are dropped for the first reasons; it drops for the others.
_BEFORE_EXPORT = frozenset(
    {
        DropReason.INVALID.value,
        DropReason.BEFORE_SEND.value,
        DropReason.BEFORE_SEND_FAILED.value,
        DropReason.UNDECLARED.value,
        DropReason.TOO_LARGE.value,
        DropReason.QUEUE_FULL.value,
        DropReason.DESTROYED.value,
    }
)
_IN_EXPORT = frozenset(
    {
        DropReason.SPOOL_FAILED.value,
        DropReason.SPOOL_FULL.value,
        DropReason.EXPIRED.value,
        DropReason.SPOOL_LOST.value,
        DropReason.CONSENT_WITHDRAWN.value,
        DropReason.BEFORE_CONSENT.value,
        DropReason.SHUTDOWN.value,
        DropReason.INTERNAL.value,
    }
)
_ERROR_TYPES = {DropReason.DESTROYED.value: "already_shutdown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observed:
    counters: ref[Counters]
    processor: Mapping[str, str]
    exporter: Mapping[str, str]


# An SDK merges instruments of one name: each provider has one set, which reports every engine.
_observed: WeakKeyDictionary[MeterProvider, list[_Observed]] = WeakKeyDictionary()
# Weakly too: an instrument and its provider keep each other alive.
_durations: WeakKeyDictionary[MeterProvider, ref[Histogram]] = WeakKeyDictionary()
_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # seconds
_lock = threading.Lock()


def observe(
    meter_provider: MeterProvider, counters: Counters, *, is_grpc: bool
) -> Callable[[float, str], None]:
    """Report *counters* to *meter_provider* for as long as they live.

    Returns:
        A function to call with the seconds that a batch took, and the type of its error, or "".
    """
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
            meter = meter_provider.get_meter("otel_telemetry")
            _create_instruments(meter, all_of_it)
            durations = meter.create_histogram(
                "otel.sdk.exporter.operation.duration",
                "s",
                explicit_bucket_boundaries_advisory=_BOUNDARIES,
            )
            _durations[meter_provider] = ref(durations)
        found = _durations[meter_provider]

    def record(seconds: float, error_type: str) -> None:
        durations = found()
        if durations is not None:
            error = {"error.type": error_type} if error_type else {}
            durations.record(seconds, {**new.exporter, **error})

    return record


def _create_instruments(meter: Meter, observed: list[_Observed]) -> None:
    def show(
        read: Callable[[Stats, int], Iterable[tuple[int, str]]],
        component: Callable[[_Observed], Mapping[str, str]],
    ) -> list[Callable[[CallbackOptions], Iterable[Observation]]]:
        def callback(_options: CallbackOptions) -> Iterable[Observation]:
            for each in tuple(observed):
                counters = each.counters()
                if counters is None:
                    continue
                with counters.lock:
                    stats, in_flight = counters.snapshot(), counters.in_flight
                for value, error_type in read(stats, in_flight):
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
    meter.create_observable_up_down_counter(
        "otel.sdk.exporter.log.inflight", show(_in_flight, lambda each: each.exporter), unit
    )
    meter.create_observable_counter(
        "otel.sdk.exporter.log.exported", show(_exported, lambda each: each.exporter), unit
    )


def _component(kind: str, number: int) -> Mapping[str, str]:
    return {"otel.component.type": kind, "otel.component.name": f"{kind}/{number}"}


def _created(stats: Stats, _in_flight: int) -> Iterable[tuple[int, str]]:
    yield stats.accepted - stats.recovered, ""


def _queued(stats: Stats, in_flight: int) -> Iterable[tuple[int, str]]:
    yield stats.pending - in_flight, ""


def _in_flight(_: Stats, in_flight: int) -> Iterable[tuple[int, str]]:
    yield in_flight, ""


def _processed(stats: Stats, in_flight: int) -> Iterable[tuple[int, str]]:
    lost = {reason: stats.dropped.get(reason, 0) for reason in _BEFORE_EXPORT}
    yield stats.accepted - (stats.pending - in_flight) - sum(lost.values()), ""
    for reason, count in sorted(lost.items()):
        if count:
            yield count, _ERROR_TYPES.get(reason, reason)


def _exported(stats: Stats, _in_flight: int) -> Iterable[tuple[int, str]]:
    yield stats.delivered, ""
    failed = {"rejected": stats.rejected, "refused": stats.refused}
    failed |= {name: stats.dropped[name] for name in stats.dropped if name in _IN_EXPORT}
    for reason, count in sorted(failed.items()):
        if count:
            yield count, reason
