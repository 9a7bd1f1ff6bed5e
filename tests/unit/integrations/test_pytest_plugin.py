"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

_PLUGIN = "otel_telemetry.integrations.pytest_plugin"

_TESTS = """
import sys
from otel_telemetry import Telemetry
telemetry = Telemetry("acme-cms")
other = Telemetry("acme-shop")

def test_captured(captured_events):
    events = captured_events(telemetry, other)
    telemetry.send("didCreateEntry")
    other.send("didSell")
    assert events.names == ("didCreateEntry", "didSell")

def test_failing(captured_events):
    captured_events(telemetry).assert_sent("didCreateEntry")

def test_restored():
    assert telemetry.is_disabled and other.is_disabled
"""

_IMPORTED = """
import json, sys
import pytest
before = set(sys.modules)
import otel_telemetry.integrations.pytest_plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_events_are_captured_until_the_test_is_over(tmp_path: Path) -> None:
    """Whether the test passes or fails. A failure lists the events."""
    (tmp_path / "test_it.py").write_text(_TESTS)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "expected 'didCreateEntry', but none were sent" in done.stdout


def test_the_description_of_the_fixture_names_what_it_returns(tmp_path: Path) -> None:
    """`pytest --fixtures` shows the first paragraph."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    _, _, description = done.stdout.partition("captured_events -- ")
    assert description.splitlines()[1].strip() == (
        "Return a function that captures the events of Telemetry instances until the test ends."
    )


def test_the_plugin_imports_no_module_but_itself() -> None:
    """Every test run loads every installed plugin."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED], capture_output=True, text=True, check=True
    )

    assert set(json.loads(done.stdout)) == {
        "otel_telemetry",
        "otel_telemetry.integrations",
        _PLUGIN,
    }


def test_the_plugin_is_registered() -> None:
    """Users only install the package."""
    points = metadata.entry_points(group="pytest11", name="otel_telemetry")

    assert {point.value for point in points} == {_PLUGIN}
