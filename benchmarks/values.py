"""The few types that the whole of the benchmarks shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one child process found: a figure per column, and remarks worth printing."""

    figures: dict[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One figure of a case."""

    key: str
    title: str
    unit: str
    # A figure at the cap was cut off there, and is shown as "over".
    cap: float | None = None
    # Whether "times the stock SDK" says anything about this figure.
    ratio: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A promise: `system`'s figure in `column` is at most `limit`, or `limit` times another's.

    `against` names what the figure is divided by: a system; "peers", the lowest of them; or "", the
    same system, in the column `against_column`. None: the figure itself is the limit.
    """

    column: str
    limit: float
    against: str | None = None
    against_column: str | None = None
    system: str = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure, on each of some systems."""

    name: str
    title: str
    about: str
    systems: tuple[str, ...]
    columns: tuple[Column, ...]
    measure: Callable[[Context], Measurement]
    budgets: tuple[Budget, ...] = ()
    rounds: int = 5
    timeout: float = 300
    # Whether its processes mostly sleep, so that all systems may be measured at once.
    concurrent: bool = False


@dataclass(slots=True, kw_only=True)
class Result:
    """A case's measurements so far, by system."""

    case: Case
    runs: dict[str, list[Measurement]] = field(default_factory=dict)
    # Why a system has none: it is not installed, or it failed.
    absent: dict[str, str] = field(default_factory=dict)
