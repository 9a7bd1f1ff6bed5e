"""Who may import whom: data flows one way, and so do imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import otel_telemetry

_ROOT = Path(otel_telemetry.__file__).parent

# From the ground up. A folder imports only from itself and from the floors below; the files of one
# floor that stand in one set may import each other.
_FLOORS: tuple[tuple[frozenset[str], ...], ...] = (
    (frozenset({"_internal"}),),
    (frozenset({"config", "errors", "events", "receipt", "stats", "types"}),),
    (frozenset({"otlp"}),),
    (frozenset({"spool"}),),
    (frozenset({"mapping"}),),
    (frozenset({"hooks"}), frozenset({"catalog"})),
    (frozenset({"consent"}), frozenset({"export"})),
    (frozenset({"detached"}),),
    (frozenset({"pipeline"}),),
    (frozenset({"state"}),),
    (frozenset({"telemetry"}),),
    (frozenset({"cli"}),),
)
_ON_TOP = {"integrations", "testing"}
# The part of `testing` that judges a program shares nothing with what it judges, but for the names
# of files and variables.
_KNOWING = {
    "otel_telemetry.testing.capture": {
        "otel_telemetry.consent.consent",
        "otel_telemetry.consent.decision",
        "otel_telemetry.pipeline.pipeline",
        "otel_telemetry.state",
    },
    "otel_telemetry.testing.conformance.checks": {"otel_telemetry.config.environment"},
    "otel_telemetry.testing.conformance.sandbox": {
        "otel_telemetry._internal.paths",
        "otel_telemetry.config.environment",
        "otel_telemetry.consent.decision",
    },
}
# Runs in the interpreter of a program that is watched, before all else.
_AUDIT_HOOK = "otel_telemetry.testing.conformance.audit_hook.sitecustomize"

_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


@dataclass
class _Module:
    """What a module imports when it runs, and which names of `os` it uses."""

    name: str
    path: Path
    imports: set[str] = field(default_factory=set)
    os_names: set[str] = field(default_factory=set)

    @property
    def room(self) -> str:
        """The first part of its name within the package."""
        return self.name.split(".")[1] if "." in self.name else ""


def _names() -> dict[str, Path]:
    names: dict[str, Path] = {}
    for path in sorted(_ROOT.rglob("*.py")):
        parts = ["otel_telemetry", *path.relative_to(_ROOT).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        names[".".join(parts)] = path
    return names


def _is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk all that runs: functions too, but not what is for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if _is_for_types_only(node):
            assert isinstance(node, ast.If)
            for other in node.orelse:
                yield other
                yield from _running(other)
            continue
        yield node
        yield from _running(node)


def _read() -> dict[str, _Module]:
    names = _names()
    modules: dict[str, _Module] = {}
    for name, path in names.items():
        module = modules[name] = _Module(name, path)
        for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                module.imports |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: relative import"
                assert node.module is not None
                # With the name: it may be a module, and it may be private.
                module.imports |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os":
                module.os_names.add(node.attr)
    return modules


_MODULES = _read()


def _ours(module: _Module) -> set[str]:
    """Which modules of the package it imports."""
    found: set[str] = set()
    for imported in module.imports:
        if imported.split(".")[0] == "otel_telemetry":
            found.add(imported if imported in _MODULES else imported.rpartition(".")[0])
    return found


def _floor(room: str) -> tuple[int, frozenset[str]]:
    for number, rooms in enumerate(_FLOORS):
        for names in rooms:
            if room in names:
                return number, names
    pytest.fail(f"{room} stands on no floor", pytrace=False)


def _is_within(imported: str, package: str) -> bool:
    return imported == package or imported.startswith(f"{package}.")


def _importers(package: str) -> set[str]:
    return {
        name
        for name, module in _MODULES.items()
        if any(_is_within(imported, package) for imported in module.imports)
    }


_INSIDE = [module for module in _MODULES.values() if module.room not in {"", *_ON_TOP}]


@pytest.mark.parametrize("module", _INSIDE, ids=lambda module: module.name)
def test_nobody_imports_upwards(module: _Module) -> None:
    """A module knows its own room and the floors below."""
    floor, names = _floor(module.room)

    for imported in _ours(module):
        other_floor, other_names = _floor(_MODULES[imported].room)
        assert other_floor < floor or other_names == names, f"{module.name} imports {imported}"


def test_there_is_no_circle() -> None:
    """Every module can be understood from those below it."""
    left = {name: _ours(module) - {name} for name, module in _MODULES.items()}
    while free := {name for name, imports in left.items() if not imports & set(left)}:
        left = {name: imports for name, imports in left.items() if name not in free}

    assert left == {}


def test_the_root_imports_nothing() -> None:
    """Its names come when they are asked for."""
    assert _ours(_MODULES["otel_telemetry"]) == set()


def test_nobody_needs_what_stands_apart() -> None:
    """A program runs without the parts for tests and for other people's frameworks."""
    for module in _INSIDE:
        for imported in _ours(module):
            assert _MODULES[imported].room not in _ON_TOP, f"{module.name} imports {imported}"


def test_the_parts_for_users_tests_judge_by_themselves() -> None:
    """What shared its code with the judged would share its mistakes."""
    for module in _MODULES.values():
        if module.room == "testing":
            inside = {name for name in _ours(module) if _MODULES[name].room != "testing"}
            assert inside == _KNOWING.get(module.name, set()), module.name


def test_the_sdk_is_imported_where_it_is_needed() -> None:
    """By the mapping, the processor, and those who put them together."""
    allowed = {"export.processor", "pipeline.sdk_sinks"}

    for name in _importers("opentelemetry.sdk"):
        inner = name.partition(".")[2]
        assert inner in allowed or _is_within(inner, "mapping"), name


def test_the_two_transports_have_their_libraries_to_themselves() -> None:
    """Who uses one does not pay for the other."""
    inside = {name for name in _importers("grpc") if not _is_within(name, "otel_telemetry.testing")}

    assert inside == {"otel_telemetry.export.grpc"}
    assert _importers("urllib3") == {"otel_telemetry.export.http"}


def test_one_module_reads_the_environment() -> None:
    """What the environment may say is written in one place; the watcher is on its own."""
    readers = {
        name
        for name, module in _MODULES.items()
        if module.os_names & _ENVIRONMENT
        or any(f"os.{variable}" in module.imports for variable in _ENVIRONMENT)
    }

    assert readers == {"otel_telemetry.config.environment", _AUDIT_HOOK}


def test_no_private_name_of_opentelemetry_is_used_but_the_logs_signal() -> None:
    """It lives behind an underscore; nothing else of that kind can be relied on."""
    private = {
        imported
        for module in _MODULES.values()
        for imported in module.imports
        if _is_within(imported, "opentelemetry")
        and "._"
        in imported.replace("opentelemetry._logs", "", 1).replace("opentelemetry.sdk._logs", "", 1)
    }

    assert private == set()
