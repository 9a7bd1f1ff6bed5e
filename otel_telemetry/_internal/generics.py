"""`Generic` and `TypeVar` for modules that a sending program loads.

Those of `typing` cost a command-line program 2 ms. At run time these do nothing; type checkers see
the real ones.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Generic as Generic  # noqa: PLC0414 - for others to import
    from typing import TypeVar as TypeVar  # noqa: PLC0414 - for others to import
else:

    class Generic:
        """Base of a generic class."""

        __slots__ = ()

        def __class_getitem__(cls, _parameters):
            return cls

    def TypeVar(name):  # noqa: N802 - the name in `typing`
        """Stand for a type."""
        return name
