"""``acme telemetry status`` for a program that uses typer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperCommand

from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.context import EXIT_CODES, MAX_SECONDS, SUMMARY, Options, Parameter, Verb
from otel_telemetry.cli.run import run

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.cli.run import Source

__all__ = ["telemetry_app"]


def telemetry_app(telemetry: Source, *, name: str = "telemetry") -> typer.Typer:
    """Return the command ``telemetry``, with all its verbs.

    Add it to the program: ``app.add_typer(telemetry_app(telemetry))``. Without a verb, it prints
    its help and exits as every typer app does: with 2, or with 0 where click is older than 8.2.

    Args:
        telemetry: The program's `Telemetry`, or a function that makes it. A verb calls the
            function when it runs.
        name: The command's name.
    """
    app = typer.Typer(name=name, help=SUMMARY, epilog=EXIT_CODES, no_args_is_help=True)
    for verb in VERBS:
        app.command(
            verb.name,
            cls=_command_class(verb),
            help=f"{verb.summary}\n\n{verb.details}",
            short_help=verb.summary,
        )(_function(verb, telemetry))
    return app


def _command_class(verb: Verb) -> type[TyperCommand]:
    class Command(TyperCommand):
        """Ends its help with the examples: typer itself would join their lines."""

        def format_help(self, ctx: Any, formatter: Any) -> None:
            """Write the help of typer, then the examples and the exit codes."""
            super().format_help(ctx, formatter)
            program = ctx.command_path.removesuffix(f" {ctx.info_name}")
            formatter.write(f"\n{verb.epilog(program, formatter.width)}\n")

    return Command


def _function(verb: Verb, telemetry: Source) -> Callable[..., None]:
    """Return a function with the parameters of *verb* in its signature, which typer reads."""

    def call(**values: object) -> None:
        options = {key: _plain(value) for key, value in values.items() if value is not None}
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
        members = {each: each for each in parameter.choices}
        choices = Enum(parameter.name, members)  # type: ignore[misc]  # made from a table
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


_BOUNDS = {"integer": (1, None), "seconds": (0, MAX_SECONDS)}
_TYPES: dict[str, tuple[object, object]] = {
    "flag": (bool, False),
    "text": (str | None, None),
    "texts": (list[str] | None, None),
    "integer": (int | None, None),
    "seconds": (float | None, None),
}
