"""Scalar attribute values: their types, and the integers that 64 bits can hold."""

from __future__ import annotations

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
"""The smallest and the largest integer that an attribute value can be."""

UINT_MAX = 2**64 - 1
"""The largest varint of the wire format; one above `INT_MAX` stands for a negative number."""

FIXED_SIZE_SCALARS = frozenset({bool, int, float, type(None)})
"""The types of scalars that no length limit shortens."""

SCALARS = FIXED_SIZE_SCALARS | {str, bytes}
"""The types of scalar attribute values."""
