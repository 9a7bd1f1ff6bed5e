"""Buckets of properties, made legal: the rules of `mapping.values`, within limits, and fast.

Pure standard library.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from itertools import islice

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import FIXED_SIZE_SCALARS, INT_MAX, INT_MIN
from otel_telemetry.events import FrozenProperties
from otel_telemetry.mapping.values import MAX_ELEMENTS, Cut, Walk, legal_key
from otel_telemetry.otlp.encoder import RecordKey, plain_fields, record_key

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from typing import NamedTuple

    from otel_telemetry.types import AttributeValue

    class Cleaned(NamedTuple):
        """A bucket of legal attributes.

        Attributes:
            attributes: Fresh containers all the way down: nobody else can change them.
            cut: Values that were left out.
            reserved: Attempts to set a reserved key; not in *cut*.
        """

        attributes: dict[str, AttributeValue]
        cut: int
        reserved: int

else:
    Cleaned = namedtuple("Cleaned", ("attributes", "cut", "reserved"))  # noqa: PYI024

_LONG_TEXT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a bucket is kept.

    Attributes:
        count: Attributes in a bucket; None for no limit. The specification's default is 128.
        length: Characters of a str, bytes of a bytes value; None for no limit.
    """

    count: int | None = 128
    length: int | None = None


class Cleaner:
    """Makes buckets legal. Thread-safe.

    Args:
        limits: How much of a bucket is kept.
        is_reserved: Says of a key whether it may not be set by callers.
    """

    def __init__(
        self, limits: Limits | None = None, *, is_reserved: Callable[[str], bool] | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._is_reserved = is_reserved or (lambda _key: False)
        count, length = self._limits.count, self._limits.length
        # Whatever its size, a bucket has to be looked at where texts may be cut.
        self._most_plain = -1 if length is not None else MAX_ELEMENTS if count is None else count
        # Keys recur in every event; each is checked once.
        self._known_keys: dict[str, RecordKey] = {}
        # The same keys as they came first: another object with a key's text is rare.
        self._known_names: dict[str, str] = {}

    def clean(self, properties: Mapping[str, object] | None) -> Cleaned:
        """Return a legal copy of *properties*, as it was at the call. Never raises."""
        if properties is None:
            return Cleaned({}, 0, 0)
        try:
            # One C call for a dict: a snapshot, whatever other threads do meanwhile.
            items = dict(properties) if isinstance(properties, dict) else _snapshot(properties)
        except Exception:
            return Cleaned({}, 1, 0)
        return self._clean(items)

    def frozen(self, properties: object) -> FrozenProperties | None:
        """Return a copy of *properties* if they are legal as they are; else None: `clean` them."""
        if type(properties) is not dict or len(properties) > self._most_plain:
            return None
        names = self._known_names
        try:
            copy = FrozenProperties(properties)
            for key, value in copy.items():
                if names[key] is not key and type(key) is not str:
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

    def plain(self, properties: object) -> tuple[dict[str, AttributeValue], list[bytes]] | None:
        """Return a copy of *properties*, encoded too, if they are legal; None if they need `clean`.

        A flat dict under known keys, as nearly every event is, is encoded in one pass, which fails
        over anything else.
        """
        kind = type(properties)
        if kind is not dict and kind is not FrozenProperties:
            return None
        copy: dict[str, AttributeValue] = properties.copy()  # type: ignore[attr-defined]  # just asked
        if len(copy) > self._most_plain:
            return None
        try:
            return copy, plain_fields(self._known_keys, copy)
        except Exception:  # a key's own methods may raise anything
            return None

    def _clean(self, items: dict[object, object]) -> Cleaned:
        attributes: dict[str, AttributeValue] = {}
        walk: Walk | None = None
        reserved = 0
        count, length = self._limits.count, self._limits.length
        known = self._known_keys
        for key, value in items.items():
            if type(key) is not str or key not in known:
                key = legal_key(key)  # noqa: PLW2901 - it is the same key, made legal
                if key is None:
                    continue
                if self._is_reserved(key):
                    reserved += 1
                    continue
                form = record_key(key)
                if form is not None:
                    known[key] = form
                    self._known_names[key] = key
            if count is not None and len(attributes) >= count and key not in attributes:
                continue
            if length is None and _is_legal(value):
                attributes[key] = value  # type: ignore[assignment]  # just looked at
            else:
                walk = walk or Walk(length)
                try:
                    attributes[key] = walk.value(value, 1)
                except Cut:
                    continue
        cut = len(items) - len(attributes) - reserved
        return Cleaned(attributes, cut + walk.cut if walk else cut, reserved)


def _is_legal(value: object) -> bool:
    """Tell whether *value* is a scalar that can go as it is."""
    kind = type(value)
    if kind is str:
        return value.isascii() and len(value) <= _LONG_TEXT  # type: ignore[attr-defined, arg-type]
    if kind is int:
        return INT_MIN <= value <= INT_MAX  # type: ignore[operator]
    return kind in FIXED_SIZE_SCALARS


def _snapshot(properties: Mapping[str, object]) -> dict[object, object]:
    # Bounded, for a Mapping may be endless.
    return dict(islice(properties.items(), MAX_ELEMENTS))
