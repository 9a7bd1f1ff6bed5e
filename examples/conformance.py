"""Prove that a program has no telemetry when it is off, and that telemetry does no harm when on.

Run it directly: it checks a small program. In your tests, check your own command, and call
`assert_clean` on each report.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from otel_telemetry.testing.conformance import check_harmless, check_off

PROGRAM = """
import json
from otel_telemetry import Telemetry

telemetry = Telemetry("acme-build", endpoint="https://telemetry.acme.example")
telemetry.send("didBuild", event_properties={"pages": 3})
print(json.dumps({"pages": 3}))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory, "build.py")
        program.write_text(PROGRAM)
        command = [sys.executable, str(program)]

        off = check_off(command, app="acme-build")
        print(f"off is off: {off}")

        harmless = check_harmless(command, app="acme-build")
        print(f"on is harmless: {harmless}")

        program.write_text(PROGRAM + "if not telemetry.is_disabled: print('thank you')")
        report = check_harmless(command, app="acme-build", scenarios=["backend_forbids"])
        print(f"a program whose output depends on telemetry: {report}")

    off.assert_clean()
    harmless.assert_clean()


if __name__ == "__main__":
    main()
