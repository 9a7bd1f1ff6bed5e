"""For typer: ``acme telemetry status`` in an application's own program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Optional

import typer

from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.context import EXIT_CODES, SUMMARY, Options, Parameter, Verb
from otel_telemetry.cli.run import run

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.run import Source

__all__ = ["telemetry_app"]


def telemetry_app(telemetry: Source, *, name: str = "telemetry") -> typer.Typer:
    """Return the command, with all verbs, for ``app.add_typer(telemetry_app(telemetry))``.

    Args:
        telemetry: The program's `Telemetry`, or a callable that makes it, called when it is needed.
        name: What the command is called.
    """
    app = typer.Typer(name=name, help=SUMMARY, epilog=EXIT_CODES)
    for verb in VERBS:
        app.command(
            verb.name,
            help=f"{verb.summary}\n\n{verb.details}",
            short_help=verb.summary,
            epilog=_epilog(verb),
        )(_function(verb, telemetry))
    return app


def _epilog(verb: Verb) -> str:
    """Return the examples; an empty line between them, for typer fills all others."""
    lines = [f"telemetry {words}: {what}" for words, what in verb.examples]
    return "\n\n".join([f"examples: {lines[0]}", *lines[1:], EXIT_CODES])


def _function(verb: Verb, telemetry: Source) -> Callable[..., None]:
    """Return a function whose signature says what `verb` takes: that is what typer reads."""

    def call(**given: object) -> None:
        options = {key: _plain(value) for key, value in given.items() if value is not None}
        raise typer.Exit(run(verb, telemetry, Options(**options)))  # type: ignore[arg-type]  # typer has checked them

    parameters = [_parameter(each) for each in verb.all_parameters()]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return tuple(value) if isinstance(value, list) else value


def _parameter(parameter: Parameter) -> inspect.Parameter:
    kind, default = _TYPES[parameter.kind]
    if parameter.choices:
        named = {each: each for each in parameter.choices}
        choices = Enum(parameter.name, named)  # type: ignore[misc]  # made of a table
        kind = Optional[choices]  # noqa: UP045 - mypy knows no | of it
    least, most = _BOUNDS.get(parameter.kind, (None, None))
    metavar = parameter.metavar or None
    info: object
    if parameter.flags:
        help_text = parameter.help
        info = typer.Option(*parameter.flags, help=help_text, metavar=metavar, min=least, max=most)
    else:
        kind, default = str, inspect.Parameter.empty
        info = typer.Argument(help=parameter.help, metavar=metavar)
    return inspect.Parameter(
        parameter.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, info],
    )


_BOUNDS = {"whole": (1, None), "seconds": (0, 1_000_000)}
_TYPES: dict[str, tuple[object, object]] = {
    "switch": (bool, False),
    "text": (str | None, None),
    "texts": (list[str] | None, None),
    "whole": (int | None, None),
    "seconds": (float | None, None),
}
