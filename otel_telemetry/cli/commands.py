"""The table of verbs, from which argparse, click and typer make their commands."""

from __future__ import annotations

from otel_telemetry.cli.context import Context, Options, Parameter, Result, Verb


def _status(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.status import status  # noqa: PLC0415 - see `Verb.run`

    return status(context, options)


def _on(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.consent import turn_on  # noqa: PLC0415

    return turn_on(context, options)


def _off(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.consent import turn_off  # noqa: PLC0415

    return turn_off(context, options)


def _log(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.consent import only_log  # noqa: PLC0415

    return only_log(context, options)


def _show(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.backlog import show  # noqa: PLC0415

    return show(context, options)


def _preview(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.preview import show_preview  # noqa: PLC0415

    return show_preview(context, options)


def _reset_id(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.purge import reset_id  # noqa: PLC0415

    return reset_id(context, options)


def _purge(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.purge import purge  # noqa: PLC0415

    return purge(context, options)


def _flush(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.flush import flush  # noqa: PLC0415

    return flush(context, options)


def _doctor(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.doctor import doctor  # noqa: PLC0415

    return doctor(context, options)


def _catalog(context: Context, options: Options) -> Result:
    from otel_telemetry.cli.catalog import catalog  # noqa: PLC0415

    return catalog(context, options)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="status",
        summary="Show whether telemetry is on, who decided, and what waits.",
        details=(
            "The command opens no connection and writes no file. It never shows the values of "
            "headers."
        ),
        examples=(
            ("status", "show whether telemetry is on"),
            ("status --json", "the same, for programs"),
        ),
        run=_status,
    ),
    Verb(
        name="on",
        summary="Turn telemetry on.",
        details=(
            "The command saves your choice. Events that were recorded before it are not sent. If "
            "another setting still turns telemetry off, the command names it and exits with 1."
        ),
        examples=(("on", "agree to telemetry"),),
        run=_on,
    ),
    Verb(
        name="off",
        summary="Turn telemetry off, and delete its id and the waiting events.",
        details=(
            "The command saves your choice. Nothing more is sent, not even the news that you "
            "turned telemetry off."
        ),
        examples=(("off", "refuse telemetry"),),
        run=_off,
    ),
    Verb(
        name="log",
        summary="Print events to stderr instead of sending them.",
        details=(
            "The command saves your choice. Use it to see for a while what would be sent. Nothing "
            "is sent."
        ),
        examples=(("log", "print events, send nothing"), ("on", "send events again")),
        run=_log,
    ),
    Verb(
        name="show",
        summary="Show the events that wait on disk.",
        details=(
            "The events are decoded from the bytes that will be sent, oldest first. With --json, "
            "the output is an OTLP request in OTLP's JSON, which any OTLP/HTTP backend takes."
        ),
        examples=(
            ("show", "show all waiting events"),
            ("show --last 3", "show the newest three"),
        ),
        parameters=(
            Parameter(
                name="last",
                flags=("--last",),
                kind="integer",
                metavar="N",
                help="Show only the newest N events.",
            ),
        ),
        run=_show,
    ),
    Verb(
        name="preview",
        summary="Show what would be sent for an event.",
        details=(
            "The event passes all the steps of a real event except the network, and is shown as "
            "decoded from the bytes that would be sent. Nothing is sent or saved. The command "
            "works while telemetry is off, too. A value is read as JSON; if it is not valid JSON, "
            "it is a text."
        ),
        examples=(
            ("preview didStart", "an event without properties"),
            (
                "preview didCreateEntry -p model=article -p draft=true -u plan=free -g locales=3",
                "an event with all three kinds of properties",
            ),
        ),
        parameters=(
            Parameter(name="event", metavar="EVENT", help="The event's name."),
            Parameter(
                name="event_properties",
                flags=("-p", "--property"),
                kind="texts",
                metavar="KEY=VALUE",
                help="A property of the event; may be repeated.",
            ),
            Parameter(
                name="user_properties",
                flags=("-u", "--user-property"),
                kind="texts",
                metavar="KEY=VALUE",
                help="A property of the user; may be repeated.",
            ),
            Parameter(
                name="group_properties",
                flags=("-g", "--group-property"),
                kind="texts",
                metavar="KEY=VALUE",
                help="A property of the group; may be repeated.",
            ),
        ),
        run=_preview,
    ),
    Verb(
        name="catalog",
        summary="Print the application's catalogue: all events that may be sent.",
        details=(
            "The output is a Markdown page, a JSON Schema, or OpenTelemetry semantic conventions "
            "in YAML. With --check, the command compares a file with the catalogue, prints the "
            "differences, and exits with 1 if there are any: for continuous integration."
        ),
        examples=(
            ("catalog", "print the Markdown page"),
            ("catalog --check TELEMETRY.md", "check that the page is up to date"),
            (
                "catalog --catalog acme.events:CATALOG --format semconv",
                "print the catalogue of a module, as YAML",
            ),
        ),
        parameters=(
            Parameter(
                name="format",
                flags=("--format",),
                choices=("markdown", "json-schema", "semconv"),
                help="The format of the output; default: markdown.",
            ),
            Parameter(
                name="check",
                flags=("--check",),
                metavar="FILE",
                help="Compare this file with the catalogue: .md, .json, .yaml or .yml.",
            ),
            Parameter(
                name="catalog",
                flags=("--catalog",),
                metavar="MODULE:NAME",
                help="The place of the catalogue; default: the application's own.",
            ),
        ),
        run=_catalog,
    ),
    Verb(
        name="reset-id",
        summary="Replace the installation id with a new one.",
        details="Earlier events can no longer be linked to later ones.",
        examples=(("reset-id", "get a new installation id"),),
        run=_reset_id,
    ),
    Verb(
        name="purge",
        summary="Delete the events that wait on disk.",
        details="Telemetry stays on or off as it was. The command asks no question.",
        examples=(("purge", "delete all waiting events"),),
        run=_purge,
    ),
    Verb(
        name="flush",
        summary="Send the events that wait on disk now.",
        details=(
            "The command sends events only if telemetry is on. It stops after three failed "
            "requests, or when the time is up, and exits with 1 if events still wait or were lost."
        ),
        examples=(
            ("flush", "send all waiting events"),
            ("flush --timeout 5", "stop after 5 seconds"),
        ),
        parameters=(
            Parameter(
                name="timeout",
                flags=("--timeout",),
                kind="seconds",
                metavar="SECONDS",
                help="The time limit; default: 30.",
            ),
        ),
        run=_flush,
    ),
    Verb(
        name="doctor",
        summary="Check whether telemetry works here, and suggest how to fix it.",
        details=(
            "The command checks the decision, the endpoint (its name, port, certificate and "
            "response to an empty request), the spool and the clock. It sends no event. It exits "
            "with 1 if there is a problem. While telemetry is off, it opens no connection without "
            "--connect."
        ),
        examples=(
            ("doctor", "check everything"),
            ("doctor --connect", "check the backend even though telemetry is off"),
        ),
        parameters=(
            Parameter(
                name="connect",
                flags=("--connect",),
                kind="flag",
                help="Connect to the backend even though telemetry is off.",
            ),
            Parameter(
                name="timeout",
                flags=("--timeout",),
                kind="seconds",
                metavar="SECONDS",
                help="The time limit for the connection; default: 5.",
            ),
        ),
        run=_doctor,
    ),
)
