"""Give your program the command `acme telemetry`, in one line of its argparse set-up.

Run it without arguments: it plays a user who looks before they agree, with a receiver in place of
your collector. With arguments, it is the program: `telemetry_command.py telemetry --help`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence

from otel_telemetry import Telemetry
from otel_telemetry.integrations.argparse import add_telemetry_command
from otel_telemetry.testing import OTLPReceiver


def acme(arguments: Sequence[str], telemetry: Telemetry) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="acme")
    commands = parser.add_subparsers(required=True)
    greet = commands.add_parser("greet", help="say hello")
    greet.set_defaults(func=lambda _parsed: hello(telemetry))
    add_telemetry_command(commands, telemetry)
    parsed = parser.parse_args(arguments)
    code: int = parsed.func(parsed)
    return code


def hello(telemetry: Telemetry) -> int:
    print("hello")
    telemetry.send("didGreet", event_properties={"times": 1}, user_properties={"plan": "free"})
    telemetry.flush(5)
    return 0


def main() -> None:
    session = (
        "telemetry preview didGreet -p times=1 -u plan=free",
        "telemetry on",
        "greet",
        "telemetry doctor",
        "telemetry off",
        "greet",
    )
    with OTLPReceiver() as receiver, tempfile.TemporaryDirectory() as home:
        # The played user has a home of their own: your files stay as they are.
        os.environ |= {"XDG_CONFIG_HOME": f"{home}/config", "XDG_STATE_HOME": f"{home}/state"}
        for line in session:
            print(f"\n$ acme {line}", flush=True)
            telemetry = Telemetry("acme", endpoint=receiver.http_endpoint)
            acme(line.split(), telemetry)
            telemetry.destroy()
        print(f"\narrived: {[event.name for event in receiver.events]}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(acme(sys.argv[1:], Telemetry("acme")))
    main()
