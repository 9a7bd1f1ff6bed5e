"""``catalog``: print the catalogue as a document, or compare a document with it."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog import Catalog
from otel_telemetry.catalog.documents import check, document
from otel_telemetry.cli.context import DONE, FAILED, USAGE, CommandError, Context, Options, Result
from otel_telemetry.cli.load import load_object

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style

_NAMES = {"markdown": "c.md", "json-schema": "c.json", "semconv": "c.yaml"}
_COLOURS = {"+": "green", "-": "red", "@": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The catalogue as a document; ``catalog --json``.

    Attributes:
        format: ``"markdown"``, ``"json-schema"`` or ``"semconv"``.
        text: The document.
    """

    format: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A file compared with the catalogue; ``catalog --check FILE --json``.

    Attributes:
        path: The file.
        is_stale: Whether the file differs from the catalogue.
        differences: The lines of a unified diff from the file to the catalogue.
    """

    path: str
    is_stale: bool
    differences: tuple[str, ...]


def catalog(context: Context, options: Options) -> Result:
    """Print the application's catalogue, or compare a file with it."""
    declared = _find_catalog(context, options)
    if options.check is None:
        text = document(declared, _NAMES[options.format])
        return Result(
            report=Document(format=options.format, text=text),
            text=lambda _style: text.removesuffix("\n").split("\n"),
        )
    try:
        differences = tuple(check(declared, options.check))
    except ValueError as error:
        raise CommandError(str(error), USAGE) from error
    report = Comparison(path=options.check, is_stale=bool(differences), differences=differences)
    return Result(
        report=report,
        text=lambda style: _lines(report, style),
        notes=(f"{options.check} is not up to date.",) if differences else (),
        code=FAILED if differences else DONE,
    )


def _find_catalog(context: Context, options: Options) -> Catalog:
    if options.catalog is not None:
        loaded = load_object(options.catalog)
        if not isinstance(loaded, Catalog):
            raise CommandError(
                f"{options.catalog} must be a Catalog; it is of type {type(loaded).__name__}", USAGE
            )
        return loaded
    if context.config.catalog is None:
        name = context.config.name
        raise CommandError(
            f"{name} has no catalogue: its code declares no events"
            if context.is_known
            else f"the catalogue of {name} is not known here: use --catalog MODULE:NAME to name "
            "the Catalog in its code, or --app MODULE:NAME to name its Telemetry"
        )
    return context.config.catalog


def _lines(report: Comparison, style: Style) -> Iterator[str]:
    if not report.is_stale:
        yield f"{report.path} is up to date."
    for line in report.differences:
        colour = _COLOURS.get(line[:1])
        yield style(colour, line) if colour else line
