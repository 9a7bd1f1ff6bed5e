"""The names under which events and requests are counted are written in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import otel_telemetry
from otel_telemetry.stats import Correction, Disposition, DropReason

_PACKAGE = Path(otel_telemetry.__file__).parent
# Words that mean other things elsewhere: settings, options, words in patterns.
_AMBIGUOUS = {
    "before_send",
    "destroyed",
    "expired",
    "internal",
    "invalid",
    "shutdown",
    "undeclared",
    "cut",
}
_NAMES = {name.value for name in (*DropReason, *Correction)} - _AMBIGUOUS


@pytest.mark.parametrize("path", sorted(_PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_no_module_but_stats_spells_a_drop_reason_or_a_correction(path: Path) -> None:
    """The other modules use the members, which the type checker knows."""
    if path == _PACKAGE / "stats.py":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}

    assert not strings & _NAMES


@pytest.mark.parametrize("name", [*DropReason, *Correction, *Disposition], ids=str)
def test_every_name_has_a_meaning_of_one_line(name: DropReason | Correction | Disposition) -> None:
    """The documentation lists the names with their meanings."""
    assert name.meaning
    assert "\n" not in name.meaning
    assert not name.meaning.endswith(".")
