"""README and documentation: every block runs, every table, link and name is what the code says."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.stats import DropReason
from tests.support.import_graph import PACKAGE
from tests.support.pages import PAGES, PARTS, README, ROOT, page_name, renewed, text_of

TEXTS = {page_name(page): text_of(page) for page in PAGES}

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r"\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def _blocks(language: str) -> list[tuple[str, str, str]]:
    """Return the page, the content and the shown output of every block in *language*."""
    found = []
    for name, text in TEXTS.items():
        for block in _FENCE.finditer(text):
            if block[1] == language:
                shown = _OUTPUT.match(text, block.end())
                found.append((name, block[2], shown[1] if shown else ""))
    return found


def _prose(text: str) -> str:
    return _FENCE.sub("", text)


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = (heading.lower().replace("`", "") for heading in _HEADING.findall(_prose(text)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def _numbered(blocks: list[tuple[str, str, str]]) -> list[str]:
    return [f"{name}-{number}" for number, (name, _, _) in enumerate(blocks)]


_PYTHON = _blocks("python")
_JSON = _blocks("json")
_LINKS = sorted(
    (name, link)
    for name, text in TEXTS.items()
    for link in _LINK.findall(_prose(text))
    if not link.startswith("http")
)
_PATHS = sorted(
    {
        (name, path)
        for name, text in TEXTS.items()
        for path in re.findall(r"`((?:otel_telemetry|tests|examples)/[\w/.]+)`", text)
    }
)


@pytest.mark.parametrize(("page", "block", "shown"), _PYTHON, ids=_numbered(_PYTHON))
def test_a_python_block_runs_and_prints_what_the_page_shows(
    page: str, block: str, shown: str
) -> None:
    """A reader who pastes a block sees what the page shows."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, ""), page
    assert run.stdout == shown


@pytest.mark.parametrize(("page", "block", "_shown"), _JSON, ids=_numbered(_JSON))
def test_a_json_block_is_json(page: str, block: str, _shown: str) -> None:
    """A reader can copy it into a file."""
    assert isinstance(json.loads(block), dict), page


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    """What is not checked goes out of date."""
    kinds = {language for language, _ in _FENCE.findall(text_of(page))}

    assert kinds <= {"python", "text", "json", "console", "mermaid", "sh"}


def test_every_output_stands_behind_the_block_that_prints_it() -> None:
    """Else it would be compared with nothing."""
    assert len(_blocks("text")) == sum(shown != "" for _, _, shown in _PYTHON)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_generated_parts_of_a_page_are_up_to_date(page: Path) -> None:
    """Tables, command output and picture equal the code; `python -m tests.support.pages` writes."""
    remedy = "run `python -m tests.support.pages`"
    assert text_of(page) == renewed(text_of(page)), remedy


def test_every_generated_part_stands_on_a_page() -> None:
    """No table of the code is missing from the documentation."""
    everything = "".join(TEXTS.values())

    assert [part for part in PARTS if f"<!-- {part}: generated -->" not in everything] == []


def test_the_first_two_shell_lines_of_the_readme_set_up_everything() -> None:
    """A newcomer needs two lines: one runs the main job, one passes the tests."""
    block = next(content for page, content, _ in _blocks("sh") if page == "README.md")
    first, second = block.split("\n")[:2]

    assert first.endswith(".venv/bin/python examples/quickstart.py")
    assert second.endswith(".venv/bin/python -m pytest")


def test_the_readme_is_short() -> None:
    """It sells; the pages explain."""
    assert len(text_of(README).splitlines()) <= 250


def test_the_readme_links_to_every_page() -> None:
    """A page that nothing leads to is never read."""
    linked = {link.partition("#")[0] for name, link in _LINKS if name == "README.md"}

    assert {page_name(page) for page in PAGES} - linked <= {"README.md", "docs/index.md"}


@pytest.mark.parametrize(("page", "link"), _LINKS)
def test_a_link_into_the_project_leads_somewhere(page: str, link: str) -> None:
    """No link is dead, and no anchor."""
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page

    assert target.exists()
    if anchor:
        assert anchor in _anchors(text_of(target))


