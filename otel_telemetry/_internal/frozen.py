"""Frozen, slotted, keyword-only dataclasses that cost next to nothing to define.

`dataclasses` generates and compiles seven functions for each class, which takes 0.3 ms for a small
class and 1 ms for the settings: most of the import time of the library. These classes share their
functions. In all other ways they are dataclasses, and type checkers know them as such.
"""

from __future__ import annotations

import dataclasses

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - for others to import
    from inspect import Signature

else:

    def dataclass(*, frozen, slots, kw_only):
        """Make a class a dataclass; methods that the class defines itself are kept."""
        if not (frozen and slots and kw_only):
            raise TypeError("frozen, slots and kw_only must be True: else use dataclasses")

        def decorate(cls):
            for name, method in _METHODS.items():
                if name not in vars(cls):
                    setattr(cls, name, method)
            plain = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=True, kw_only=True
            )
            return plain(cls)

        return decorate


def _init(self: object, **values: object) -> None:
    for name, field in self.__dataclass_fields__.items():  # type: ignore[attr-defined]
        if name in values:
            value = values.pop(name)
        elif field.default is not dataclasses.MISSING:
            value = field.default
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        else:
            raise TypeError(f"{type(self).__name__}() needs {name!r}")
        object.__setattr__(self, name, value)
    for name in values:
        raise TypeError(f"{type(self).__name__}() takes no {name!r}")
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _repr(self: object) -> str:
    fields = dataclasses.fields(self)  # type: ignore[arg-type]
    values = ", ".join(
        f"{field.name}={getattr(self, field.name)!r}" for field in fields if field.repr
    )
    return f"{type(self).__qualname__}({values})"


def _values(item: object) -> tuple[object, ...]:
    return tuple([getattr(item, name) for name in item.__dataclass_fields__])  # type: ignore[attr-defined]


def _eq(self: object, other: object) -> bool:
    return _values(self) == _values(other) if type(self) is type(other) else NotImplemented


def _hash(self: object) -> int:
    return hash(_values(self))


def _setattr(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: object) -> tuple[object, ...]:
    return _values(self)


def _setstate(self: object, state: tuple[object, ...]) -> None:
    for name, value in zip(self.__dataclass_fields__, state, strict=True):  # type: ignore[attr-defined]
        object.__setattr__(self, name, value)


class _Signature:
    """The signature that `help` and editors show: fields and defaults. Made when it is read."""

    def __get__(self, item: object, cls: type) -> Signature:
        if item is not None:
            raise AttributeError("__signature__")
        from inspect import Parameter, Signature  # noqa: PLC0415 - no program needs it to run

        parameters = []
        for field in cls.__dataclass_fields__.values():  # type: ignore[attr-defined]
            default = field.default
            if default is dataclasses.MISSING:
                has_factory = field.default_factory is not dataclasses.MISSING
                default = field.default_factory() if has_factory else Parameter.empty
            parameters.append(
                Parameter(
                    field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type
                )
            )
        return Signature(parameters)


_METHODS = {
    "__signature__": _Signature(),
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
