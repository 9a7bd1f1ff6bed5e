"""Which module may import which: imports run down, from the public surface to the helpers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import otel_telemetry

_ROOT = Path(otel_telemetry.__file__).parent

# From the bottom up. A folder imports only from itself and from the layers below; within one layer,
# the folders of one set may import each other.
_LAYERS: tuple[tuple[frozenset[str], ...], ...] = (
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
    (frozenset({"__main__"}),),
)
_ON_TOP = {"integrations", "testing"}
# The conformance checks share no code with the library that they check, except for the names of
# files and variables.
_TESTING_IMPORTS = {
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
# Runs first in the interpreter of a program that the conformance checks start.
_AUDIT_HOOK = "otel_telemetry.testing.conformance.audit_hook.sitecustomize"

_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


@dataclass
class _Module:
    """A module's imports, and the names of `os` that it uses.

    Attributes:
        name: Its full name.
        path: Its file.
        imports: The names that it imports when it runs, functions included.
        type_imports: The names that only type checkers import.
        os_names: The names of `os` that it uses.
    """

    name: str
    path: Path
    imports: set[str] = field(default_factory=set)
    type_imports: set[str] = field(default_factory=set)
    os_names: set[str] = field(default_factory=set)

    @property
    def folder(self) -> str:
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


def _is_type_checking_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _nodes(tree: ast.AST, *, runs: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node below *tree*, and whether it runs or is for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if _is_type_checking_block(node):
            assert isinstance(node, ast.If)
            for children, child_runs in ((node.body, False), (node.orelse, runs)):
                for child in children:
                    yield child, child_runs
                    yield from _nodes(child, runs=child_runs)
        else:
            yield node, runs
            yield from _nodes(node, runs=runs)


def _read() -> dict[str, _Module]:
    modules: dict[str, _Module] = {}
    for name, path in _names().items():
        module = modules[name] = _Module(name, path)
        for node, runs in _nodes(ast.parse(path.read_text(encoding="utf-8"))):
            imports = module.imports if runs else module.type_imports
            if isinstance(node, ast.Import):
                imports.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: relative import"
                assert node.module is not None
                # With the imported name, which may be a module or private.
                imports.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os":
                module.os_names.add(node.attr)
    return modules


_MODULES = _read()


def _package_modules(imports: set[str]) -> set[str]:
    """Return the modules of the package among *imports*."""
    return {
        imported if imported in _MODULES else imported.rpartition(".")[0]
        for imported in imports
        if imported.split(".")[0] == "otel_telemetry"
    }


def _ours(module: _Module) -> set[str]:
    """Return the modules of the package that *module* imports when it runs."""
    return _package_modules(module.imports)


def _layer(folder: str) -> tuple[int, frozenset[str]]:
    for number, layer in enumerate(_LAYERS):
        for names in layer:
            if folder in names:
                return number, names
    pytest.fail(f"{folder} is in no layer", pytrace=False)


def _is_within(imported: str, package: str) -> bool:
    return imported == package or imported.startswith(f"{package}.")


def _importers(package: str) -> set[str]:
    return {
        name
        for name, module in _MODULES.items()
        if any(_is_within(imported, package) for imported in module.imports)
    }


_INSIDE = [module for module in _MODULES.values() if module.folder not in {"", *_ON_TOP}]


@pytest.mark.parametrize("module", _INSIDE, ids=lambda module: module.name)
def test_a_module_imports_only_from_its_own_folder_and_the_layers_below(module: _Module) -> None:
    """Imports that run; those for type checkers may point up, to a public type."""
    layer, names = _layer(module.folder)

    for imported in _ours(module):
        other_layer, other_names = _layer(_MODULES[imported].folder)
        assert other_layer < layer or other_names == names, f"{module.name} imports {imported}"


def test_no_imports_form_a_circle_even_those_for_type_checkers() -> None:
    """Every module can be read after the modules that it imports."""
    left = {
        name: _package_modules(module.imports | module.type_imports) - {name, "otel_telemetry"}
        for name, module in _MODULES.items()
        if name != "otel_telemetry"  # it lists the public names of all others
    }
    while free := {name for name, imports in left.items() if not imports & set(left)}:
        left = {name: imports for name, imports in left.items() if name not in free}

    assert left == {}


def test_the_package_imports_none_of_its_modules_before_their_first_use() -> None:
    """`import otel_telemetry` alone is cheap."""
    assert _ours(_MODULES["otel_telemetry"]) == set()


def test_no_module_needs_testing_or_an_integration() -> None:
    """A program runs without the helpers for tests and without other frameworks."""
    for module in _INSIDE:
        for imported in _ours(module):
            assert _MODULES[imported].folder not in _ON_TOP, f"{module.name} imports {imported}"


def test_testing_imports_only_the_listed_modules_of_the_library() -> None:
    """A check that shares code with what it checks shares its mistakes."""
    for module in _MODULES.values():
        if module.folder == "testing":
            inside = {name for name in _ours(module) if _MODULES[name].folder != "testing"}
            assert inside == _TESTING_IMPORTS.get(module.name, set()), module.name


def test_only_mapping_processor_and_sdk_sinks_import_the_sdk() -> None:
    """All other modules work without it."""
    allowed = {"export.processor", "pipeline.sdk_sinks"}

    for name in _importers("opentelemetry.sdk"):
        inner = name.partition(".")[2]
        assert inner in allowed or _is_within(inner, "mapping"), name


def test_only_its_own_transport_imports_grpc_or_urllib3() -> None:
    """A program that uses one transport does not load the library of the other."""
    inside = {name for name in _importers("grpc") if not _is_within(name, "otel_telemetry.testing")}

    assert inside == {"otel_telemetry.export.grpc"}
    assert _importers("urllib3") == {"otel_telemetry.export.http"}


def test_only_config_environment_reads_the_environment() -> None:
    """Except for the audit hook, which runs apart from the library."""
    readers = {
        name
        for name, module in _MODULES.items()
        if module.os_names & _ENVIRONMENT
        or any(f"os.{variable}" in module.imports for variable in _ENVIRONMENT)
    }

    assert readers == {"otel_telemetry.config.environment", _AUDIT_HOOK}


def test_no_private_module_of_opentelemetry_is_imported_except_the_logs_modules() -> None:
    """Logs are public under an underscore; other private modules may change at any time."""
    private = {
        imported
        for module in _MODULES.values()
        for imported in module.imports
        if _is_within(imported, "opentelemetry")
        and "._"
        in imported.replace("opentelemetry._logs", "", 1).replace("opentelemetry.sdk._logs", "", 1)
    }

    assert private == set()
