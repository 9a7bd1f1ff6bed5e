"""The instances of declared events: as those of a frozen dataclass, made at less cost.

`dataclasses` compiles half a dozen methods for each class, which takes 0.4 ms; without them, as in
`frozen`, it still takes 0.06 ms. A command-line program may have fifty events, and would pay for
that at each of its starts.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import NoReturn

from otel_telemetry.trust.catalog.fields import ABSENT


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
