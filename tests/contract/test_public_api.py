"""The public surface: its names, their documentation, and their signatures."""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
from importlib import import_module, metadata
from pathlib import Path
from types import GenericAlias, ModuleType

import pytest

import otel_telemetry
from otel_telemetry import (
    Telemetry,
    create_telemetry_instance,
)

_ROOT = Path(__file__).parents[2]
_MODULES = {
    module.__name__: module
    for module in (
        otel_telemetry,
        *(
            import_module(found.name)
            for found in pkgutil.walk_packages(otel_telemetry.__path__, "otel_telemetry.")
        ),
    )
}
_PUBLIC = {name: module for name, module in _MODULES.items() if hasattr(module, "__all__")}

# A change here affects every caller: it belongs in the changelog.
_SIGNATURES = {
    "__init__": "(self, app: 'str | App', **settings: 'Unpack[TelemetrySettings]') -> 'None'",
    "adestroy": "(self, timeout: 'float | None' = None) -> 'bool'",
    "aflush": "(self, timeout: 'float | None' = None) -> 'bool'",
    "ask": "(self, question: 'str | None' = None, *, quiet: 'bool' = False) -> 'bool'",
    "bootstrap": "(self) -> 'None'",
    "choose": "(self, mode: 'ConsentMode', *, by: 'str' = 'user') -> 'Decision'",
    "consent": "(self, granted: 'bool', *, by: 'str' = 'user') -> 'Decision'",
    "config": "(self) -> 'TelemetryConfig'",
    "decision": "(self) -> 'Decision'",
    "destroy": "(self, timeout: 'float | None' = None) -> 'bool'",
    "flush": "(self, timeout: 'float | None' = None) -> 'bool'",
    "is_disabled": "(self) -> 'bool'",
    "pseudonym": "(self, kind: 'str', value: 'str') -> 'str'",
    "register": "(self) -> 'None'",
    "send": (
        "(self, event: 'str | TypedEvent',"
        " payload: 'TelemetryPayload | Mapping[str, Properties] | None' = None,"
        " *, event_properties: 'Properties | None' = None,"
        " user_properties: 'Properties | None' = None,"
        " group_properties: 'Properties | None' = None,"
        " timestamp: 'datetime.datetime | int | None' = None) -> 'Receipt'"
    ),
    "session": "(self, session_id: 'str | None' = None) -> 'AbstractContextManager[str]'",
    "show_notice": "(self, *, quiet: 'bool' = False) -> 'bool'",
    "stats": "(self) -> 'Stats'",
}


def _function(member: object) -> object:
    if isinstance(member, property):
        return member.fget
    if isinstance(member, (classmethod, staticmethod)):
        return member.__func__
    return member


def _undocumented(name: str, value: object) -> list[str]:
    """Name what has no docstring: a class or a function, and the public methods of a class."""
    # In Python 3.10 an alias such as Mapping[str, object] passes for a class.
    is_alias = isinstance(value, GenericAlias)
    if is_alias or not (inspect.isclass(value) or inspect.isfunction(value)):
        return []
    found = {name: value}
    if inspect.isclass(value):
        for member_name, member in vars(value).items():
            if not member_name.startswith("_") and inspect.isfunction(_function(member)):
                found[f"{name}.{member_name}"] = member
    return [where for where, what in found.items() if not (getattr(what, "__doc__", "") or "")]


@pytest.mark.parametrize("module", _PUBLIC.values(), ids=list(_PUBLIC))
def test_all_names_are_sorted_and_resolve(module: ModuleType) -> None:
    """Each name is listed once, in order, constants first, and can be had."""
    assert list(module.__all__) == sorted(
        set(module.__all__), key=lambda name: (not name.isupper(), name)
    )
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("module", _PUBLIC.values(), ids=list(_PUBLIC))
def test_every_public_name_and_method_is_documented(module: ModuleType) -> None:
    """Documentation is part of a name."""
    undocumented = [
        name for public in module.__all__ for name in _undocumented(public, getattr(module, public))
    ]

    assert undocumented == []