@pytest.mark.parametrize(("page", "path"), _PATHS)
def test_a_path_that_a_page_names_exists(page: str, path: str) -> None:
    """A promise names the test that holds it, and a guide the files to change."""
    assert (ROOT / path).exists(), page


# What the pages list of the code.


_MODULES = (
    "",
    ".catalog",
    ".catalog.documents",
    ".hooks",
    ".integrations.argparse",
    ".integrations.click",
    ".integrations.typer",
    ".testing",
    ".testing.conformance",
    ".types",
)


@pytest.mark.parametrize("module", _MODULES)
def test_the_reference_lists_every_public_name(module: str) -> None:
    """What is public is documented."""
    public = importlib.import_module(f"otel_telemetry{module}").__all__
    spans = " ".join(_SPAN.findall(TEXTS["docs/reference.md"]))

    assert [name for name in public if not re.search(rf"\b{name}\b", spans)] == []


@pytest.mark.parametrize("module", ["", ".catalog", ".hooks", ".testing"])
def test_the_reference_lists_nothing_that_is_not_there(module: str) -> None:
    """What is documented exists: a name of the module, or a member of one of its classes."""
    found = importlib.import_module(f"otel_telemetry{module}")
    places = [found, *(getattr(found, name) for name in found.__all__)]
    section = TEXTS["docs/reference.md"].partition(f"\n## otel_telemetry{module}\n")[2]
    cells = re.findall(r"^\| (`[^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    names = [re.split(r"\W", span)[0] for cell in cells for span in _SPAN.findall(cell)]
    keywords = {"with", "async"}

    assert names
    assert [
        name
        for name in names
        if name not in keywords and not any(hasattr(place, name) for place in places)
    ] == []


def test_the_supported_pythons_are_those_of_the_package() -> None:
    """README and reference promise what the package declares."""
    declared = re.findall(r'Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    promise = f"CPython {declared[0]} to {declared[-1]}"

    assert promise in TEXTS["README.md"]
    assert promise in TEXTS["docs/reference.md"]


def test_the_page_of_what_is_sent_lists_every_attribute_that_is_added() -> None:
    """A user can rely on the list."""
    spans = set(_SPAN.findall(TEXTS["docs/what-is-sent.md"]))

    assert base_attributes("acme", "1", "id").keys() <= spans


def test_the_page_of_faults_lists_every_reason() -> None:
    """A user finds in which situation an event is dropped for each reason."""
    text = TEXTS["docs/when-things-go-wrong.md"]

    assert [item.value for item in DropReason if f'dropped["{item.value}"]' not in text] == []


# The architecture.

_PAGE = TEXTS["docs/architecture.md"]


def _classes() -> dict[str, str]:
    """Return the module of every class of the package, by name."""
    classes: dict[str, str] = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = ".".join(parts)
    return classes


_CLASSES = _classes()


def _exists(span: str) -> bool:
    """Tell whether a path, a class or a method of a class is there."""
    if "/" in span or span.endswith(".py"):
        return (PACKAGE / span).exists() or (ROOT / span).exists()
    name, _, member = span.partition(".")
    if name not in _CLASSES:
        return False
    return not member or hasattr(getattr(importlib.import_module(_CLASSES[name]), name), member)


@pytest.mark.parametrize(
    "span", sorted(set(re.findall(r"`([\w/]+/|[\w/]+\.py|[A-Z]\w*(?:\.\w+)?)`", _PAGE)))
)
def test_the_architecture_names_only_what_exists(span: str) -> None:
    """A path, a class or a method that is renamed in the code is renamed on the page."""
    assert _exists(span)


def test_the_architecture_describes_every_folder() -> None:
    """A new folder cannot stay undescribed."""
    folders = {f"{path.name}/" for path in PACKAGE.iterdir() if any(path.glob("*.py"))}

    assert {folder for folder in folders if f"| `{folder}` |" not in _PAGE} == set()
