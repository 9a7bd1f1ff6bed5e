"""Policy files and terminals, for the tests of the consent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TextIO

NOW: Final = 1_700_000_000.0

Ends = tuple[TextIO, TextIO, int]
"""A terminal: input and output of the program, and the descriptor of the user's side."""


def set_policy(home: Path, word: str) -> None:
    """Write a policy file for the whole machine: ``"on"`` or ``"off"``."""
    path = home / "etc" / "acme-cms" / "telemetry.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"telemetry": word}), encoding="utf-8")
