"""``catalog``: what may leave at all, as a document; and whether a document says so."""

from __future__ import annotations

from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.catalog import Catalog
from otel_telemetry.catalog.documents import check, document
from otel_telemetry.cli.context import DONE, FAILED, USAGE, CommandError, Context, Options, Result
from otel_telemetry.cli.load import load_object

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.console import Style

_NAMES = {"markdown": "c.md", "json-schema": "c.json", "semconv": "c.yaml"}
_COLOURS = {"+": "green", "-": "red", "@": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is declared; ``catalog --json``.

    Attributes:
        format: ``"markdown"``, ``"json-schema"`` or ``"semconv"``.
        text: The document.
    """

    format: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether a file says what is declared; ``catalog --check FILE --json``.

    Attributes:
        path: The file.
        is_stale: Whether it does not.
        differences: The lines of a unified diff that would bring it up to date.
    """

    path: str
    is_stale: bool
    differences: tuple[str, ...]


def catalog(context: Context, options: Options) -> Result:
    """Print the application's catalogue, or compare a file with it. Nothing is sent or kept."""
    found = _catalog(context, options)
    if options.check is None:
        text = document(found, _NAMES[options.format])
        return Result(
            report=Document(format=options.format, text=text),
            text=lambda _paint: text.removesuffix("\n").split("\n"),
        )
    try:
        differences = tuple(check(found, options.check))
    except ValueError as error:
        raise CommandError(str(error), USAGE) from error
    report = Comparison(path=options.check, is_stale=bool(differences), differences=differences)
    return Result(
        report=report,
        text=lambda paint: _lines(report, paint),
        notes=(f"{options.check} is stale: write the catalogue anew.",) if differences else (),
        code=FAILED if differences else DONE,
    )


def _catalog(context: Context, options: Options) -> Catalog:
    if options.catalog is not None:
        found = load_object(options.catalog)
        if not isinstance(found, Catalog):
            raise CommandError(f"{options.catalog} is no Catalog", USAGE)
        return found
    if context.config.catalog is None:
        name = context.config.name
        raise CommandError(
            f"{name} declares no events: there is no list of what may leave"
            if context.is_known
            else f"whether {name} declares its events is not known here: if its code has a "
            "catalogue, name it with --catalog MODULE:NAME, or its Telemetry with --app MODULE:NAME"
        )
    return context.config.catalog


def _lines(report: Comparison, paint: Style) -> Iterator[str]:
    if not report.is_stale:
        yield f"{report.path} is up to date."
    for line in report.differences:
        colour = _COLOURS.get(line[:1])
        yield paint(colour, line) if colour else line
