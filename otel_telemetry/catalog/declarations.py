"""`event`: turn a class into a declared event.

Declared events behave like frozen dataclasses, but are cheaper to define: `dataclasses` compiles
six methods for each class, which takes 0.4 ms (0.06 ms as in `_internal.frozen`). A command-line
program with fifty events would pay that at every start.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn, TypeVar

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog.fields import (
    MISSING,
    FieldSpec,
    Property,
    field,
    read_properties,
    validate_line,
    validate_sentence,
    version,
)
from otel_telemetry.catalog.validation import EventValidator
from otel_telemetry.catalog.value_types import DeclarationError
from otel_telemetry.errors import ConfigurationError, InvalidEventError
from otel_telemetry.events import Buckets, merge_properties, validate_name


class _FromDataclass:
    """A class attribute read from a real dataclass with the same fields, made on first use."""

    def __init__(self, read: Callable[[type], object]) -> None:
        self._read = read

    def __get__(self, instance: object, owner: type[DeclaredEvent]) -> object:
        return self._read(_dataclass_of(owner))


class DeclaredEvent:
    """The base class of declared events: frozen, slotted, with keyword-only arguments."""

    __slots__ = ()
    __match_args__ = ()
    # The attributes and their defaults; MISSING for a required one.
    __telemetry_attributes__: Mapping[str, object] = {}

    # For the functions of `dataclasses` and `inspect`.
    __dataclass_fields__ = _FromDataclass(lambda real: vars(real)["__dataclass_fields__"])
    __signature__ = _FromDataclass(inspect.signature)

    def __init__(self, /, **values: object) -> None:
        put = object.__setattr__
        for name, default in self.__telemetry_attributes__.items():
            value = values.pop(name, default)
            if value is MISSING:
                raise TypeError(f"{type(self).__qualname__}() is missing the argument {name!r}")
            put(self, name, value)
        if values:
            raise TypeError(
                f"{type(self).__qualname__}() got an unexpected argument {next(iter(values))!r}"
            )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot delete {name!r}")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in _values(self).items())
        return f"{type(self).__qualname__}({shown})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DeclaredEvent) or type(other) is not type(self):
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((type(self), *_values(self).values()))

    def __reduce__(self) -> tuple[object, ...]:
        return _construct, (type(self), _values(self))

    def __replace__(self, /, **changes: object) -> DeclaredEvent:
        return _construct(type(self), {**_values(self), **changes})


def _values(event: DeclaredEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__telemetry_attributes__}


def _construct(cls: type[DeclaredEvent], values: Mapping[str, object]) -> DeclaredEvent:
    return cls(**values)


_dataclasses: dict[type, type] = {}


def _dataclass_of(cls: type[DeclaredEvent]) -> type:
    """Return a real dataclass with the fields of *cls*."""
    if cls not in _dataclasses:
        fields = [
            (
                name,
                cls.__annotations__[name],
                dataclasses.field() if default is MISSING else dataclasses.field(default=default),
            )
            for name, default in cls.__telemetry_attributes__.items()
        ]
        _dataclasses[cls] = dataclasses.make_dataclass(
            cls.__name__, fields, frozen=True, kw_only=True
        )
    return _dataclasses[cls]


if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_hints):
        """Do nothing: only type checkers use it (PEP 681)."""
        return lambda function: function


_T = TypeVar("_T")

_DECLARATION_ATTRIBUTE = "__telemetry_event__"
_OWN_DOCSTRING: str | None = __doc__


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDeclaration:
    """The declaration of an event. `Pipeline` reads it from the class of a typed event.

    Attributes:
        name: The name of the event.
        meaning: What the event means, for the users of the application.
        since: The first version of the application that sends it.
        deprecated: The replacement, or the reason why it has none; None if it is not deprecated.
        properties: The declared properties.
        validator: The validator for a program without a catalogue: it keeps undeclared user and
            group properties.
    """

    name: str
    meaning: str
    since: str
    deprecated: str | None
    properties: tuple[Property, ...]
    validator: EventValidator

    def merge(self, instance: object, buckets: Buckets) -> Buckets:
        """Return *buckets* with the properties of *instance*, which win."""
        own: dict[str, dict[str, object]] = {}
        for item in self.properties:
            value = getattr(instance, item.attribute)
            if value is not None or not item.optional:
                own.setdefault(item.bucket, {})[item.name] = value
        event, user, group = buckets
        return (
            merge_properties(event, own.get("event")),
            merge_properties(user, own.get("user")),
            merge_properties(group, own.get("group")),
        )


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, version))
def event(
    name: str, *, since: str, deprecated: str | None = None
) -> Callable[[type[_T]], type[_T]]:
    """Declare an event: a class whose annotated attributes are the properties of the event.

    The class behaves like a frozen, slotted dataclass with keyword-only arguments. Pass instances
    to `Telemetry.send`. Values are checked when an event is sent, not when it is constructed. The
    docstring of the class tells users what the event means.

    Args:
        name: The name of the event, 1 to 256 printable characters.
        since: The first version of the application that sends it.
        deprecated: The replacement, or the reason why it has none. None: not deprecated.

    Raises:
        ConfigurationError: The declaration is invalid; the message names the attribute and the
            fix.
    """
    return lambda declaring: _declare(declaring, name, since, deprecated)


def declaration_of(declaring: object) -> EventDeclaration:
    """Return the declaration of a class that is decorated with `event`.

    Raises:
        ConfigurationError: It is not decorated.
    """
    declaration = (
        vars(declaring).get(_DECLARATION_ATTRIBUTE) if isinstance(declaring, type) else None
    )
    if not isinstance(declaration, EventDeclaration):
        raise ConfigurationError(
            f"{getattr(declaring, '__qualname__', type(declaring).__name__)} is not an event: "
            "decorate the class with @event"
        )
    return declaration


def _docstring_of(declaring: type, name: str) -> object:
    docstring: object = vars(declaring).get("__doc__")
    # `python -OO` removes all docstrings, this module's too. The program must run all the same;
    # its documents are made where it is developed.
    return name if docstring is None and _OWN_DOCSTRING is None else docstring


def _declare(declaring: type, name: str, since: str, deprecated: str | None) -> type:
    if type(declaring) is not type:
        raise ConfigurationError(f"@event({name!r}) must decorate a plain class")
    properties = read_properties(declaring, since)
    try:
        declaration = EventDeclaration(
            name=validate_line("a name", validate_name(name)),
            meaning=validate_sentence(
                "a docstring that says what the event means", _docstring_of(declaring, name)
            ),
            since=validate_line("since, the first version that sends it", since),
            deprecated=None
            if deprecated is None
            else validate_sentence("deprecated, the replacement or a reason", deprecated),
            properties=properties,
            validator=EventValidator(properties, closed=False),
        )
    except (DeclarationError, InvalidEventError) as error:
        raise ConfigurationError(f"{declaring.__qualname__} {error}") from None
    specs = {name: spec for name, spec in vars(declaring).items() if isinstance(spec, FieldSpec)}
    content = {
        **{name: value for name, value in vars(declaring).items() if name not in specs},
        "__slots__": tuple(item.attribute for item in properties),
        "__telemetry_attributes__": {
            item.attribute: specs[item.attribute].default for item in properties
        },
        _DECLARATION_ATTRIBUTE: declaration,
    }
    for slot in ("__dict__", "__weakref__"):
        content.pop(slot, None)
    return type(declaring.__name__, (DeclaredEvent,), content)
