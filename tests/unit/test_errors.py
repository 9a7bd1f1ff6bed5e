"""What this library raises."""

from __future__ import annotations

import pytest

from otel_telemetry import errors
from otel_telemetry.errors import ConfigurationError, InvalidEventError, TelemetryError


@pytest.mark.parametrize("error", [ConfigurationError, InvalidEventError])
def test_one_except_catches_all(error: type[Exception]) -> None:
    """Every error is a TelemetryError, and a ValueError for those who know nothing of us."""
    assert issubclass(error, TelemetryError)
    assert issubclass(error, ValueError)


def test_the_base_is_no_value_error() -> None:
    """What is yet to come may be no wrong value."""
    assert TelemetryError.__bases__ == (Exception,)


def test_the_tree_in_the_docstring_is_whole() -> None:
    """Every error is drawn in it."""
    assert errors.__doc__ is not None
    assert all(
        error.__name__ in errors.__doc__
        for error in (TelemetryError, ConfigurationError, InvalidEventError)
    )
