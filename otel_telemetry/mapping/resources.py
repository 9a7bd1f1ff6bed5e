"""User properties → an interned Resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from opentelemetry.sdk.resources import Resource

from otel_telemetry.otlp.encoder import resource_field
from otel_telemetry.typing import AttributeValue


class EventResource(Resource):
    """A Resource with its hash and its OTLP bytes computed once.

    Equality is that of the bytes: the SDK's takes ``True``, ``1`` and ``1.0`` for equal. Attributes
    are ours, not the SDK's: before 1.45 that drops maps and None. So is all that the public surface
    shows, and the SDK's constructor has nothing to do: there may be thousands of these.

    Args:
        attributes: What it has.
        base: What it has beside them, its schema URL included; None for nothing.
        dropped: How many attributes were left out.
        schema_url: The schema URL, where there is no base.
    """

    def __init__(
        self,
        attributes: Mapping[str, AttributeValue],
        *,
        base: EventResource | None = None,
        dropped: int = 0,
        schema_url: str | None = None,
    ) -> None:
        self._own = dict(attributes)
        self._base = base
        self._url = schema_url or "" if base is None else base.schema_url
        self.otlp = resource_field(self.attributes, dropped=dropped, schema_url=self._url)
        self._hash = hash(self.otlp)

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """The attributes, read-only; those of the base first."""
        base = {} if self._base is None else self._base.attributes
        return MappingProxyType({**base, **self._own})

    @property
    def schema_url(self) -> str:
        """The schema URL; empty for none."""
        return self._url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventResource) and self.otlp == other.otlp

    def __hash__(self) -> int:
        return self._hash

    def to_json(self, indent: int | None = 4) -> str:
        """Return the resource as JSON, as the SDK's own does."""
        return json.dumps(
            {"attributes": dict(self.attributes), "schema_url": self.schema_url},
            indent=indent,
            default=lambda value: value.hex(),  # bytes: nothing else is left
        )
