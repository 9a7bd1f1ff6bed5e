"""The checks of one event's properties: what fits its declaration leaves, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from otel_telemetry.frozen import dataclass
from otel_telemetry.trust.catalog.fields import BUCKETS
from otel_telemetry.trust.catalog.kinds import Check
from otel_telemetry.trust.catalog.properties import Property
from otel_telemetry.typing import Properties

Fitting: TypeAlias = tuple[Properties | None, Properties | None, Properties | None]
_Table: TypeAlias = dict[str, tuple[str, Check]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
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
    left_out: int


class Checks:
    """The checks of one event. Thread-safe.

    Args:
        properties: What is declared.
        closed: Whether user and group properties that are not declared stay as well.
    """

    __slots__ = ("_closed", "_event", "_group", "_optional", "_user")

    def __init__(self, properties: Iterable[Property], *, closed: bool) -> None:
        tables: dict[str, _Table] = {bucket: {} for bucket in BUCKETS}
        self._optional: set[tuple[str, str]] = set()
        for item in properties:
            # With the name as it was declared: what equals it may still be another.
            tables[item.bucket][item.name] = (item.name, item.kind.check)
            if item.optional:
                self._optional.add((item.bucket, item.name))
        self._event, self._user, self._group = (tables[bucket] for bucket in BUCKETS)
        self._closed = closed

    def fitting(
        self, event: Properties | None, user: Properties | None, group: Properties | None
    ) -> Fitting | None:
        """Return what leaves of three buckets; None if anything does not fit as it is."""
        more = _fitting if self._closed else _fitting_or_other
        try:
            return (
                None if event is None else _fitting(self._event, event),
                None if user is None else more(self._user, user),
                None if group is None else more(self._group, group),
            )
        except Exception:
            return None

    def kept(self, event: Properties, user: Properties, group: Properties) -> Kept:
        """Return what may leave of three buckets of legal values."""
        passed: list[dict[str, object]] = []
        undeclared: list[str] = []
        invalid: list[str] = []
        left_out = 0
        tables = (self._event, self._user, self._group)
        for where, table, bucket in zip(BUCKETS, tables, (event, user, group), strict=True):
            fitting: dict[str, object] = {}
            for name, value in bucket.items():
                if name not in table:
                    if self._closed or table is self._event:
                        undeclared.append(name)
                    else:
                        fitting[name] = value
                elif value is not None or (where, name) not in self._optional:
                    try:
                        fitting[name] = table[name][1](value)
                    except Exception:
                        invalid.append(name)
            if table is self._event:
                left_out = len(undeclared) + len(invalid)
            passed.append(fitting)
        return Kept(
            fitting=(passed[0], passed[1], passed[2]),
            undeclared=tuple(undeclared),
            invalid=tuple(invalid),
            left_out=left_out,
        )


def _fitting(table: _Table, bucket: Properties) -> dict[str, object]:
    """Return what leaves of *bucket*; raises if anything does not fit as it is."""
    if type(bucket) is not dict:
        raise TypeError
    fitting: dict[str, object] = {}
    for given, value in bucket.items():
        name, check = table[given]
        fitting[name] = check(value)
    return fitting


def _fitting_or_other(table: _Table, bucket: Properties) -> dict[str, object]:
    """Do the same, and pass on what is not declared."""
    if type(bucket) is not dict:
        raise TypeError
    fitting: dict[str, object] = {}
    for given, value in bucket.items():
        if given in table:
            name, check = table[given]
            fitting[name] = check(value)
        elif type(given) is str and given.isascii():
            fitting[given] = value
        else:  # made legal, it may be the name of what is declared
            raise TypeError
    return fitting
