"""``acme telemetry status`` for a program that uses click."""

from __future__ import annotations

from collections.abc import Callable

import click

from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.context import EXIT_CODES, MAX_SECONDS, SUMMARY, Options, Parameter, Verb
from otel_telemetry.cli.run import run

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from typing import Any

    from otel_telemetry.cli.run import Source

__all__ = ["telemetry_group"]

_TYPES: dict[str, click.IntRange | click.FloatRange] = {
    "integer": click.IntRange(min=1),
    "seconds": click.FloatRange(min=0, max=MAX_SECONDS),
}


def telemetry_group(telemetry: Source, *, name: str = "telemetry") -> click.Group:
    """Return the command ``telemetry``, with all its verbs.

    Add it to the program: ``cli.add_command(telemetry_group(telemetry))``. Without a verb, it
    prints its help and exits as every click group does: with 2, or with 0 before click 8.2.

    Args:
        telemetry: The program's `Telemetry`, or a function that makes it. A verb calls the
            function when it runs.
        name: The command's name.
    """
    group = click.Group(name, help=SUMMARY, epilog=EXIT_CODES, no_args_is_help=True)
    for verb in VERBS:
        group.add_command(_command(verb, telemetry))
    return group


def _command(verb: Verb, telemetry: Source) -> click.Command:
    def call(**values: object) -> None:
        options = Options(**{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]  # click has checked them
        click.get_current_context().exit(run(verb, telemetry, options))

    callback: Callable[..., None] = call
    return _Command(
        verb,
        callback=callback,
        params=[_parameter(each) for each in verb.all_parameters()],
        help=f"{verb.summary}\n\n{verb.details}",
        short_help=verb.summary,
    )


class _Command(click.Command):
    """Ends its help with the examples, which begin with the program's name and are not wrapped."""

    def __init__(self, verb: Verb, **settings: Any) -> None:
        super().__init__(verb.name, **settings)
        self._verb = verb

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the exit codes."""
        program = ctx.command_path.removesuffix(f" {ctx.info_name}")
        formatter.write(f"\n{self._verb.epilog(program, formatter.width)}\n")


def _parameter(parameter: Parameter) -> click.Parameter:
    kind = click.Choice(parameter.choices) if parameter.choices else _TYPES.get(parameter.kind)
    metavar = parameter.metavar or None
    if not parameter.flags:
        return click.Argument([parameter.name], type=kind, metavar=metavar)
    return click.Option(
        [*parameter.flags, parameter.name],
        type=kind,
        metavar=metavar,
        help=parameter.help,
        is_flag=parameter.kind == "flag",
        multiple=parameter.kind == "texts",
    )
