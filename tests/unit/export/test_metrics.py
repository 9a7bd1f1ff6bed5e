"""The counts as OpenTelemetry metrics."""

from __future__ import annotations

import gc
import weakref

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)

from otel_telemetry.export import metrics
from otel_telemetry.export.metrics import observe
from otel_telemetry.stats import Counters, DropReason


@pytest.fixture(name="reader")
def _reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture(name="provider")
def _provider(reader: InMemoryMetricReader) -> MeterProvider:
    return MeterProvider([reader], shutdown_on_exit=False)


def points(reader: InMemoryMetricReader) -> dict[tuple[str, str], float]:
    """Return the collected values by metric and error type."""
    data = reader.get_metrics_data()
    shown = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    assert isinstance(point, NumberDataPoint)
                    error = (point.attributes or {}).get("error.type", "")
                    shown[metric.name, str(error)] = float(point.value)
    return shown


def test_counts_have_the_names_of_the_semantic_conventions(
    reader: InMemoryMetricReader, provider: MeterProvider
) -> None:
    """Losses have an error type, successes have none."""
    counters = Counters()
    observe(provider, counters, is_grpc=False)
    counters.accepted, counters.recovered, counters.pending = 30, 5, 4
    counters.in_flight = 3
    counters.delivered, counters.rejected, counters.refused = 10, 3, 2
    counters.spooled = 1
    counters.dropped.update(
        {DropReason.QUEUE_FULL: 4, DropReason.DESTROYED: 3, DropReason.SHUTDOWN: 3}
    )

    assert points(reader) == {
        ("otel.sdk.log.created", ""): 25,
        ("otel.sdk.processor.log.queue.size", ""): 1,
        ("otel.sdk.processor.log.processed", ""): 22,
        ("otel.sdk.processor.log.processed", "queue_full"): 4,
        ("otel.sdk.processor.log.processed", "already_shutdown"): 3,
        ("otel.sdk.exporter.log.inflight", ""): 3,
        ("otel.sdk.exporter.log.exported", ""): 10,
        ("otel.sdk.exporter.log.exported", "rejected"): 3,
        ("otel.sdk.exporter.log.exported", "refused"): 2,
        ("otel.sdk.exporter.log.exported", "shutdown"): 3,
    }


@pytest.mark.parametrize(
    ("is_grpc", "kind"), [(False, "otlp_http_log_exporter"), (True, "otlp_grpc_log_exporter")]
)
def test_component_names_are_unique(
    reader: InMemoryMetricReader, provider: MeterProvider, *, is_grpc: bool, kind: str
) -> None:
    """Two components of one type have two names."""
    counters = Counters()
    observe(provider, counters, is_grpc=is_grpc)
    observe(provider, counters, is_grpc=is_grpc)

    data = reader.get_metrics_data()

    assert data is not None
    (scope,) = data.resource_metrics[0].scope_metrics
    (exported,) = (m for m in scope.metrics if m.name == "otel.sdk.exporter.log.exported")
    attributes = [point.attributes or {} for point in exported.data.data_points]
    assert {each["otel.component.type"] for each in attributes} == {kind}
    assert len({each["otel.component.name"] for each in attributes}) == 2


def test_duration_is_recorded_for_each_batch(
    reader: InMemoryMetricReader, provider: MeterProvider
) -> None:
    """It is in seconds, by error type and by component."""
    first, second = Counters(), Counters()
    record = observe(provider, first, is_grpc=False)
    observe(provider, second, is_grpc=False)(0.5, "")
    record(0.25, "")
    record(2.0, "refused")

    data = reader.get_metrics_data()

    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    (duration,) = (m for m in metrics if m.name == "otel.sdk.exporter.operation.duration")
    assert duration.unit == "s"
    sums = []
    for point in duration.data.data_points:
        assert isinstance(point, HistogramDataPoint)
        attributes = point.attributes or {}
        assert attributes["otel.component.type"] == "otlp_http_log_exporter"
        sums.append((point.sum, attributes.get("error.type", "")))
    assert sorted(sums) == [(0.25, ""), (0.5, ""), (2.0, "refused")]


def test_events_dropped_before_the_queue_count_for_the_processor_only(
    reader: InMemoryMetricReader, provider: MeterProvider
) -> None:
    """The backend did not fail."""
    counters = Counters()
    observe(provider, counters, is_grpc=False)
    counters.drop(DropReason.UNDECLARED)

    shown = points(reader)

    assert shown["otel.sdk.processor.log.processed", ""] == 0
    assert shown["otel.sdk.processor.log.processed", "undeclared"] == 1
    assert ("otel.sdk.exporter.log.exported", "undeclared") not in shown


def test_measurements_after_the_provider_is_gone_are_ignored() -> None:
    """The provider is not kept alive."""
    provider = MeterProvider(shutdown_on_exit=False)
    record = observe(provider, Counters(), is_grpc=False)
    alive = weakref.ref(provider)
    del provider
    gc.collect()

    assert alive() is None
    record(1.0, "")


def test_collected_component_is_not_observed(
    reader: InMemoryMetricReader, provider: MeterProvider
) -> None:
    """The instruments do not keep it alive."""
    observe(provider, Counters(), is_grpc=False)
    gc.collect()

    assert points(reader) == {}


def test_every_drop_reason_belongs_to_the_processor_or_to_the_exporter() -> None:
    """A new reason is counted by exactly one of the two."""
    reasons = {reason.value for reason in DropReason}

    assert reasons == metrics._BEFORE_EXPORT | metrics._IN_EXPORT
    assert set() == metrics._BEFORE_EXPORT & metrics._IN_EXPORT
