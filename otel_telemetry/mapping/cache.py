"""Resources and scopes that are made, encoded and hashed once for equal properties.

Pure standard library.
"""

from __future__ import annotations

import marshal
import sys
from functools import lru_cache

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry._internal.generics import Generic, TypeVar
from otel_telemetry._internal.scalars import FIXED_SIZE_SCALARS
from otel_telemetry.events import FrozenProperties
from otel_telemetry.mapping.attributes import Cleaned, Cleaner

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_telemetry.types import AttributeValue, Properties

    Projection = Callable[[Properties], Properties]
    """Returns the part of a bucket that is sent; raises if that is not all of it."""

_T = TypeVar("_T")

CAPACITY = 4096
"""Distinct sets of properties that are remembered; the least recently used one goes first."""

_MAX_CONTENT = 4096  # bytes; longer content is not remembered, so that it never piles up

_STR = frozenset({str})
_SCALARS = FIXED_SIZE_SCALARS | _STR
_NOTHING = FrozenProperties()
# The first format without references: from version 3 on, equal content can have several forms.
_MARSHAL_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedProperties(Generic[_T]):
    """A resource or a scope, and what was dropped to make it.

    Attributes:
        value: The resource or the scope, one object for this content.
        record_attributes: The attributes that go on each record instead.
        dropped_count: Values that were dropped.
        reserved_count: Those of them whose key is reserved.
        is_corrected: Whether any was dropped.
    """

    value: _T
    record_attributes: Mapping[str, AttributeValue]
    dropped_count: int
    reserved_count: int
    is_corrected: bool


class CleanProperties(Generic[_T]):
    """Legal user or group properties, before they become a resource or a scope. Thread-safe.

    Attributes:
        attributes: The properties, read-only.
        projections: The cached result by projection, with None for all properties. A projection is
            called once, so its result must depend on its argument alone. What it raises is raised
            here.
        dropped_count: Values that were dropped.
        reserved_count: Those of them whose key is reserved.
        is_corrected: Whether any was dropped.
    """

    __slots__ = ("attributes", "dropped_count", "is_corrected", "projections", "reserved_count")

    def __init__(
        self, cleaned: Cleaned, find: Callable[[Mapping[str, object]], CachedProperties[_T]]
    ) -> None:
        attributes, self.dropped_count, self.reserved_count = cleaned
        self.attributes = FrozenProperties(attributes)
        self.projections: _Projections[_T] = _Projections(self.attributes, find)
        self.is_corrected = self.dropped_count > 0


class _Projections(dict["Projection | None", "CachedProperties[_T]"], Generic[_T]):
    __slots__ = ("_attributes", "_find")

    def __init__(
        self,
        attributes: FrozenProperties,
        find: Callable[[Mapping[str, object]], CachedProperties[_T]],
    ) -> None:
        super().__init__()
        self._attributes = attributes
        self._find = find

    def __missing__(self, projection: Projection | None) -> CachedProperties[_T]:
        attributes = self._attributes if projection is None else projection(self._attributes)
        result = self[projection] = self._find(attributes)
        return result


