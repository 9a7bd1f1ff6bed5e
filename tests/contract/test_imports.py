"""The import cost: few modules of the standard library, and none of others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import otel_telemetry
from tests.support.processes import plain_environment

# Without `site`, only the modules that the statement imports are loaded.
_CODE = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
{statement}
import json
print(json.dumps(sorted(set(sys.modules) - before - {{"json"}})))
"""

_OFF = """
from otel_telemetry import TelemetryPayload, create_telemetry_instance
telemetry = create_telemetry_instance("acme-cms", version="1", endpoint="https://a.example")
telemetry.register()
telemetry.bootstrap()
for _ in range(2):
    telemetry.send("x", TelemetryPayload(event_properties={"a": 1}), user_properties={"b": 2})
telemetry.flush()
telemetry.destroy()
"""

_DECLARED = """
import enum
from otel_telemetry.catalog import Catalog
from otel_telemetry.catalog import event, field

class Kind(enum.Enum):
    SINGLE = "single"

@event("x", since="1")
class X:
    "It happened."
    kind: Kind = field("How.", data_class="feature")

telemetry = __import__("otel_telemetry").Telemetry("acme-cms", catalog=Catalog(X, version=1))
telemetry.send(X(kind=Kind.SINGLE))
"""

_SLOW = {
    "asyncio",
    "concurrent.futures",
    "ctypes",
    "decimal",
    "difflib",
    "email",
    "http",
    "importlib.metadata",
    "multiprocessing",
    "platform",
    "socket",
    "ssl",
    "subprocess",
    "unittest",
    "urllib.request",
    "uuid",
}


def _imported(statement: str) -> list[str]:
    root = Path(otel_telemetry.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _CODE.format(statement=statement), str(root)],
        env=plain_environment(),
        capture_output=True,
        check=True,
    )
    names: list[str] = json.loads(done.stdout)
    return names


@pytest.mark.parametrize(
    "statement",
    [
        "import otel_telemetry",
        "from otel_telemetry import Telemetry",
        "from otel_telemetry import create_telemetry_instance, TelemetryPayload",
        _OFF,
        _DECLARED,
    ],
    ids=["package", "class", "function", "a whole life, off", "a declared event, off"],
)
def test_only_the_standard_library_is_imported(statement: str) -> None:
    """And none of its modules that take milliseconds."""
    imported = _imported(statement)

    ours = [name for name in imported if name.partition(".")[0] == "otel_telemetry"]
    others = set(imported) - set(ours)
    assert "otel_telemetry" in ours
    assert {name for name in others if name.partition(".")[0] not in sys.stdlib_module_names} == (
        set()
    )
    assert others & _SLOW == set()


def test_importing_the_package_imports_no_other_module_of_it() -> None:
    """Public names are imported on first use."""
    imported = _imported("import otel_telemetry")

    assert [name for name in imported if name.startswith("otel_telemetry")] == ["otel_telemetry"]


def test_a_program_without_a_catalogue_does_not_import_catalog() -> None:
    """Only declarations cost its import."""
    assert not {name for name in _imported(_OFF) if "catalog" in name}


def test_a_program_that_is_off_imports_no_pipeline_and_no_delivery() -> None:
    """The first event that is sent imports them."""
    imported = _imported(_OFF)

    assert not {
        name
        for name in imported
        if name.startswith(
            (
                "otel_telemetry.detached",
                "otel_telemetry.export",
                "otel_telemetry.mapping",
                "otel_telemetry.otlp",
                "otel_telemetry.pipeline",
                "otel_telemetry.spool",
                "otel_telemetry.testing",
            )
        )
    }


def test_naming_hooks_imports_no_pattern() -> None:
    """Nor any module that takes milliseconds. A program that is off may name hooks."""
    imported = _imported(
        "from otel_telemetry import hooks\n"
        "hooks.once_per_day('ping', state='nowhere'), hooks.rate_limit(1, 1), hooks.sample(0.5)\n"
        "hooks.redact(hooks.redact_secrets, hooks.hide_home, hooks.truncate(9))"
    )

    assert set(imported) & (_SLOW | {"hashlib", "typing", "otel_telemetry.mapping"}) == set()
