"""Documents made from a catalogue: a page for users, a JSON Schema, semantic conventions.

`check` compares a document on disk with the catalogue, for continuous integration.
"""

from __future__ import annotations

import difflib
import os

from otel_telemetry.catalog.documents.json_schema import json_schema
from otel_telemetry.catalog.documents.markdown import markdown
from otel_telemetry.catalog.documents.semconv import semconv_yaml

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog

__all__ = ["check", "document", "json_schema", "markdown", "semconv_yaml"]

_MAKERS = {
    ".md": markdown,
    ".json": json_schema,
    ".yaml": semconv_yaml,
    ".yml": semconv_yaml,
}


def document(catalog: Catalog, path: str | os.PathLike[str]) -> str:
    """Return the text of the document that belongs at *path*, by the end of its name.

    Args:
        catalog: What is declared.
        path: Markdown (``.md``), a JSON Schema (``.json``), or OpenTelemetry semantic conventions
            (``.yaml``, ``.yml``).

    Raises:
        ValueError: There is no document of that kind.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending not in _MAKERS:
        raise ValueError(f"a catalogue's document ends in {', '.join(_MAKERS)}, not {ending!r}")
    return _MAKERS[ending](catalog)


def check(catalog: Catalog, path: str | os.PathLike[str]) -> list[str]:
    """Compare the document at *path* with the catalogue.

    Args:
        catalog: The declared events.
        path: The document: Markdown (``.md``), a JSON Schema (``.json``), or OpenTelemetry
            semantic conventions (``.yaml``, ``.yml``). A missing file counts as empty.

    Returns:
        The lines of a unified diff that would bring the document up to date; none if it is.

    Raises:
        ValueError: No document of a catalogue has this file name extension.
        OSError: The file exists and cannot be read.
    """
    declared = document(catalog, path)
    try:
        with open(path, encoding="utf-8") as file:
            written = file.read()
    except FileNotFoundError:
        written = ""
    name = os.fspath(path)
    return list(
        difflib.unified_diff(
            written.splitlines(), declared.splitlines(), name, f"{name} (declared)", lineterm=""
        )
    )
