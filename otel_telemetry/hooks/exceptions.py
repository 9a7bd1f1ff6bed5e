"""The description of an exception without its message: its type and its place in the code."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from otel_telemetry.hooks._patterns import LazyPattern

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from types import TracebackType

    from otel_telemetry.types import AttributeValue


_MAX_FRAMES = 16
_MAX_CAUSES = 8
# Names can be made at run time. Only those that could stand in source code leave.
_QUALIFIED_NAME = LazyPattern(r"[^\W\d]\w*(?:\.(?:[^\W\d]\w*|<locals>))*")
_MAX_NAME_LENGTH = 200
_INTERPRETER_NAMES = frozenset(
    {"<module>", "<lambda>", "<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>"}
)
_UNKNOWN = "unknown"

# Read past the class of an exception, which may override these attributes.
_ATTRIBUTES = BaseException.__dict__
_traceback_of: Callable[[BaseException], TracebackType | None] = _ATTRIBUTES[
    "__traceback__"
].__get__
_cause_of: Callable[[BaseException], BaseException | None] = _ATTRIBUTES["__cause__"].__get__
_context_of: Callable[[BaseException], BaseException | None] = _ATTRIBUTES["__context__"].__get__
_hides_context: Callable[[BaseException], bool] = _ATTRIBUTES["__suppress_context__"].__get__


def describe_exception(
    error: BaseException, *, own: Iterable[str] = ()
) -> Mapping[str, AttributeValue]:
    """Return a description of *error* as properties of an event.

    It contains the type of the exception, the frames of its traceback that run code of *own*
    packages, and the types of its causes. It never contains the message, notes, local variables,
    file names, source lines, or frames of other packages. It does not describe the members of an
    exception group. It never raises.

    Args:
        error: The exception.
        own: Names of packages, such as ``("acme",)``; ``acme.web`` belongs to ``acme``.

    Returns:
        * ``exception.type``: as in the semantic conventions (exceptions in logs).
        * ``exception.frames``: ``module:function:line`` for each frame, the innermost last; the 16
          innermost at most.
        * ``exception.causes``: the types of the exceptions that it was raised from, or while they
          were handled, the nearest first; 8 at most. A context hidden by ``from None`` is left out.

        The last two keys are absent if their lists are empty. The mapping is empty if *error* is
        not an exception.
    """
    if not issubclass(type(error), BaseException):  # an object may lie about its `__class__`
        return {}
    description: dict[str, AttributeValue] = {"exception.type": _type_of(error)}
    frames = _own_frames(error, _packages(own))
    causes = _causes(error)
    if frames:
        description["exception.frames"] = frames
    if causes:
        description["exception.causes"] = causes
    return description


def _packages(own: Iterable[str]) -> tuple[str, ...]:
    try:
        return (own,) if isinstance(own, str) else tuple(own)
    except TypeError:  # do not raise while the caller handles an exception
        return ()


def _own_frames(error: BaseException, packages: tuple[str, ...]) -> list[AttributeValue]:
    frames: deque[AttributeValue] = deque(maxlen=_MAX_FRAMES)
    traceback = _traceback_of(error)
    while traceback is not None:
        frame = traceback.tb_frame
        module: object = dict.get(frame.f_globals, "__name__")
        if type(module) is str and any(
            module == package or module.startswith(f"{package}.") for package in packages
        ):
            line = traceback.tb_lineno
            frames.append(f"{_source_name(module)}:{_function_name(frame.f_code.co_name)}:{line}")
        traceback = traceback.tb_next
    return list(frames)


def _causes(error: BaseException) -> list[AttributeValue]:
    causes: list[AttributeValue] = []
    seen = {id(error)}
    while len(causes) < _MAX_CAUSES:
        cause = _cause_of(error)
        if cause is None and not _hides_context(error):
            cause = _context_of(error)
        if cause is None or id(cause) in seen:
            break
        seen.add(id(cause))
        causes.append(_type_of(cause))
        error = cause
    return causes


def _type_of(error: BaseException) -> str:
    kind = type(error)
    name = _source_name(type.__dict__["__qualname__"].__get__(kind))
    module = type.__dict__["__module__"].__get__(kind)
    return name if module == "builtins" else f"{_source_name(module)}.{name}"


def _source_name(name: object) -> str:
    is_name = (
        type(name) is str and len(name) <= _MAX_NAME_LENGTH and _QUALIFIED_NAME.re.fullmatch(name)
    )
    return str(name) if is_name else _UNKNOWN


def _function_name(name: str) -> str:
    return name if name in _INTERPRETER_NAMES else _source_name(name)
