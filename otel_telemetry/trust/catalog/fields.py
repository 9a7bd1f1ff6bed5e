"""`field` and `version`: what is said of a property where it is declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from otel_telemetry.frozen import dataclass

DataClass = Literal["configuration", "environment", "error", "feature", "performance", "pseudonym"]
Bucket = Literal["event", "user", "group"]

_T = TypeVar("_T")

DATA_CLASSES: Mapping[str, str] = {
    "feature": "which parts of the software are used, and how",
    "configuration": "how the software is set up",
    "environment": "what the software runs on",
    "performance": "how much work was done, and how long it took",
    "error": "what went wrong, by its kind",
    "pseudonym": "stands for a person, a machine or a thing without naming it",
}
"""The classes of data, and what each holds. There is none for what names somebody."""

BUCKETS = ("event", "user", "group")

ABSENT: object = object()
"""Said of what was not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """What `field` or `version` was given."""

    meaning: object
    data_class: object
    example: object
    since: object
    bucket: object
    name: object
    default: object
    buckets: object = None
    max_length: object = None
    is_version: bool = False


@overload
def field(
    meaning: str,
    *,
    data_class: DataClass,
    example: object = ...,
    since: str | None = None,
    bucket: Bucket = "event",
    name: str | None = None,
    buckets: Sequence[float] | None = None,
    max_length: int | None = None,
    default: _T,
) -> _T: ...


# As `dataclasses.field`: the annotation says what it is.
@overload
def field(
    meaning: str,
    *,
    data_class: DataClass,
    example: object = ...,
    since: str | None = None,
    bucket: Bucket = "event",
    name: str | None = None,
    buckets: Sequence[float] | None = None,
    max_length: int | None = None,
) -> Any: ...


def field(
    meaning: str,
    *,
    data_class: DataClass,
    example: object = ABSENT,
    since: str | None = None,
    bucket: Bucket = "event",
    name: str | None = None,
    buckets: Sequence[float] | None = None,
    max_length: int | None = None,
    default: object = ABSENT,
) -> object:
    """Declare a property of an event. Its annotation says what it may be.

    bool, int, float, an Enum of str or int, a Literal of str, a str with *max_length*, or one of
    these or None. None means that there is no such property in this event.

    Args:
        meaning: What it says, in a sentence for those whose data it is.
        data_class: What it tells of: ``"feature"`` (which parts of the software are used, and how),
            ``"configuration"`` (how it is set up), ``"environment"`` (what it runs on),
            ``"performance"`` (how much work was done, and how long it took), ``"error"`` (what went
            wrong, by its kind), or ``"pseudonym"`` (stands for a person, a machine or a thing
            without naming it). There is none for what names somebody.
        example: A value. Not needed where the type has an end: bool, Enum, Literal.
        since: The version of the software that sent it first; that of the event, if not given.
        bucket: Whether it is an event, a user or a group property.
        name: Its name where it leaves; that of the attribute, if not given.
        buckets: Ascending bounds. A number then leaves as the name of the range in which it lies:
            with ``(1, 5)`` as ``<1``, ``1 to 4`` or ``>=5``. A bound belongs to what is above it.
        max_length: Characters, 1 to 256, of a str. A longer one does not leave.
        default: Its value where none is given; without it, one must be.
    """
    return FieldSpec(
        meaning=meaning,
        data_class=data_class,
        example=example,
        since=since,
        bucket=bucket,
        name=name,
        default=default,
        buckets=buckets,
        max_length=max_length,
    )


@overload
def version(
    meaning: str,
    *,
    data_class: DataClass = "environment",
    example: str,
    since: str | None = None,
    bucket: Bucket = "event",
    name: str | None = None,
    default: _T,
) -> _T: ...


@overload
def version(
    meaning: str,
    *,
    data_class: DataClass = "environment",
    example: str,
    since: str | None = None,
    bucket: Bucket = "event",
    name: str | None = None,
) -> Any: ...


def version(
    meaning: str,
    *,
    data_class: DataClass = "environment",
    example: str,
    since: str | None = None,
    bucket: Bucket = "event",
    name: str | None = None,
    default: object = ABSENT,
) -> object:
    """Declare a property that is a version, annotated ``str``, such as ``5.1.0`` or ``3.14.0rc2``.

    Numbers and the words of pre-releases leave; a local part (``+local``) stays behind, for it may
    name anything.

    Args:
        meaning: What it is the version of.
        data_class: See `field`.
        example: A version.
        since: See `field`.
        bucket: See `field`.
        name: See `field`.
        default: See `field`.
    """
    return FieldSpec(
        meaning=meaning,
        data_class=data_class,
        example=example,
        since=since,
        bucket=bucket,
        name=name,
        default=default,
        is_version=True,
    )
