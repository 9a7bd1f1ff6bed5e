"""Legal attributes of a bucket of properties: the rules of `mapping.values`, within limits, fast.

Pure standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import FIXED_SIZE_SCALARS, INT_MAX, INT_MIN
from otel_telemetry.events import FrozenProperties
from otel_telemetry.mapping.values import (
    MAX_ELEMENTS,
    ValueConverter,
    ValueDropped,
    attribute_key,
)
from otel_telemetry.otlp.encoder import (
    AttributeEncoder,
    attribute_encoder,
    encode_scalar_attributes,
)

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.types import AttributeValue

Cleaned = tuple["dict[str, AttributeValue]", int, int]
"""The attributes, in fresh containers at every level; how many values were dropped; how many of
those because their key is reserved."""

_LONG_TEXT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a bucket.

    Attributes:
        count: Attributes in a bucket; None for no limit. The specification's default is 128.
        length: Characters of a str, bytes of a bytes value; None for no limit.
    """

    count: int | None = 128
    length: int | None = None


class Cleaner:
    """Makes buckets legal. Thread-safe.

    Args:
        limits: The limits of each bucket.
        is_reserved: Whether callers may not set a key.
    """

    def __init__(
        self, limits: Limits | None = None, *, is_reserved: Callable[[str], bool] | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._is_reserved = is_reserved or (lambda _key: False)
        count, length = self._limits.count, self._limits.length
        # Attributes that a bucket may have on the fast path; with a limit of length, it has none.
        self._max_scalars = -1 if length is not None else MAX_ELEMENTS if count is None else count
        # Keys recur in every event; each is checked once.
        self._encoders: dict[str, AttributeEncoder] = {}
        # Each key as the object that came first: another object with the same text is rare.
        self._known_keys: dict[str, str] = {}

    def clean(self, properties: Mapping[str, object] | None) -> Cleaned:
        """Return a legal copy of *properties*, as they are at the call. Never raises."""
        if properties is None:
            return {}, 0, 0
        try:
            # One C call for a dict: a snapshot that no other thread can change.
            items = dict(properties) if isinstance(properties, dict) else _snapshot(properties)
        except Exception:
            return {}, 1, 0
        return self._clean(items)

    def freeze(self, properties: object) -> FrozenProperties | None:
        """Return a frozen copy of *properties* if they are legal already; None if not."""
        if type(properties) is not dict or len(properties) > self._max_scalars:
            return None
        known = self._known_keys
        try:
            copy = FrozenProperties(properties)
            for key, value in copy.items():
                if known[key] is not key and type(key) is not str:
                    return None
                # As `_is_legal`: a call for each value would double the time.
                kind = type(value)
                if kind is str:
                    if not value.isascii() or len(value) > _LONG_TEXT:  # type: ignore[arg-type, union-attr]
                        return None
                elif kind is int:
                    if not INT_MIN <= value <= INT_MAX:  # type: ignore[operator]
                        return None
                elif kind not in FIXED_SIZE_SCALARS:
                    return None
        except Exception:  # an unknown key, or one whose own methods raise
            return None
        return copy

    def encode(self, properties: object) -> tuple[dict[str, AttributeValue], list[bytes]] | None:
        """Return a copy of *properties*, and their encoded form, if they are legal already.

        A flat dict under known keys, as nearly every event has, is encoded in one pass. Anything
        else fails in that pass, and gives None.
        """
        kind = type(properties)
        if kind is not dict and kind is not FrozenProperties:
            return None
        copy: dict[str, AttributeValue] = properties.copy()  # type: ignore[attr-defined]  # a dict
        if len(copy) > self._max_scalars:
            return None
        try:
            return copy, encode_scalar_attributes(self._encoders, copy)
        except Exception:  # a key's own methods may raise anything
            return None

    def _clean(self, items: dict[object, object]) -> Cleaned:
        attributes: dict[str, AttributeValue] = {}
        converter: ValueConverter | None = None
        reserved_count = 0
        count, length = self._limits.count, self._limits.length
        encoders = self._encoders
        for key, value in items.items():
            if type(key) is not str or key not in encoders:
                key = attribute_key(key)  # noqa: PLW2901 - it is the same key, made legal
                if key is None:
                    continue
                if self._is_reserved(key):
                    reserved_count += 1
                    continue
                encoder = attribute_encoder(key)
                if encoder is not None:
                    encoders[key] = encoder
                    self._known_keys[key] = key
            if count is not None and len(attributes) >= count and key not in attributes:
                continue
            if length is None and _is_legal(value):
                attributes[key] = value  # type: ignore[assignment]  # a scalar
            else:
                converter = converter or ValueConverter(length)
                try:
                    attributes[key] = converter.convert(value, 1)
                except ValueDropped:
                    continue
        dropped_count = len(items) - len(attributes)
        if converter is not None:
            dropped_count += converter.dropped_count
        return attributes, dropped_count, reserved_count


def _is_legal(value: object) -> bool:
    """Whether *value* is a scalar that needs no conversion."""
    kind = type(value)
    if kind is str:
        return value.isascii() and len(value) <= _LONG_TEXT  # type: ignore[attr-defined, arg-type]
    if kind is int:
        return INT_MIN <= value <= INT_MAX  # type: ignore[operator]
    return kind in FIXED_SIZE_SCALARS


def _snapshot(properties: Mapping[str, object]) -> dict[object, object]:
    # Bounded, for a Mapping may be endless.
    return dict(islice(properties.items(), MAX_ELEMENTS))
