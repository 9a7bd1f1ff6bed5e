"""Numbers, times and values as text."""

from __future__ import annotations

import pytest

from otel_telemetry.cli import formatting


def test_counted_uses_the_singular_for_one_only() -> None:
    """Large numbers have separators."""
    assert [formatting.counted(number, "event") for number in (0, 1, 12_345)] == [
        "0 events",
        "1 event",
        "12,345 events",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1234, "1.2 kB"), (5_600_000, "5.6 MB")],
)
def test_sizes_use_decimal_units(number: int, text: str) -> None:
    """A kB is 1000 bytes."""
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
def test_durations_use_their_largest_unit(seconds: float, text: str) -> None:
    """The rest is cut off."""
    assert formatting.span(seconds) == text
    assert formatting.ago(1000.0, 1000.0 + seconds) == f"{text} ago"


def test_a_time_in_the_future_is_named_as_such() -> None:
    """A clock was or is wrong; one second is tolerated."""
    assert formatting.ago(1100.0, 1000.0) == "in the future"
    assert formatting.ago(1000.5, 1000.0) == "less than a second ago"
