"""Group properties → an interned InstrumentationScope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_telemetry.otlp.encoder import scope_field
from otel_telemetry.typing import AttributeValue


class EventScope(InstrumentationScope):
    """An InstrumentationScope with its hash and its OTLP bytes computed once.

    The SDK's hash leaves the attributes out, so scopes that differ in nothing else collide, and a
    batch with many of them costs the stock encoder quadratic time. This one's is of its bytes.
    """

    __slots__ = ("_hash", "_own_attributes", "otlp")

    def __init__(
        self,
        name: str,
        version: str | None,
        attributes: Mapping[str, AttributeValue],
        *,
        dropped: int = 0,
    ) -> None:
        super().__init__(name, version)
        self._own_attributes = MappingProxyType(dict(attributes))
        self.otlp = scope_field(name, version, attributes, dropped=dropped)
        self._hash = hash(self.otlp)

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """The attributes, read-only."""
        return self._own_attributes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventScope) and self.otlp == other.otlp

    def __hash__(self) -> int:
        return self._hash

    def __lt__(self, other: object) -> bool:
        return self.otlp < other.otlp if isinstance(other, EventScope) else NotImplemented

    def to_json(self, indent: int | None = 4) -> str:
        """Return the scope as JSON, as the SDK's own does."""
        return json.dumps(
            {
                "name": self.name,
                "version": self.version,
                "schema_url": self.schema_url,
                "attributes": dict(self.attributes) or None,
            },
            indent=indent,
            default=lambda value: value.hex(),  # bytes: nothing else is left
        )
