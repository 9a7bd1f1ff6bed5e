"""The checks of one event's properties: what fits its declaration leaves, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog.fields import BUCKETS, Property
from otel_telemetry.catalog.value_types import CheckValue
from otel_telemetry.events import FrozenProperties
from otel_telemetry.types import Properties

Fitting: TypeAlias = tuple[Properties | None, Properties | None, Properties | None]
_Table: TypeAlias = dict[str, tuple[str, CheckValue, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedProperties:
    """What of an event may leave.

    Attributes:
        fitting: The three buckets.
        undeclared: Names of properties that stay, for nobody declared them.
        invalid: Names of properties that stay, for their values do not fit.
        left_out: How many of both were event properties.
    """

    fitting: Fitting
    undeclared: tuple[str, ...]
    invalid: tuple[str, ...]
    dropped_count: int


class EventValidator:
    """The checks of one event. Thread-safe.

    Args:
        properties: What is declared.
        closed: Whether user and group properties that are not declared stay as well.
        common: Checks of what else is declared.

    Attributes:
        event: Returns what leaves of a bucket of event properties; raises if anything does not fit
            as it is. What it returns depends on its argument alone.
        of_others: The same for user and for group properties. They are those of *common*, where
            there are none beside: what one function was asked about equal properties is known.
    """

    __slots__ = ("event", "of_others")

    def __init__(
        self, properties: Iterable[Property], *, closed: bool, common: EventValidator | None = None
    ) -> None:
        tables: dict[str, _Table] = {bucket: {} for bucket in BUCKETS}
        for item in properties:
            # With the name as it was declared: what equals it may still be another.
            tables[item.bucket][item.name] = (item.name, item.kind.check, item.optional)
        event, user, group = tables.values()
        self.event = PropertyFilter(event, closed=True)
        self.of_others = PropertyFilter(user, closed=closed), PropertyFilter(group, closed=closed)
        if common is not None:
            user_fit, group_fit = self.of_others
            self.event = common.event.joined(self.event)
            self.of_others = (
                common.of_others[0].joined(user_fit),
                common.of_others[1].joined(group_fit),
            )

    def kept(self, event: Properties, user: Properties, group: Properties) -> ValidatedProperties:
        """Return what may leave of three buckets of legal values."""
        passed: list[dict[str, object]] = []
        undeclared: list[str] = []
        invalid: list[str] = []
        dropped_count = 0
        for fit, bucket in zip((self.event, *self.of_others), (event, user, group), strict=True):
            fitting: dict[str, object] = {}
            for name, value in bucket.items():
                if name not in fit.table:
                    if fit.closed:
                        undeclared.append(name)
                    else:
                        fitting[name] = value
                    continue
                _, check, is_optional = fit.table[name]
                if value is not None or not is_optional:
                    try:
                        fitting[name] = check(value)
                    except Exception:
                        invalid.append(name)
            if fit is self.event:
                dropped_count = len(undeclared) + len(invalid)
            passed.append(fitting)
        return ValidatedProperties(
            fitting=(passed[0], passed[1], passed[2]),
            undeclared=tuple(undeclared),
            invalid=tuple(invalid),
            dropped_count=dropped_count,
        )


class PropertyFilter:
    """What leaves of a bucket.

    Attributes:
        table: By the name of a property, that very name, the check, and whether None is absence.
        closed: Whether what is not declared stays.
    """

    __slots__ = ("closed", "table")

    def __init__(self, table: _Table, *, closed: bool) -> None:
        self.table = table
        self.closed = closed

    def __call__(self, bucket: Properties) -> dict[str, object]:
        """Return what leaves of *bucket*; raises if anything does not fit as it is."""
        kind = type(bucket)
        if kind is not dict and kind is not FrozenProperties:
            raise TypeError
        table = self.table
        fitting: dict[str, object] = {}
        if self.closed:  # an event's own properties, at every `send`
            for given, value in bucket.items():
                name, check, _ = table[given]
                fitting[name] = check(value)
            return fitting
        for given, value in bucket.items():
            if given in table:
                name, check, _ = table[given]
                fitting[name] = check(value)
            elif type(given) is str and given.isascii():
                fitting[given] = value
            else:  # made legal, it may be the name of what is declared
                raise TypeError
        return fitting

    def joined(self, more: PropertyFilter) -> PropertyFilter:
        """Return what holds to both; this very one, if *more* says nothing."""
        return (
            PropertyFilter({**self.table, **more.table}, closed=more.closed) if more.table else self
        )
