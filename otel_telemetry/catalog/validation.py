"""The validation of an event's properties: only those that match their declarations leave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog.fields import BUCKETS, Property
from otel_telemetry.catalog.value_types import CheckValue
from otel_telemetry.events import FrozenProperties
from otel_telemetry.types import Properties

ValidBuckets: TypeAlias = tuple[Properties | None, Properties | None, Properties | None]
_Checks: TypeAlias = dict[str, tuple[str, CheckValue, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedProperties:
    """The valid properties of an event, and the names of those that were removed.

    Attributes:
        buckets: The valid event, user and group properties.
        undeclared: Names of removed properties that are not declared.
        invalid: Names of removed properties whose values do not match their types.
        dropped_count: How many of the removed properties were event properties.
    """

    buckets: ValidBuckets
    undeclared: tuple[str, ...]
    invalid: tuple[str, ...]
    dropped_count: int


class EventValidator:
    """Validates the properties of one event. Thread-safe.

    Args:
        properties: The declared properties of the event.
        closed: Whether undeclared user and group properties are removed. Undeclared event
            properties always are.
        common: The validator of the properties that every event may have.

    Attributes:
        event: The filter of event properties.
        user: The filter of user properties. Where an event declares no user property, it is the
            very filter of *common*: the pipeline caches its results for each filter.
        group: The same for group properties.
    """

    __slots__ = ("event", "group", "user")

    def __init__(
        self, properties: Iterable[Property], *, closed: bool, common: EventValidator | None = None
    ) -> None:
        checks: dict[str, _Checks] = {bucket: {} for bucket in BUCKETS}
        for item in properties:
            # With the declared name: a key that equals it may be of another type.
            checks[item.bucket][item.name] = (item.name, item.value_type.check, item.optional)
        event, user, group = checks.values()
        self.event = PropertyFilter(event, closed=True)
        self.user = PropertyFilter(user, closed=closed)
        self.group = PropertyFilter(group, closed=closed)
        if common is not None:
            self.event = common.event.merge(self.event)
            self.user = common.user.merge(self.user)
            self.group = common.group.merge(self.group)

    def validate(
        self, event: Properties, user: Properties, group: Properties
    ) -> ValidatedProperties:
        """Return the valid properties of three buckets, whose values must be legal attributes."""
        valid: list[dict[str, object]] = []
        undeclared: list[str] = []
        invalid: list[str] = []
        dropped_count = 0
        for property_filter, bucket in (
            (self.event, event),
            (self.user, user),
            (self.group, group),
        ):
            valid.append(property_filter.split(bucket, undeclared, invalid))
            if property_filter is self.event:
                dropped_count = len(undeclared) + len(invalid)
        return ValidatedProperties(
            buckets=(valid[0], valid[1], valid[2]),
            undeclared=tuple(undeclared),
            invalid=tuple(invalid),
            dropped_count=dropped_count,
        )


class PropertyFilter:
    """Validates the properties of one bucket. Thread-safe.

    Attributes:
        checks: By name: the declared name, the check of a value, and whether None means that the
            property is absent.
        closed: Whether undeclared properties are removed.
    """

    __slots__ = ("checks", "closed")

    def __init__(self, checks: _Checks, *, closed: bool) -> None:
        self.checks = checks
        self.closed = closed

    def __call__(self, bucket: Properties) -> dict[str, object]:
        """Return the properties of *bucket* as they leave. Equal buckets have equal results.

        Raises:
            Exception: Of any type: a property is undeclared or invalid, or a name must be made
                legal first. `EventValidator.validate` finds out which.
        """
        bucket_type = type(bucket)
        if bucket_type is not dict and bucket_type is not FrozenProperties:
            raise TypeError
        checks = self.checks
        valid: dict[str, object] = {}
        if self.closed:  # the event properties of every `send`
            for key, value in bucket.items():
                name, check, _ = checks[key]
                valid[name] = check(value)
            return valid
        for key, value in bucket.items():
            if key in checks:
                name, check, _ = checks[key]
                valid[name] = check(value)
            elif type(key) is str and key.isascii():
                valid[key] = value
            else:  # once it is made legal, it may be a declared name
                raise TypeError
        return valid

    def split(
        self, bucket: Properties, undeclared: list[str], invalid: list[str]
    ) -> dict[str, object]:
        """Return the valid properties of *bucket*; add the names of the others to the lists."""
        valid: dict[str, object] = {}
        for name, value in bucket.items():
            if name not in self.checks:
                if self.closed:
                    undeclared.append(name)
                else:
                    valid[name] = value
                continue
            _, check, is_optional = self.checks[name]
            if value is not None or not is_optional:
                try:
                    valid[name] = check(value)
                except Exception:
                    invalid.append(name)
        return valid

    def merge(self, other: PropertyFilter) -> PropertyFilter:
        """Return a filter with the checks of both; this filter if *other* has no checks."""
        if not other.checks:
            return self
        return PropertyFilter({**self.checks, **other.checks}, closed=other.closed)
