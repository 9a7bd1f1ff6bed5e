"""The exceptions that this library raises."""

from __future__ import annotations

import pytest

from otel_telemetry import errors
from otel_telemetry.errors import ConfigurationError, InvalidEventError, TelemetryError


@pytest.mark.parametrize("error", [ConfigurationError, InvalidEventError])
def test_every_error_is_a_telemetry_error_and_a_value_error(error: type[Exception]) -> None:
    """Code that does not know this library can catch it as a ValueError."""
    assert issubclass(error, TelemetryError)
    assert issubclass(error, ValueError)


def test_the_base_class_is_not_a_value_error() -> None:
    """A later subclass may have another cause than a wrong value."""
    assert TelemetryError.__bases__ == (Exception,)


def test_the_docstring_of_the_module_lists_every_error() -> None:
    """Users read it as the overview."""
    assert errors.__doc__ is not None
    assert all(
        error.__name__ in errors.__doc__
        for error in (TelemetryError, ConfigurationError, InvalidEventError)
    )
