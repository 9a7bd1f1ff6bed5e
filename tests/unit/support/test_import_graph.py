"""The picture of the imports: what it shows, and what it leaves out."""

from __future__ import annotations

from pathlib import Path

from tests.support.import_graph import import_graph, mermaid, reduced


def _package(root: Path, **modules: str) -> Path:
    for name, source in modules.items():
        path = root / "otel_telemetry" / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return root / "otel_telemetry"


def test_an_import_within_a_function_counts_and_one_for_types_does_not(tmp_path: Path) -> None:
    """The picture shows what runs, whenever it runs."""
    package = _package(
        tmp_path,
        top__a="def f():\n    from otel_telemetry.low import b\n",
        low__b="if TYPE_CHECKING:\n    from otel_telemetry.top.a import f\n",
    )

    assert import_graph(package) == {"top/": {"low/"}, "low/": set()}


def test_modules_at_the_root_are_one_node_but_for_the_service(tmp_path: Path) -> None:
    """Shared values stand together."""
    package = _package(
        tmp_path,
        telemetry="from otel_telemetry.events import Event\n",
        events="import otel_telemetry.errors\n",
        errors="import os\n",
    )

    assert import_graph(package) == {
        "telemetry.py": {"errors.py, events.py"},
        "errors.py, events.py": set(),
    }


def test_an_arrow_that_follows_from_two_others_is_left_out() -> None:
    """Few arrows can be read."""
    graph = {"a/": {"b/", "c/"}, "b/": {"c/"}, "c/": set()}

    assert reduced(graph) == {"a/": {"b/"}, "b/": {"c/"}, "c/": set()}


def test_a_circle_stays_in_the_picture() -> None:
    """What is wrong is seen."""
    graph = {"a/": {"b/"}, "b/": {"a/"}}

    assert reduced(graph) == graph


def test_the_block_draws_each_node_and_each_arrow_once() -> None:
    """The text is the same for the same graph."""
    assert mermaid({"b/": set(), "a/": {"b/"}}).splitlines() == [
        "```mermaid",
        "flowchart TD",
        '    n0["a/"]',
        '    n1["b/"]',
        "    n0 --> n1",
        "```",
    ]
