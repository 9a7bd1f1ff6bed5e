"""One measurement, in a process of its own: `python -m benchmarks.child CONTEXT RESULT-FILE`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks import cases
from benchmarks.context import Context


def main() -> None:
    """Measure, write the result down, and leave without waiting for anybody's exit hooks."""
    context = Context.from_json(sys.argv[1])
    measurement = cases.registry()[context.case].measure(context)
    Path(sys.argv[2]).write_text(json.dumps(asdict(measurement)), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main()
