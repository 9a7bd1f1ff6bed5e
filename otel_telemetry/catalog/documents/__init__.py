"""Generate documents from a catalogue: a page for users, a JSON Schema, semantic conventions.

`check` tells whether a file is up to date, for continuous integration.
"""

from __future__ import annotations

import difflib
import os

from otel_telemetry.catalog.documents.json_schema import json_schema
from otel_telemetry.catalog.documents.markdown import markdown
from otel_telemetry.catalog.documents.semconv import semconv_yaml

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.catalog.catalog import Catalog

__all__ = ["check", "document", "json_schema", "markdown", "semconv_yaml"]

_GENERATORS = {
    ".md": markdown,
    ".json": json_schema,
    ".yaml": semconv_yaml,
    ".yml": semconv_yaml,
}


def document(catalog: Catalog, path: str | os.PathLike[str]) -> str:
    """Return the document for the file name extension of *path*. The file is not read.

    Args:
        catalog: The declared events.
        path: A name that ends in ``.md`` (Markdown), ``.json`` (a JSON Schema), ``.yaml`` or
            ``.yml`` (OpenTelemetry semantic conventions).

    Raises:
        ValueError: No document has this file name extension.
    """
    extension = os.path.splitext(os.fspath(path))[1].lower()
    if extension not in _GENERATORS:
        raise ValueError(
            f"a catalogue's document ends in {', '.join(_GENERATORS)}, not {extension!r}"
        )
    return _GENERATORS[extension](catalog)


def check(catalog: Catalog, path: str | os.PathLike[str]) -> list[str]:
    """Compare the document at *path* with the catalogue.

    Args:
        catalog: The declared events.
        path: The document: Markdown (``.md``), a JSON Schema (``.json``), or OpenTelemetry
            semantic conventions (``.yaml``, ``.yml``). A missing file counts as empty.

    Returns:
        The lines of a unified diff that would bring the document up to date; none if it is.

    Raises:
        ValueError: No document has this file name extension.
        OSError: The file exists and cannot be read.
    """
    expected = document(catalog, path)
    try:
        with open(path, encoding="utf-8") as file:
            actual = file.read()
    except FileNotFoundError:
        actual = ""
    name = os.fspath(path)
    return list(
        difflib.unified_diff(
            actual.splitlines(), expected.splitlines(), name, f"{name} (declared)", lineterm=""
        )
    )
