"""`with` and `async with`, and the forms that do not block the event loop."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import ParamSpec, TypeVar

    from typing_extensions import Self

    _P = ParamSpec("_P")
    _T = TypeVar("_T")


class Lifecycle(ABC):
    """What follows from having a beginning, a flush and an end that may all take a while."""

    __slots__ = ()

    @abstractmethod
    def bootstrap(self) -> None:
        """Begin. Idempotent."""

    @abstractmethod
    def flush(self, timeout: float | None = None) -> bool:
        """Send everything, for *timeout* seconds at most."""

    @abstractmethod
    def destroy(self, timeout: float | None = None) -> bool:
        """End, within *timeout* seconds. Idempotent and final."""

    async def aflush(self, timeout: float | None = None) -> bool:
        """Do as `flush` without blocking the event loop."""
        return await _in_thread(self.flush, timeout)

    async def adestroy(self, timeout: float | None = None) -> bool:
        """Do as `destroy` without blocking the event loop."""
        return await _in_thread(self.destroy, timeout)

    def __enter__(self) -> Self:
        self.bootstrap()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.destroy()

    async def __aenter__(self) -> Self:
        await _in_thread(self.bootstrap)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.adestroy()


async def _in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    import asyncio  # noqa: PLC0415 - only asyncio apps need it, and they have it

    return await asyncio.to_thread(function, *args, **kwargs)
