"""`catalog`: the catalogue as a document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.catalog.documents import json_schema, markdown, semconv_yaml
from tests.support.cli import run_verb
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
def test_catalog_prints_exactly_the_bytes_of_the_document(
    make: Make, name: str, expected: str
) -> None:
    """The output can be redirected to a file."""
    result = run_verb("catalog", make(catalog=CATALOG), format=name)

    assert (result.code, result.out, result.err) == (0, expected, "")
    assert run_verb("catalog", make(), catalog=PLACE, format=name).out == expected
    data = run_verb("catalog", make(), catalog=PLACE, format=name, json=True).json
    assert data == {"format": name, "text": expected}


def test_check_accepts_a_file_that_equals_the_document(make: Make, tmp_path: Path) -> None:
    """The suffix of its name selects the format."""
    path = tmp_path / "schema.json"
    path.write_text(json_schema(CATALOG), encoding="utf-8")

    result = run_verb("catalog", make(catalog=CATALOG), check=str(path))

    assert (result.code, result.out, result.err) == (0, f"{path} is up to date.\n", "")


@pytest.mark.parametrize("content", ["", markdown(CATALOG).replace("didStart", "didBegin"), None])
def test_check_prints_a_diff_and_exits_with_1_for_a_stale_file(
    make: Make, tmp_path: Path, content: str | None
) -> None:
    """The file is empty, different, or missing."""
    path = tmp_path / "TELEMETRY.md"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    result = run_verb("catalog", make(catalog=CATALOG), check=str(path))

    assert result.code == 1
    assert result.out.startswith(f"--- {path}\n+++ {path} (declared)\n@@ ")
    assert "\n+" in result.out
    assert result.err == f"{path} is not up to date.\n"
    data = run_verb("catalog", make(catalog=CATALOG), check=str(path), json=True).json
    assert data["is_stale"] is True
    assert data["differences"] == result.out.splitlines()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({}, 1, "acme-cms has no catalogue"),
        ({"is_known": False}, 1, "use --catalog MODULE:NAME"),
        ({"catalog": "tests.support.declared:Kind"}, 2, "must be a Catalog; it is of type "),
        ({"catalog": "no_such_module:CATALOG"}, 2, "cannot be loaded"),
        ({"catalog": PLACE, "check": "page.txt"}, 2, "a catalogue's document ends in"),
        ({"catalog": PLACE, "check": "/"}, 2, "a catalogue's document ends in"),
    ],
    ids=["none", "unknown", "another thing", "not there", "another kind of file", "a directory"],
)
def test_catalog_explains_each_error_and_sets_the_exit_code(
    make: Make, options: dict[str, Any], code: int, message: str
) -> None:
    """Wrong usage is 2, a missing catalogue is 1."""
    result = run_verb("catalog", make(), **options)

    assert (result.code, result.out) == (code, "")
    assert message in result.err


def test_check_reports_a_file_that_cannot_be_read(make: Make, tmp_path: Path) -> None:
    """The message is that of the operating system."""
    path = tmp_path / "page.md"
    path.mkdir()

    result = run_verb("catalog", make(catalog=CATALOG), check=str(path))

    assert (result.code, result.out) == (1, "")
    assert "Is a directory" in result.err
