"""Medians, ratios and budgets, as Markdown or as JSON."""

from __future__ import annotations

import platform
import statistics
from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks import systems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.values import Budget, Column, Result

NOTHING = "-"


def median(result: Result, system: str, column: str) -> float | None:
    """Take the middle of a system's figures, if it has any."""
    figures = [run.figures[column] for run in result.runs.get(system, ()) if column in run.figures]
    return statistics.median(figures) if figures else None


def judge(result: Result, budget: Budget) -> tuple[float | None, str]:
    """Put a figure on its budget's scale; say what the scale is."""
    figure = median(result, budget.system, budget.column)
    if budget.against is None:
        return figure, ""
    column = budget.against_column or budget.column
    if budget.against == "peers":
        found = {peer: median(result, peer, column) for peer in systems.PEERS}
        known = {peer: value for peer, value in found.items() if value is not None}
        cheapest = min(known, key=known.__getitem__, default="peers")
        reference, scale = known.get(cheapest), f"x {cheapest}, the lowest peer"
    elif budget.against:
        reference, scale = median(result, budget.against, column), f"x {budget.against}"
    else:
        titles = {item.key: item.title for item in result.case.columns}
        reference, scale = median(result, budget.system, column), f"x {titles[column]}"
    if figure is None or not reference:
        return None, scale
    return figure / reference, scale


def markdown(result: Result) -> Iterator[str]:
    """Lay a case out as a table of figures and a table of budgets."""
    case = result.case
    rounds = max((len(runs) for runs in result.runs.values()), default=0)
    yield f"## {case.title} (`{case.name}`)\n\n{case.about} Medians of {rounds} rounds.\n"
    heads = ["system"]
    for column in case.columns:
        heads.append(f"{column.title}, {column.unit}" if column.unit else column.title)
        if _has_ratio(result, column):
            heads.append("x stock")
    yield from _row(heads)
    yield from _row(["---", *["---:"] * (len(heads) - 1)])
    for name in case.systems:
        system = systems.find(name)
        if name in result.absent:
            yield from _row([system.title, result.absent[name], *[""] * (len(heads) - 2)])
        elif name in result.runs:
            yield from _row([system.title, *_cells(result, name)])
    if case.budgets:
        yield "\n| budget | figure | at most | |\n| --- | ---: | ---: | --- |"
        for budget in case.budgets:
            yield from _row(_verdict(result, budget))
    notes = {note: None for runs in result.runs.values() for run in runs for note in run.notes}
    yield from (f"\n{note}" for note in notes)
    yield ""


def record(results: list[Result]) -> dict[str, object]:
    """Gather everything that was measured, for a machine to read."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {
            name: system.version
            for name, system in systems.registry().items()
            if system.absence() is None
        },
        "cases": {
            result.case.name: {
                "runs": {name: [asdict(run) for run in runs] for name, runs in result.runs.items()},
                "absent": result.absent,
                "budgets": [
                    {**asdict(budget), "figure": judge(result, budget)[0]}
                    for budget in result.case.budgets
                ],
            }
            for result in results
        },
    }


def versions() -> str:
    """Say what is measured, and on what."""
    lines = [f"CPython {platform.python_version()} on {platform.system()} {platform.machine()}.\n"]
    for name in systems.ALL:
        system = systems.find(name)
        version = f"{system.distribution} {system.version}" if not system.absence() else "absent"
        remark = f"; {system.remark}" if system.remark else ""
        lines.append(f"- {system.title}: {version}{remark}")
    return "\n".join(lines)


def _cells(result: Result, name: str) -> Iterator[str]:
    for column in result.case.columns:
        value = median(result, name, column.key)
        over = column.cap is not None and value is not None and value >= column.cap
        yield f"over {column.cap:g}" if over else _number(value)
        if _has_ratio(result, column):
            stock = median(result, "stock", column.key)
            yield NOTHING if value is None or not stock else f"{value / stock:.2f}"


def _has_ratio(result: Result, column: Column) -> bool:
    return column.ratio and bool(median(result, "stock", column.key))


def _verdict(result: Result, budget: Budget) -> list[str]:
    figure, scale = judge(result, budget)
    column = next(item for item in result.case.columns if item.key == budget.column)
    verdict = NOTHING if figure is None else "pass" if figure <= budget.limit else "**FAIL**"
    title = f"{systems.find(budget.system).title}: {column.title}"
    unit = scale or column.unit
    return [title, _number(figure), f"{budget.limit:g} {unit}".strip(), verdict]


def _number(value: float | None) -> str:
    if value is None:
        return NOTHING
    whole = value == int(value) or abs(value) >= 10**2
    return f"{value:,.0f}" if whole else f"{value:.3g}"


def _row(cells: list[str]) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"