class _PropertiesCache(Generic[_T]):
    """Returns the same object for equal properties. Thread-safe.

    Types are distinguished (``True``, ``1`` and ``1.0`` are three values), and so are ``0.0`` and
    ``-0.0``.
    Flat properties, as nearly all are, are the keyword arguments of a typed `lru_cache`: one C call
    copies them and finds the result. The cache key of all others is their legal content as
    `marshal` writes it, which no caller can change afterwards.

    Args:
        create: Makes the object from legal attributes and the number of dropped ones.
        cleaner: Makes properties legal.
        on_record: Whether the attributes go on each record instead, under `PREFIX`.
    """

    PREFIX: str

    def __init__(
        self,
        create: Callable[[dict[str, AttributeValue], int], _T],
        cleaner: Cleaner,
        *,
        on_record: bool = False,
    ) -> None:
        self._create = create
        self._cleaner = cleaner
        self._on_record = on_record
        self._empty = CachedProperties(
            value=create({}, 0),
            record_attributes=_NOTHING,
            dropped_count=0,
            reserved_count=0,
            is_corrected=False,
        )
        self._empty_clean = CleanProperties(({}, 0, 0), self._find)
        self._by_scalars = lru_cache(maxsize=CAPACITY, typed=True)(self._find_scalars)
        self._clean_by_scalars = lru_cache(maxsize=CAPACITY, typed=True)(self._clean_scalars)
        self._by_content = lru_cache(maxsize=CAPACITY)(self._create_from_content)

    def get(self, properties: Mapping[str, object] | None) -> CachedProperties[_T]:
        """Return the result for *properties*. Never raises."""
        if properties is None:
            return self._empty
        if type(properties) is dict:
            try:
                return self._by_scalars(**properties)
            except Exception:  # not flat, or a value whose own hash or equality raises
                return self._find(properties)
        return self._find(properties)

    def clean(self, properties: Mapping[str, object] | None) -> CleanProperties[_T]:
        """Return legal *properties*, for hooks and the catalogue to read first. Never raises."""
        if properties is None:
            return self._empty_clean
        if type(properties) is dict:
            try:
                return self._clean_by_scalars(**properties)
            except Exception:  # as above
                return self._clean(properties)
        return self._clean(properties)

    def _find_scalars(self, /, **properties: object) -> CachedProperties[_T]:
        """Return the result for a flat dict of scalars; raises ValueError for any other.

        `lru_cache` does not remember what raises, so all that it finds again is flat as well.
        """
        _check_scalars(properties)
        return self._find(properties)

    def _clean_scalars(self, /, **properties: object) -> CleanProperties[_T]:
        _check_scalars(properties)
        return self._clean(properties)

    def _clean(self, properties: Mapping[str, object]) -> CleanProperties[_T]:
        return CleanProperties(self._cleaner.clean(properties), self._find)

    def _find(self, properties: Mapping[str, object]) -> CachedProperties[_T]:
        attributes, dropped_count, reserved_count = self._cleaner.clean(properties)
        if not attributes and not dropped_count:
            return self._empty
        # In order of their keys: the same content, in whichever order the caller sets it.
        content = marshal.dumps(dict(sorted(attributes.items())), _MARSHAL_FORMAT)
        create = self._by_content if len(content) <= _MAX_CONTENT else self._create_from_content
        return create(content, dropped_count, reserved_count)

    def _create_from_content(
        self, content: bytes, dropped_count: int, reserved_count: int
    ) -> CachedProperties[_T]:
        loaded = marshal.loads(content)  # noqa: S302 - our own bytes
        # Thousands of sets of properties share a few keys.
        attributes = {sys.intern(key): value for key, value in loaded.items()}
        if self._on_record:
            value = self._empty.value
            record_attributes = FrozenProperties(
                {self.PREFIX + key: item for key, item in attributes.items()}
            )
        else:
            value, record_attributes = self._create(attributes, dropped_count), _NOTHING
        return CachedProperties(
            value=value,
            record_attributes=record_attributes,
            dropped_count=dropped_count,
            reserved_count=reserved_count,
            is_corrected=dropped_count > 0,
        )


class ResourceCache(_PropertiesCache[_T]):
    """Resources by user properties. Thread-safe."""

    PREFIX = "user."


class ScopeCache(_PropertiesCache[_T]):
    """Instrumentation scopes by group properties. Thread-safe."""

    PREFIX = "group."


def _check_scalars(properties: dict[str, object]) -> None:
    if not (
        _STR.issuperset(map(type, properties))
        and _SCALARS.issuperset(map(type, properties.values()))
    ):
        raise ValueError("not a flat dict of scalars")
    if sum(len(value) for value in properties.values() if type(value) is str) > _MAX_CONTENT:
        raise ValueError("too long to be remembered")
    # 0.0 equals -0.0, and NaN not even itself.
    if any(type(value) is float and not abs(value) > 0 for value in properties.values()):
        raise ValueError("a float that equality cannot tell apart")
