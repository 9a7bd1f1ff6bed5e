"""Every example runs as a newcomer would run it, and prints what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

PROMISED = {
    "quickstart.py": (
        "telemetry is on: The application has turned telemetry on.",
        "the outcome of the last event: DELIVERED",
        "didCreateEntry",
        "model           'article'",
        "plan                      'free'",
        "locales   3",
        "added           ['fr', 'de']",
    ),
    "instrumented.py": ("didPlaceOrder 1", "within the span POST /orders/<int:number>"),
    "own_provider.py": ("didSignIn of a user with plan 'free'", "plan 'team'"),
    "asyncio_app.py": (
        "everything acknowledged: True",
        "the last one delivered: True",
        "101 events arrived",
    ),
    "declared_events.py": (
        "didCreateEntry arrived with {'kind': 'singleType', 'locales': '5 to 19'}",
        "didCreateEntry arrived with {'kind': 'singleType'}\n",
        "removed: {'undeclared_property': 1}",
        "dropped: {'undeclared': 1}",
        "| `kind` | What kind of content it is. |",
    ),
    "durable_logs.py": ("killed by signal 9", "the collector has: 'charged invoice 2'"),
    "redaction.py": (
        "didImport [redacted:email]",
        "source   'https://files.example/export.csv'",
        "options  {'api_key': '[redacted:secret]', 'rows': 12}",
        "log      ['wrote ~/export.csv', 'mailed [redacted:email]', 'aaaaaaaaaaaaaaa",
        "didFail",
        "exception.type    '__main__.NotFoundError'",
        "exception.frames  ['__main__:main:",
        "exception.causes  ['KeyError']",
        "didPing",
        "dropped by hooks: 5",
    ),
    "cli_tool.py": (
        "build done; its event is SPOOLED\nacme: OpenTelemetry is loaded: False",
        "the tool has ended\nanother process delivered didRunCommand of 'build'",
    ),
    "telemetry_command.py": (
        "OTLP http/protobuf, ",
        "Your choice is saved: acme telemetry on.",
        "ok       answer      the backend accepts OTLP http/protobuf",
        "The installation id is deleted.",
        "arrived: ['didGreet']",
    ),
    "flask_app.py": ("thank you\nthank you\n",),
    "tests_of_an_app.py": (
        "expected 'didCreateEntry' with event_properties {'model': 'article'}, but none were sent",
        "event_properties: 'model' is 'page', expected 'article'",
        "after the tests: Telemetry has not been turned on.",
    ),
    "conformance.py": (
        "off is off: 13 scenarios: 13 passed, 0 failed, 0 skipped",
        "on is harmless: 10 scenarios: 10 passed, 0 failed, 0 skipped",
        "+thank you",
    ),
}


def test_every_example_is_held_by_a_test() -> None:
    """No example can rot unseen."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_an_example_prints_what_it_promises(name: str) -> None:
    """An example shows its goal, and leaves stderr alone."""
    run = subprocess.run(
        [sys.executable, EXAMPLES / name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    for promised in PROMISED[name]:
        assert promised in run.stdout
    # The one's web server logs each request, the other's preview says that nothing would leave.
    if name not in {"flask_app.py", "telemetry_command.py"}:
        assert run.stderr == ""
