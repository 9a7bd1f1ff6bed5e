"""The instances of declared events: as those of a frozen dataclass, made at less cost.

`dataclasses` compiles half a dozen methods for each class, which takes 0.4 ms; without them, as in
`frozen`, it still takes 0.06 ms. A command-line program may have fifty events, and would pay for
that at each of its starts.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn, TypeVar

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog.fields import (
    ABSENT,
    BUCKETS,
    FieldSpec,
    Property,
    field,
    line,
    read_properties,
    sentence,
    version,
)
from otel_telemetry.catalog.validation import EventValidator
from otel_telemetry.catalog.value_types import Wrong
from otel_telemetry.errors import ConfigurationError, InvalidEventError
from otel_telemetry.events import Buckets, merge_properties, validate_name


class _OfTwin:
    """What a dataclass with the same attributes has: made for the first who asks."""

    def __init__(self, ask: Callable[[type], object]) -> None:
        self._ask = ask

    def __get__(self, instance: object, owner: type[DeclaredEvent]) -> object:
        return self._ask(_twin(owner))


class DeclaredEvent:
    """Base of what `event` makes of a class: frozen, slotted, with keyword-only arguments."""

    __slots__ = ()
    __match_args__ = ()
    # The attributes, and what each is if it is not given: ABSENT if it must be.
    __telemetry_attributes__: Mapping[str, object] = {}

    # So that the functions of `dataclasses` and `inspect` know it.
    __dataclass_fields__ = _OfTwin(lambda twin: vars(twin)["__dataclass_fields__"])
    __signature__ = _OfTwin(inspect.signature)

    def __init__(self, /, **values: object) -> None:
        put = object.__setattr__
        for name, default in self.__telemetry_attributes__.items():
            value = values.pop(name, default)
            if value is ABSENT:
                raise TypeError(f"{type(self).__qualname__}() needs the argument {name!r}")
            put(self, name, value)
        if values:
            raise TypeError(f"{type(self).__qualname__}() has no argument {next(iter(values))!r}")

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
        return _again, (type(self), _values(self))

    def __replace__(self, /, **changes: object) -> DeclaredEvent:
        return _again(type(self), {**_values(self), **changes})


def _values(event: DeclaredEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__telemetry_attributes__}


def _again(kind: type[DeclaredEvent], values: Mapping[str, object]) -> DeclaredEvent:
    return kind(**values)


_twins: dict[type, type] = {}


def _twin(kind: type[DeclaredEvent]) -> type:
    """Return a real dataclass with the attributes of *kind*."""
    if kind not in _twins:
        fields = [
            (
                name,
                kind.__annotations__[name],
                dataclasses.field() if default is ABSENT else dataclasses.field(default=default),
            )
            for name, default in kind.__telemetry_attributes__.items()
        ]
        _twins[kind] = dataclasses.make_dataclass(kind.__name__, fields, frozen=True, kw_only=True)
    return _twins[kind]


if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_hints):
        """Do nothing: only type checkers care (PEP 681)."""
        return lambda function: function


_T = TypeVar("_T")

_HERE = "__telemetry_event__"
_OWN_DOCSTRING: str | None = __doc__


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDeclaration:
    """A declared event. `Pipeline` finds it at the class, and asks it for what an instance says.

    Attributes:
        name: The event's name.
        meaning: What it says.
        since: The version of the software that sent it first.
        deprecated: What takes its place, or why nothing does; None if it is not deprecated.
        properties: What it may carry.
        checks: Those of an event that no catalogue holds to more.
    """

    name: str
    meaning: str
    since: str
    deprecated: str | None
    properties: tuple[Property, ...]
    checks: EventValidator

    def joined(self, instance: object, given: Buckets) -> Buckets:
        """Return the properties of an *instance*, over those *given* beside it."""
        own: dict[str, dict[str, object]] = {}
        for item in self.properties:
            value = getattr(instance, item.attribute)
            if value is not None or not item.optional:
                own.setdefault(item.bucket, {})[item.name] = value
        event, user, group = (own.get(bucket) for bucket in BUCKETS)
        return Buckets(
            merge_properties(given.event_properties, event),
            merge_properties(given.user_properties, user),
            merge_properties(given.group_properties, group),
        )


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, version))
def event(
    name: str, *, since: str, deprecated: str | None = None
) -> Callable[[type[_T]], type[_T]]:
    """Declare an event: a class whose annotated attributes are its properties.

    The class becomes what a frozen, slotted dataclass with keyword-only arguments is, and
    `Telemetry.send` takes its instances. Making one checks no value; sending it does. The class's
    docstring says what the event means, to those whose data it is.

    Args:
        name: The event's name, 1 to 256 characters that can be printed.
        since: The version of the software that sent it first.
        deprecated: What takes its place, or why nothing does.

    Raises:
        ConfigurationError: The class cannot be the declaration of an event; the message names
            the attribute and the fix.
    """
    return lambda declaring: _declared(declaring, name, since, deprecated)


def declaration_of(declaring: object) -> EventDeclaration:
    """Return what a class declares.

    Raises:
        ConfigurationError: It declares no event.
    """
    found = vars(declaring).get(_HERE) if isinstance(declaring, type) else None
    if not isinstance(found, EventDeclaration):
        raise ConfigurationError(
            f"{getattr(declaring, '__qualname__', type(declaring).__name__)} is no declared event: "
            "decorate the class with @event"
        )
    return found


def _said_of(declaring: type, name: str) -> object:
    said: object = vars(declaring).get("__doc__")
    # Where our own docstring was left out as well (`python -OO`), nobody can have given one: the
    # program must run all the same. Its documents are made where it is developed.
    return name if said is None and _OWN_DOCSTRING is None else said


def _declared(declaring: type, name: str, since: str, deprecated: str | None) -> type:
    if type(declaring) is not type:
        raise ConfigurationError(f"@event({name!r}) is for a plain class")
    properties = read_properties(declaring, since)
    try:
        declaration = EventDeclaration(
            name=line("a name", validate_name(name)),
            meaning=sentence("a docstring that says what it means", _said_of(declaring, name)),
            since=line("since, the version that sent it first", since),
            deprecated=None if deprecated is None else sentence("a reason", deprecated),
            properties=properties,
            checks=EventValidator(properties, closed=False),
        )
    except (Wrong, InvalidEventError) as error:
        raise ConfigurationError(f"{declaring.__qualname__} {error}") from None
    specs = {name: spec for name, spec in vars(declaring).items() if isinstance(spec, FieldSpec)}
    content = {
        **{name: value for name, value in vars(declaring).items() if name not in specs},
        "__slots__": tuple(item.attribute for item in properties),
        "__telemetry_attributes__": {
            item.attribute: specs[item.attribute].default for item in properties
        },
        _HERE: declaration,
    }
    for slot in ("__dict__", "__weakref__"):
        content.pop(slot, None)
    return type(declaring.__name__, (DeclaredEvent,), content)
