"""Converts values, and compares values with their types."""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, cast

from otel_telemetry.mapping.values import ValueConverter

if TYPE_CHECKING:
    from otel_telemetry.types import AttributeValue


def legal(value: object, length: int | None = None) -> tuple[AttributeValue, int]:
    """Return a legal *value*, and how many values within it were dropped."""
    converter = ValueConverter(length)
    return converter.convert(value, 1), converter.dropped_count


def same(one: object, other: object) -> bool:
    """Whether two values are equal, with equal types at every level.

    ``True``, ``1`` and ``1.0`` are three values, ``0.0`` and ``-0.0`` two, and NaN is itself. An
    instance of a subclass is no legal value, and raises ValueError.
    """
    return marshal.dumps(cast("None", one), 2) == marshal.dumps(cast("None", other), 2)
