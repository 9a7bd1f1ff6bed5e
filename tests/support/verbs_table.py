"""The table of the command line's verbs, made from the table that makes its commands."""

from __future__ import annotations

from otel_telemetry.cli.commands import VERBS


def verbs_table() -> str:
    """Return the Markdown."""
    rows = [f"| `{verb.name}` | {verb.summary} |" for verb in VERBS]
    return "\n".join(["| verb | what it does |", "|---|---|", *rows])
