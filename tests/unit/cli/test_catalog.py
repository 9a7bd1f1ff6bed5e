"""`catalog`: what may leave at all, as a document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.catalog.documents import json_schema, markdown, semconv_yaml
from tests.support.cli import ask
from tests.support.declared import CATALOG

Make = Callable[..., Telemetry]

PLACE = "tests.support.declared:CATALOG"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("markdown", markdown(CATALOG)),
        ("json-schema", json_schema(CATALOG)),
        ("semconv", semconv_yaml(CATALOG)),
    ],
)
def test_it_prints_the_document_as_it_is(make: Make, name: str, expected: str) -> None:
    """To the byte, so that it may be written to a file."""
    ran = ask("catalog", make(catalog=CATALOG), format=name)

    assert (ran.code, ran.out, ran.err) == (0, expected, "")
    assert ask("catalog", make(), catalog=PLACE, format=name).out == expected
    said = ask("catalog", make(), catalog=PLACE, format=name, json=True).json
    assert said == {"format": name, "text": expected}


def test_a_file_that_says_the_same_is_up_to_date(make: Make, tmp_path: Path) -> None:
    """By the end of its name."""
    path = tmp_path / "schema.json"
    path.write_text(json_schema(CATALOG), encoding="utf-8")

    ran = ask("catalog", make(catalog=CATALOG), check=str(path))

    assert (ran.code, ran.out, ran.err) == (0, f"{path} is up to date.\n", "")


@pytest.mark.parametrize("content", ["", markdown(CATALOG).replace("didStart", "didBegin"), None])
def test_a_stale_file_is_told_with_its_differences(
    make: Make, tmp_path: Path, content: str | None
) -> None:
    """Empty, other, or not there; continuous integration fails by it."""
    path = tmp_path / "TELEMETRY.md"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    ran = ask("catalog", make(catalog=CATALOG), check=str(path))

    assert ran.code == 1
    assert ran.out.startswith(f"--- {path}\n+++ {path} (declared)\n@@ ")
    assert "\n+" in ran.out
    assert ran.err == f"{path} is stale: write the catalogue anew.\n"
    said = ask("catalog", make(catalog=CATALOG), check=str(path), json=True).json
    assert said["is_stale"] is True
    assert said["differences"] == ran.out.splitlines()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({}, 1, "acme-cms declares no events"),
        ({"is_known": False}, 1, "name it with --catalog MODULE:NAME"),
        ({"catalog": "tests.support.declared:Kind"}, 2, "is no Catalog"),
        ({"catalog": "no_such_module:CATALOG"}, 2, "cannot be had"),
        ({"catalog": PLACE, "check": "page.txt"}, 2, "a catalogue's document ends in"),
        ({"catalog": PLACE, "check": "/"}, 2, "a catalogue's document ends in"),
    ],
    ids=["none", "unknown", "another thing", "not there", "another kind of file", "a directory"],
)
def test_what_cannot_be_done_is_told(
    make: Make, options: dict[str, Any], code: int, message: str
) -> None:
    """With its exit code."""
    ran = ask("catalog", make(), **options)

    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err


def test_a_file_that_cannot_be_read_is_told(make: Make, tmp_path: Path) -> None:
    """In the system's words."""
    path = tmp_path / "page.md"
    path.mkdir()

    ran = ask("catalog", make(catalog=CATALOG), check=str(path))

    assert (ran.code, ran.out) == (1, "")
    assert "Is a directory" in ran.err
