"""Equal properties give the same object: made, encoded and hashed once.

Pure standard library.
"""

from __future__ import annotations

import marshal
import sys
from functools import lru_cache

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.scalars import FIXED_SIZE_SCALARS
from otel_telemetry.events import FrozenProperties
from otel_telemetry.mapping.attributes import Cleaned, Cleaner

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Generic, TypeVar

    from otel_telemetry.types import AttributeValue, Properties

    Fit = Callable[[Properties], Properties]
    """Returns what may leave of a bucket; raises if that is not all of it."""

    _T = TypeVar("_T")
else:  # `Generic[_T]` is `object` then: the real one is `typing`'s, which costs a program 3 ms
    Generic, _T = {0: object}, 0

CAPACITY = 4096
"""Distinct sets of properties that are remembered; the one longest unused goes first."""

_LONGEST = 4096  # bytes of content; what is longer is made each time, and never piles up

_STR = frozenset({str})
_PLAIN = FIXED_SIZE_SCALARS | _STR
_NOTHING = FrozenProperties()
# The first format without references: from version 3 on, equal content can have several forms.
_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Interned(Generic[_T]):
    """What a set of properties became.

    Attributes:
        value: The one object for this content.
        on_record: Attributes for each record instead.
        cut: Values that were left out.
        reserved: Attempts to set a reserved key.
        is_flawed: Whether either happened.
    """

    value: _T
    on_record: Mapping[str, AttributeValue]
    cut: int
    reserved: int
    is_corrected: bool


class CleanProperties(Generic[_T]):
    """Legal properties that somebody looks at before they become anything. Thread-safe.

    Attributes:
        attributes: They; nobody can change them.
        becomes: By a function that leaves some of them, or None for all, the object for what is
            left. It is asked once, so what it returns must depend on its argument alone; what it
            raises is raised.
        cut: Values that were left out.
        reserved: Attempts to set a reserved key.
        is_flawed: Whether either happened.
    """

    __slots__ = ("attributes", "cut", "is_corrected", "projections", "reserved")

    def __init__(
        self, cleaned: Cleaned, intern: Callable[[Mapping[str, object]], Interned[_T]]
    ) -> None:
        self.attributes = FrozenProperties(cleaned.attributes)
        self.projections: _Becoming[_T] = _Becoming(self.attributes, intern)
        self.cut = cleaned.cut
        self.reserved = cleaned.reserved
        self.is_corrected = cleaned.cut + cleaned.reserved > 0


class _Becoming(dict["Fit | None", "Interned[_T]"], Generic[_T]):
    __slots__ = ("_attributes", "_intern")

    def __init__(
        self, attributes: FrozenProperties, intern: Callable[[Mapping[str, object]], Interned[_T]]
    ) -> None:
        super().__init__()
        self._attributes = attributes
        self._intern = intern

    def __missing__(self, fit: Fit | None) -> Interned[_T]:
        left = self._attributes if fit is None else fit(self._attributes)
        made = self[fit] = self._intern(left)
        return made


class Interner(Generic[_T]):
    """Equal properties in, the same object out. Thread-safe.

    Types are told apart (``True``, ``1`` and ``1.0`` are three values), ``0.0`` and ``-0.0`` too,
    and a key is content that nobody can change afterwards. Flat properties, as nearly all are, are
    keyword arguments of a typed cache: one C call copies and finds them. For all others the key is
    the legal content as `marshal` writes it.

    Args:
        make: Makes the object from legal attributes and the count of those left out.
        cleaner: Makes properties legal.
        prefix: If attributes go on each record instead, what goes before their keys there.
    """

    def __init__(
        self,
        make: Callable[[dict[str, AttributeValue], int], _T],
        cleaner: Cleaner,
        *,
        prefix: str | None = None,
    ) -> None:
        self._make = make
        self._cleaner = cleaner
        self._prefix = prefix
        self._empty = Interned(
            value=make({}, 0), on_record=_NOTHING, cut=0, reserved=0, is_corrected=False
        )
        self._nothing = CleanProperties(Cleaned({}, 0, 0), self._cleaned)
        self._known = lru_cache(maxsize=CAPACITY, typed=True)(self._from_plain)
        self._known_seen = lru_cache(maxsize=CAPACITY, typed=True)(self._seen_plain)
        self._made = lru_cache(maxsize=CAPACITY)(self._from_clean)

    def __call__(self, properties: Mapping[str, object] | None) -> Interned[_T]:
        """Return the object for *properties*. Never raises."""
        if properties is None:
            return self._empty
        if type(properties) is dict:
            try:
                return self._known(**properties)
            except Exception:  # not plain, or a value whose own hash or equality raises
                return self._cleaned(properties)
        return self._cleaned(properties)

    def seen(self, properties: Mapping[str, object] | None) -> CleanProperties[_T]:
        """Return legal *properties*, for a look before they become the object. Never raises."""
        if properties is None:
            return self._nothing
        if type(properties) is dict:
            try:
                return self._known_seen(**properties)
            except Exception:  # as above
                return self._seen(properties)
        return self._seen(properties)

    def _from_plain(self, /, **properties: object) -> Interned[_T]:
        """Return the object for a flat dict of scalars; raises ValueError if it is another.

        What raises is not remembered, so whatever is found again is plain as well.
        """
        _check_plain(properties)
        return self._cleaned(properties)

    def _seen_plain(self, /, **properties: object) -> CleanProperties[_T]:
        _check_plain(properties)
        return self._seen(properties)

    def _seen(self, properties: Mapping[str, object]) -> CleanProperties[_T]:
        return CleanProperties(self._cleaner.clean(properties), self._cleaned)

    def _cleaned(self, properties: Mapping[str, object]) -> Interned[_T]:
        attributes, cut, reserved = self._cleaner.clean(properties)
        if not attributes and not cut and not reserved:
            return self._empty
        # In order of their keys: the same content, however the caller came to it.
        content = marshal.dumps(dict(sorted(attributes.items())), _FORMAT)
        made = self._made if len(content) <= _LONGEST else self._from_clean
        return made(content, cut, reserved)

    def _from_clean(self, content: bytes, cut: int, reserved: int) -> Interned[_T]:
        loaded = marshal.loads(content)  # noqa: S302 - our own bytes
        # Thousands of sets of properties share a few keys.
        attributes = {sys.intern(key): value for key, value in loaded.items()}
        dropped = cut + reserved
        if self._prefix is None:
            value, on_record = self._make(attributes, dropped), _NOTHING
        else:
            value = self._empty.value
            on_record = FrozenProperties(
                {self._prefix + key: item for key, item in attributes.items()}
            )
        return Interned(
            value=value, on_record=on_record, cut=cut, reserved=reserved, is_corrected=dropped > 0
        )


def _check_plain(properties: dict[str, object]) -> None:
    if not (
        _STR.issuperset(map(type, properties)) and _PLAIN.issuperset(map(type, properties.values()))
    ):
        raise ValueError("not plain")
    if sum(len(value) for value in properties.values() if type(value) is str) > _LONGEST:
        raise ValueError("too long to be remembered")
    # 0.0 equals -0.0, and NaN not even itself.
    if any(type(value) is float and not abs(value) > 0 for value in properties.values()):
        raise ValueError("not to be told apart by equality")
