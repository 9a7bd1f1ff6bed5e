"""The picture of the architecture: which folder of the package imports which."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import otel_telemetry

PACKAGE = Path(otel_telemetry.__file__).parent
_NAME = PACKAGE.name
_ENTRIES = frozenset({"__init__", "__main__"})  # they only lead to the rest
_OWN_NODE = frozenset({"state", "telemetry"})  # all other modules at the root are one node


def import_graph(root: Path = PACKAGE) -> dict[str, set[str]]:
    """Return, for each folder and for the modules at the root, what it imports when it runs."""
    modules = {_module_name(path, root): path for path in sorted(root.rglob("*.py"))}
    shared = ", ".join(
        f"{name}.py"
        for name in sorted(modules)
        if "." not in name and name not in _ENTRIES | _OWN_NODE and modules[name].parent == root
    )

    def node(module: str) -> str:
        first = module.split(".", maxsplit=1)[0]
        if (root / first).is_dir():
            return f"{first}/"
        return f"{first}.py" if first in _OWN_NODE else shared

    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        if name in _ENTRIES:
            continue
        imported = graph.setdefault(node(name), set())
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for found in _imported(tree, modules):
            if found not in _ENTRIES and node(found) != node(name):
                imported.add(node(found))
    return graph


def reduced(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return *graph* without the edges that follow from others."""
    left = {name: set(targets) for name, targets in graph.items()}
    for name in sorted(left):
        for target in sorted(left[name]):
            left[name].discard(target)
            if target not in _reachable(left, name):
                left[name].add(target)
    return left


def mermaid(graph: Mapping[str, set[str]]) -> str:
    """Return *graph* as a Mermaid block of Markdown, its arrows running down."""
    ids = {name: f"n{number}" for number, name in enumerate(sorted(graph))}
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {ids[name]}["{name}"]' for name in sorted(graph)]
    lines += [
        f"    {ids[name]} --> {ids[target]}"
        for name in sorted(graph)
        for target in sorted(graph[name])
    ]
    return "\n".join([*lines, "```"])


def architecture_picture() -> str:
    """Return the picture of the package as it is now."""
    return mermaid(reduced(import_graph()))


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def _imported(tree: ast.AST, modules: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that *tree* imports when it runs, functions included."""
    for statement in ast.iter_child_nodes(tree):
        if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            for other in statement.orelse:
                yield from _imported(other, modules)
            continue
        names: list[str] = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            names = [f"{statement.module}.{alias.name}" for alias in statement.names]
        for name in names:
            top, _, inner = name.partition(".")
            if top == _NAME:
                module = inner if inner in modules else inner.rpartition(".")[0]
                if module in modules:
                    yield module
        yield from _imported(statement, modules)


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found
