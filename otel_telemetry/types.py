"""The types of applications, properties and attribute values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

__all__ = ["App", "AttributeValue", "Properties"]

_Scalar: TypeAlias = "str | bool | int | float | bytes | None"
# One string: some type checkers cannot read an annotation that is joined from several.
AttributeValue: TypeAlias = "_Scalar | Sequence[AttributeValue] | Mapping[str, AttributeValue]"
"""A legal attribute value (OpenTelemetry specification, common/README, "AnyValue")."""

Properties = Mapping[str, object]
"""The properties in one bucket, with values of any type; `send` converts them to legal ones."""


class App(Protocol):
    """An application that has a name; it may also have a `version` (str)."""

    @property
    def name(self) -> str:
        """The name, as in ``service.name``."""
