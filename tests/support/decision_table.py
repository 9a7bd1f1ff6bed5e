"""The documentation's table of sources, made from the table that decides."""

from __future__ import annotations

from otel_telemetry.consent.decision import DECISION_TABLE


def decision_table() -> str:
    """Return the Markdown."""
    rows = [
        (source, "yes" if denial else "", "yes" if permission else "")
        for source, denial, permission in DECISION_TABLE
    ]
    lines = ["| source | denies | permits |", "|---|---|---|"]
    lines += [
        f"| {' | '.join(row)} |".replace("|  |", "| |")
        for row in [*rows, ("no other source", "yes", "")]
    ]
    return "\n".join(lines)
