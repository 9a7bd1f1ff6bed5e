"""`field` and `version`: declare the properties of an event."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog.value_types import (
    DeclarationError,
    DeclaredValue,
    ValueType,
    value_type_of,
)
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
    "pseudonym": "stands for a person, a machine or an object without naming it",
}
"""The classes of data, each with a description. There is none for data that names a person."""

BUCKETS = ("event", "user", "group")

MISSING: object = object()
"""Stands for an argument that was not passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """The arguments of `field` or `version`."""

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


# Any, as `dataclasses.field`: the annotation of the attribute is the type.
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
    example: object = MISSING,
    since: str | None = None,
    bucket: Bucket = "event",
    name: str | None = None,
    buckets: Sequence[float] | None = None,
    max_length: int | None = None,
    default: object = MISSING,
) -> object:
    """Declare a property of an event. The annotation of the attribute is its type.

    The type is bool, int, float, an Enum of str or int, a Literal of str, a str with *max_length*,
    or one of these with ``| None``. None means that this event does not have the property. A value
    of another type is removed when the event is sent.

    Args:
        meaning: What the property means, a sentence for the users of the application.
        data_class: What kind of data it is: ``"feature"`` (which parts of the software are used,
            and how), ``"configuration"`` (how it is set up), ``"environment"`` (what it runs on),
            ``"performance"`` (how much work was done, and how long it took), ``"error"`` (what went
            wrong, by its kind), or ``"pseudonym"`` (stands for a person, a machine or an object
            without naming it). There is none for data that names a person.
        example: A value, for the documents. Optional for bool, Enum and Literal.
        since: The first version of the application that sends it. Default: that of the event.
        bucket: Whether it is an event, a user or a group property.
        name: The name under which it is sent. Default: the name of the attribute.
        buckets: Ascending bounds of ranges, 1 to 64 of them. A number is sent as the label of its
            range: with ``(1, 5)``, as ``<1``, ``1 to 4`` or ``>=5``.
        max_length: The greatest length of a str, 1 to 256 characters. A longer str is removed.
        default: The value of an instance that does not pass one. Without it, the argument is
            required.
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
    default: object = MISSING,
) -> object:
    """Declare a property that is a version, such as ``5.1.0`` or ``3.14.0rc2``, of type str.

    The numbers and the words of pre-releases are sent. A local part (``+local``) is cut off: it may
    name a branch, a host or a customer.

    Args:
        meaning: Which version it is.
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
        name: The name under which it is sent.
        attribute: The name of the attribute.
        meaning: What the property means, for the users of the application.
        data_class: One of `DATA_CLASSES`.
        example: A value, as it is sent.
        since: The first version of the application that sends it.
        bucket: ``"event"``, ``"user"`` or ``"group"``.
        value_type: The type of its values.
        optional: Whether None means that it is absent.
    """

    name: str
    attribute: str
    meaning: str
    data_class: str
    example: DeclaredValue
    since: str
    bucket: str
    value_type: ValueType
    optional: bool


def read_properties(declaring: type, since: str | None) -> tuple[Property, ...]:
    """Return the properties that a class declares, in their order.

    Args:
        declaring: The class.
        since: For properties that are declared without it.

    Raises:
        ConfigurationError: A declaration is invalid.
    """
    where = declaring.__qualname__
    if declaring.__bases__ != (object,):
        raise ConfigurationError(
            f"{where} has a base class: declare shared properties as common of the Catalog"
        )
    try:
        annotations = typing.get_type_hints(declaring)
    except Exception as error:
        raise ConfigurationError(
            f"{where} has annotations that cannot be resolved ({error}): import or declare the "
            "types at the top level of the module"
        ) from None
    specs = {name: value for name, value in vars(declaring).items() if isinstance(value, FieldSpec)}
    for name in specs.keys() - annotations.keys():
        raise ConfigurationError(f"{where}.{name} needs an annotation with its type")
    properties: dict[tuple[str, str], Property] = {}
    for name, annotation in annotations.items():
        if name not in specs:
            raise ConfigurationError(f"{where}.{name} needs a field(...) with its meaning")
        try:
            item = _property(name, annotation, specs[name], since)
        except DeclarationError as error:
            raise ConfigurationError(f"{where}.{name} {error}") from None
        if (item.bucket, item.name) in properties:
            raise ConfigurationError(
                f"{where}.{name} has the name {item.name!r} of another property: change one"
            )
        properties[item.bucket, item.name] = item
    return tuple(properties.values())


def validate_sentence(what: str, value: object) -> str:
    """Return the text *value* on one line.

    Raises:
        DeclarationError: It is empty, not printable or not a str; the message names *what*.
    """
    return validate_line(what, " ".join(value.split()) if isinstance(value, str) else value)


def validate_line(what: str, value: object) -> str:
    """Return *value*, a line of text that can stand in a document.

    Raises:
        DeclarationError: It is empty, not printable or not a str; the message names *what*.
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise DeclarationError(f"needs {what}: printable text, not {_describe(value)}")
    return str(value)


def _property(attribute: str, annotation: object, spec: FieldSpec, since: str | None) -> Property:
    value_type, optional = value_type_of(
        annotation,
        buckets=spec.buckets,
        max_length=spec.max_length,
        is_version=spec.is_version,
    )
    name = validate_line("a name", attribute if spec.name is None else spec.name)
    if is_reserved(name):
        raise DeclarationError(
            f"cannot have the name {name!r}, which only the library sets: choose another name"
        )
    if spec.default is not MISSING and not (spec.default is None and optional):
        _check_value(value_type, "a default", spec.default)
    return Property(
        name=name,
        attribute=attribute,
        meaning=validate_sentence("a meaning", spec.meaning),
        data_class=_one_of("data_class", spec.data_class, DATA_CLASSES),
        example=_example(value_type, spec.example),
        since=validate_line("since, the first version that sends it", spec.since or since),
        bucket=_one_of("bucket", spec.bucket, dict.fromkeys(BUCKETS, "")),
        value_type=value_type,
        optional=optional,
    )


def _one_of(what: str, word: object, words: Mapping[str, str]) -> str:
    if not isinstance(word, str) or word not in words:
        raise DeclarationError(f"has {what}={_describe(word)}: choose one of {', '.join(words)}")
    return word


def _example(value_type: ValueType, example: object) -> DeclaredValue:
    if example is not MISSING:
        value = _check_value(value_type, "an example", example)
        return validate_line("an example", value) if isinstance(value, str) else value
    if value_type.values and not value_type.is_range:
        return value_type.values[0]
    if value_type.type is bool:
        return True
    raise DeclarationError("needs an example")


def _check_value(value_type: ValueType, what: str, value: object) -> DeclaredValue:
    try:
        return value_type.check(value)
    except Exception:
        raise DeclarationError(
            f"has {what} that does not match its type: {_describe(value)}"
        ) from None


def _describe(value: object) -> str:
    return repr(value) if isinstance(value, (str, int, float, type(None))) else type(value).__name__