@pytest.mark.parametrize("module", _MODULES.values(), ids=list(_MODULES))
def test_every_module_is_documented(module: ModuleType) -> None:
    """A module says in its first line what it is for."""
    assert module.__doc__


def test_the_public_modules_are_these() -> None:
    """A module becomes public by a decision."""
    assert set(_PUBLIC) == {
        "otel_telemetry",
        "otel_telemetry.catalog",
        "otel_telemetry.catalog.documents",
        "otel_telemetry.hooks",
        "otel_telemetry.integrations.argparse",
        "otel_telemetry.integrations.click",
        "otel_telemetry.integrations.typer",
        "otel_telemetry.testing",
        "otel_telemetry.testing.conformance",
        "otel_telemetry.types",
    }


_INTEGRATIONS = sorted(
    path.stem
    for path in (_ROOT / "otel_telemetry" / "integrations").glob("*.py")
    if path.stem not in {"__init__", "pytest_plugin"}
)


@pytest.mark.parametrize("name", _INTEGRATIONS)
def test_an_integration_is_public_typed_documented_and_installable(name: str) -> None:
    """Its public function is tested with the type checkers, and its framework is an extra."""
    module = import_module(f"otel_telemetry.integrations.{name}")
    requirements = metadata.requires("otel-telemetry") or []
    extras = {
        extra
        for requirement in requirements
        for extra in re.findall(r"extra == .(\w+)", requirement)
        if re.match(rf"{name}\b", requirement)
    }

    assert module.__all__
    for function in module.__all__:
        assert function in (_ROOT / "tests" / "typing" / "api.py").read_text("utf-8")
        assert f"`{function}`" in (_ROOT / "docs" / "reference.md").read_text("utf-8")
    assert name in sys.stdlib_module_names or {name, "test"} <= extras


def test_every_name_of_the_root_is_public_where_it_lives() -> None:
    """The root passes names on; it hides none and makes none up."""
    assert sorted(otel_telemetry._HOMES) == otel_telemetry.__all__
    for name, home in otel_telemetry._HOMES.items():
        module = import_module(f"otel_telemetry.{home}")
        assert getattr(otel_telemetry, name) is getattr(module, name)


def test_dir_lists_the_public_names() -> None:
    """Completion at the prompt shows what there is, before it is imported."""
    assert dir(otel_telemetry) == sorted([*otel_telemetry.__all__, "__version__"])


@pytest.mark.parametrize(
    "module", ["otel_telemetry", "otel_telemetry.hooks", "otel_telemetry.testing"]
)
def test_an_unknown_name_is_an_attribute_error(module: str) -> None:
    """A module whose names are imported at first use answers as any other module."""
    with pytest.raises(AttributeError, match="no attribute 'Telemetri'"):
        import_module(module).Telemetri  # noqa: B018 - what is tested


def test_the_version_is_that_of_the_distribution() -> None:
    """It is written down once."""
    assert otel_telemetry.__version__ == metadata.version("otel-telemetry")


def test_the_signatures_of_telemetry_are_these() -> None:
    """What callers wrote keeps working."""
    public = {
        name: _function(member)
        for kind in reversed(Telemetry.__mro__[:-1])
        for name, member in vars(kind).items()
        if name == "__init__" or not name.startswith("_")
    }

    assert {
        name: str(inspect.signature(function))  # type: ignore[arg-type]  # all are functions
        for name, function in public.items()
    } == _SIGNATURES


def test_the_function_takes_what_the_class_takes() -> None:
    """Two ways to spell one thing."""
    function = inspect.signature(create_telemetry_instance)

    assert list(function.parameters.values()) == list(
        inspect.signature(Telemetry).parameters.values()
    )
    assert function.return_annotation == "Telemetry"
