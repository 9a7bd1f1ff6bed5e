"""``python -m otel_telemetry``: the command line, where its script is not on the path."""

import sys

from otel_telemetry.cli.main import main

if __name__ == "__main__":
    sys.exit(main(program="python -m otel_telemetry"))
