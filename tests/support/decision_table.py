"""The table of who decides, made from the table that decides."""

from __future__ import annotations

from otel_telemetry.consent.decision import TABLE


def decision_table() -> str:
    """Return the Markdown."""
    rows = [
        (source, "yes" if denial else "", "yes" if consent_gate else "")
        for source, denial, consent_gate in TABLE
    ]
    lines = ["| source | denies | permits |", "|---|---|---|"]
    lines += [
        f"| {' | '.join(row)} |".replace("|  |", "| |")
        for row in [*rows, ("nothing said", "yes", "")]
    ]
    return "\n".join(lines)
