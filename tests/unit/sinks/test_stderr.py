"""Events onto stderr; nothing leaves."""

from __future__ import annotations

import io
import json
import math

import pytest

from otel_telemetry.pipeline.sdk_sinks import LogSink
from otel_telemetry.receipt import DISABLED
from tests.support.records import make_record


def test_an_event_is_a_line_of_json() -> None:
    """With all that would be sent, in ASCII: a terminal can show it."""
    stream = io.StringIO()
    record = make_record(text="ü\n", data=b"\xff", list=[{"a": math.inf}])
    receipt = LogSink("acme", lambda: stream).emit(record)

    prefix, _, text = stream.getvalue().partition("{")
    assert prefix == "acme telemetry, not sent: "
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().isascii()
    event = json.loads("{" + text)
    assert event == {
        "event": "e",
        "event_properties": {"text": "ü\n", "data": "ff", "list": [{"a": math.inf}]},
        "group_properties": {"db": "ff"},
        "resource": {"service.name": "acme", "plan": "free"},
    }
    assert receipt is DISABLED


def test_it_goes_to_stderr_as_it_is_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Not as it was when the sink was made."""
    sink = LogSink("acme")
    sink.emit(make_record())
    captured = capsys.readouterr()

    assert captured.out == ""
    assert captured.err.startswith("acme telemetry, not sent: {")


def test_there_is_nothing_to_wait_for() -> None:
    """What was emitted is printed."""
    sink = LogSink("acme", io.StringIO)
    sink.new_process()

    assert sink.flush(None)
    assert sink.shutdown(0)
