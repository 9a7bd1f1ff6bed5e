"""Numbers, times and values, as a person reads them."""

from __future__ import annotations

import pytest

from otel_telemetry.cli import formatting


def test_numbers_have_their_nouns() -> None:
    """One of them, or more."""
    assert [formatting.counted(number, "event") for number in (0, 1, 12_345)] == [
        "0 events",
        "1 event",
        "12,345 events",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1234, "1.2 kB"), (5_600_000, "5.6 MB")],
)
def test_sizes_have_units(number: int, text: str) -> None:
    """Decimal ones."""
    assert formatting.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "less than a second"),
        (1, "1 second"),
        (119, "1 minute"),
        (7200, "2 hours"),
        (86_400 * 12.5, "12 days"),
    ],
)
def test_spans_are_in_their_largest_unit(seconds: float, text: str) -> None:
    """A person needs no more."""
    assert formatting.span(seconds) == text
    assert formatting.ago(1000.0, 1000.0 + seconds) == f"{text} ago"


def test_what_is_yet_to_come_is_told() -> None:
    """A clock was wrong, then or now."""
    assert formatting.ago(1100.0, 1000.0) == "in the future"
    assert formatting.ago(1000.5, 1000.0) == "less than a second ago"
