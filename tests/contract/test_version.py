"""The version that the library says it has, and the one it is distributed under."""

from __future__ import annotations

from importlib import metadata

import otel_telemetry
from otel_telemetry._internal.version import VERSION


def test_the_two_are_one() -> None:
    """The constant saves programs a look-up; a release must change both."""
    assert metadata.version("otel-telemetry") == VERSION
    assert otel_telemetry.__version__ == VERSION
