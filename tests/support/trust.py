"""What a user and their machine have said, and the terminal that they sit before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TextIO

NOW: Final = 1_700_000_000.0

Ends = tuple[TextIO, TextIO, int]
"""A terminal: what the program reads, what it writes, and the descriptor of who sits before it."""


def set_policy(home: Path, word: str) -> None:
    """Say something for the whole machine."""
    path = home / "etc" / "acme-cms" / "telemetry.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"telemetry": word}), encoding="utf-8")
