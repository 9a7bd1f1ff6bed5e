"""A command-line tool whose telemetry takes 12 ms, even if the backend is slow or down.

Run it without arguments: it starts a receiver in place of your collector, then runs itself as the
tool.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

from otel_telemetry import Telemetry


def tool() -> int:
    """Run the tool, as a user's shell does."""
    parser = argparse.ArgumentParser(prog="acme")
    parser.add_argument("command", choices=["build", "deploy"])
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()

    telemetry = Telemetry(
        "acme", version="2.1.0", enabled=True, delivery="detached", endpoint=os.environ["ENDPOINT"]
    )
    receipt = telemetry.send(
        "didRunCommand",
        event_properties={"command": arguments.command, "verbose": arguments.verbose},
    )
    print(f"acme: {arguments.command} done; its event is {receipt.outcome.name}")
    print(f"acme: OpenTelemetry is loaded: {'opentelemetry' in sys.modules}")
    return 0


def main() -> None:
    """Run the tool, and show the event that arrives after its end."""
    from otel_telemetry.testing import OTLPReceiver  # noqa: PLC0415 - the tool does not need it

    with (
        OTLPReceiver() as receiver,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as spool,
    ):
        environ = {
            **os.environ,
            "ENDPOINT": receiver.http_endpoint,
            "OTEL_TELEMETRY_SPOOL": spool,
        }
        command = [sys.executable, __file__, "build", "--verbose"]
        subprocess.run(command, env=environ, check=True)  # noqa: S603
        print("the tool has ended")
        (event,) = receiver.wait_for_events(1)
        print(f"another process delivered {event.name} of {event.attributes['command']!r}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(tool())
    main()
