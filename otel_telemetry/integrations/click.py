"""For click: ``acme telemetry status`` in an application's own program."""

from __future__ import annotations

from collections.abc import Callable

import click

from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.context import EXIT_CODES, SUMMARY, Options, Parameter, Verb
from otel_telemetry.cli.run import run

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.cli.run import Source

__all__ = ["telemetry_group"]

_KINDS: dict[str, click.IntRange | click.FloatRange] = {
    "whole": click.IntRange(min=1),
    "seconds": click.FloatRange(min=0, max=1_000_000),
}


def telemetry_group(telemetry: Source, *, name: str = "telemetry") -> click.Group:
    """Return the command, with all verbs, for ``cli.add_command(telemetry_group(telemetry))``.

    Args:
        telemetry: The program's `Telemetry`, or a callable that makes it, called when it is needed.
        name: What the command is called.
    """
    group = click.Group(name, help=SUMMARY, epilog=EXIT_CODES, no_args_is_help=False)
    for verb in VERBS:
        group.add_command(_command(verb, telemetry))
    return group


def _command(verb: Verb, telemetry: Source) -> click.Command:
    def call(**given: object) -> None:
        options = Options(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # click has checked them
        click.get_current_context().exit(run(verb, telemetry, options))

    callback: Callable[..., None] = call
    return click.Command(
        verb.name,
        callback=callback,
        params=[_parameter(each) for each in verb.all_parameters()],
        help=f"{verb.summary}\n\n{verb.details}",
        short_help=verb.summary,
        # \b: click's sign for lines that stay as they are.
        epilog=f"\b\n{verb.epilog('telemetry')}",
    )


def _parameter(parameter: Parameter) -> click.Parameter:
    kind = click.Choice(parameter.choices) if parameter.choices else _KINDS.get(parameter.kind)
    metavar = parameter.metavar or None
    if not parameter.flags:
        return click.Argument([parameter.name], type=kind, metavar=metavar)
    is_switch = parameter.kind == "switch"
    return click.Option(
        [*parameter.flags, parameter.name],
        type=kind,
        metavar=metavar,
        help=parameter.help,
        is_flag=is_switch,
        multiple=parameter.kind == "texts",
    )
