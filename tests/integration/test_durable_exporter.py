"""The entry point `otlp_durable`: an auto-instrumented app keeps its logs through a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from otel_telemetry import OTLPLogRecordProcessor
from otel_telemetry.export.processor import DurableLogExporter
from otel_telemetry.testing import OTLPReceiver
from tests.support.processes import refusing_port

APP = """
import os, signal
from opentelemetry._logs import LogRecord, get_logger, get_logger_provider
get_logger("billing").emit(LogRecord(body="charged", attributes={"invoice": 7}))
get_logger_provider().force_flush(200)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_logs_of_an_instrumented_app_survive_a_kill(tmp_path: Path) -> None:
    """Its backend is down. The next process delivers the flushed records."""
    with refusing_port() as port:
        environment = {
            **os.environ,
            "OTEL_LOGS_EXPORTER": "otlp_durable",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_TELEMETRY_SPOOL": str(tmp_path),
        }
        instrument = Path(sys.executable).with_name("opentelemetry-instrument")
        run = subprocess.run(
            [instrument, sys.executable, "-c", APP],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (run.returncode, run.stderr) == (-9, "")

    with OTLPReceiver(http_port=port) as receiver:
        successor = OTLPLogRecordProcessor(endpoint=receiver.http_endpoint, spool=tmp_path)
        (event,) = receiver.wait_for_events(1)
        successor.shutdown()

    assert (event.body, event.attributes) == ("charged", {"invoice": 7})


def test_exporter_works_behind_the_batch_processor_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is flushed and shut down by the processor, and accepts no record after that."""
    with OTLPReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint)
        monkeypatch.setenv("OTEL_TELEMETRY_SPOOL", str(tmp_path))
        exporter = DurableLogExporter()
        provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        provider.get_logger("x").emit(LogRecord(body="one"))

        assert provider.force_flush(5000)
        assert exporter.force_flush(5000)
        assert [event.body for event in receiver.events] == ["one"]

        provider.shutdown()
        assert exporter.export([]).name == "FAILURE"


def test_counts_are_exported_as_metrics(tmp_path: Path) -> None:
    """The meter provider is given in code."""
    reader = InMemoryMetricReader()
    with OTLPReceiver() as receiver:
        processor = OTLPLogRecordProcessor(
            endpoint=receiver.http_endpoint,
            spool=tmp_path,
            meter_provider=MeterProvider([reader], shutdown_on_exit=False),
        )
        provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
        provider.add_log_record_processor(processor)
        provider.get_logger("x").emit(LogRecord(body="one"))
        assert provider.force_flush(5000)

        data = reader.get_metrics_data()
        provider.shutdown()

    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    exported = next(m for m in metrics if m.name == "otel.sdk.exporter.log.exported")
    (point,) = exported.data.data_points
    assert getattr(point, "value", None) == 1
    duration = next(m for m in metrics if m.name == "otel.sdk.exporter.operation.duration")
    (measured,) = duration.data.data_points
    assert getattr(measured, "count", None) == 1
