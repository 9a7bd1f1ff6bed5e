"""`field` and `version`: what is said of a property where it is declared."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog.value_types import DeclaredValue, ValueType, Wrong, value_type_of
from otel_telemetry.errors import ConfigurationError
from otel_telemetry.mapping.values import is_reserved

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A declared property.

    Attributes:
        name: Its name where it leaves.
        attribute: Its name in the class.
        meaning: What it says.
        data_class: What it tells of.
        example: A value, as it leaves.
        since: The version of the software that sent it first.
        bucket: ``"event"``, ``"user"`` or ``"group"``.
        kind: What may leave.
        optional: Whether None means that it is absent.
    """

    name: str
    attribute: str
    meaning: str
    data_class: str
    example: DeclaredValue
    since: str
    bucket: str
    kind: ValueType
    optional: bool


def read_properties(declaring: type, since: str | None) -> tuple[Property, ...]:
    """Return the properties that a class declares, in their order.

    Args:
        declaring: The class.
        since: For those that say nothing of it.

    Raises:
        ConfigurationError: One cannot be declared like that.
    """
    where = declaring.__qualname__
    if declaring.__bases__ != (object,):
        raise ConfigurationError(
            f"{where} inherits: declare what events share once, as common to the Catalog"
        )
    try:
        annotations = typing.get_type_hints(declaring)
    except Exception as error:
        raise ConfigurationError(
            f"{where}: its annotations cannot be resolved ({error}): import or declare the types "
            "at the module's top level"
        ) from None
    specs = {name: value for name, value in vars(declaring).items() if isinstance(value, FieldSpec)}
    for name in specs.keys() - annotations.keys():
        raise ConfigurationError(f"{where}.{name} needs an annotation that says what it may be")
    found: dict[tuple[str, str], Property] = {}
    for name, annotation in annotations.items():
        if name not in specs:
            raise ConfigurationError(f"{where}.{name} needs a field(...) that says what it means")
        try:
            made = _property(name, annotation, specs[name], since)
        except Wrong as error:
            raise ConfigurationError(f"{where}.{name} {error}") from None
        if (made.bucket, made.name) in found:
            raise ConfigurationError(f"{where}.{name} leaves as {made.name!r}, as another does")
        found[made.bucket, made.name] = made
    return tuple(found.values())


def sentence(what: str, value: object) -> str:
    """Return *value*, of however many lines, on one.

    Raises:
        Wrong: It is no text.
    """
    return line(what, " ".join(value.split()) if isinstance(value, str) else value)


def line(what: str, value: object) -> str:
    """Return *value* as it is.

    Raises:
        Wrong: It is no line of text. All that is declared stands in documents.
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Wrong(f"needs {what}: a text that can be printed, not {_shown(value)}")
    return str(value)


def _property(attribute: str, annotation: object, spec: FieldSpec, since: str | None) -> Property:
    kind, optional = value_type_of(
        annotation,
        buckets=spec.buckets,
        max_length=spec.max_length,
        is_version=spec.is_version,
    )
    name = line("a name", attribute if spec.name is None else spec.name)
    if is_reserved(name):
        raise Wrong(f"cannot leave as {name!r}, which says who speaks: give it another name")
    if spec.default is not ABSENT and not (spec.default is None and optional):
        _fitting(kind, "a default", spec.default)
    return Property(
        name=name,
        attribute=attribute,
        meaning=sentence("a meaning", spec.meaning),
        data_class=_one_of("data_class", spec.data_class, DATA_CLASSES),
        example=_example(kind, spec.example),
        since=line("since, the version that sent it first", spec.since or since),
        bucket=_one_of("bucket", spec.bucket, dict.fromkeys(BUCKETS, "")),
        kind=kind,
        optional=optional,
    )


def _one_of(what: str, word: object, words: Mapping[str, str]) -> str:
    if not isinstance(word, str) or word not in words:
        raise Wrong(f"has {what}={_shown(word)}: make it one of {', '.join(words)}")
    return word


def _example(kind: ValueType, example: object) -> DeclaredValue:
    if example is not ABSENT:
        fitting = _fitting(kind, "an example", example)
        return line("an example", fitting) if isinstance(fitting, str) else fitting
    if kind.values and not kind.is_range:
        return kind.values[0]
    if kind.type is bool:
        return True
    raise Wrong("needs an example")


def _fitting(kind: ValueType, what: str, value: object) -> DeclaredValue:
    try:
        return kind.check(value)
    except Exception:
        raise Wrong(f"has {what} that does not fit its type: {_shown(value)}") from None


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, (str, int, float, type(None))) else type(value).__name__
