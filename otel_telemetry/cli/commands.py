"""The verbs, as one table: argparse, click and typer all make their commands of it."""

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


_SECONDS = "SECONDS"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="status",
        summary="Say whether telemetry is on, who decided, and what waits.",
        details="Connects to nothing and writes nothing. The values of headers are never shown.",
        examples=(("status", "where telemetry stands"), ("status --json", "the same for programs")),
        run=_status,
    ),
    Verb(
        name="on",
        summary="Let events leave, from now on.",
        details=(
            "Keeps your choice. What was recorded before does not leave. "
            "Exits with 1 if something else still denies it, and says what."
        ),
        examples=(("on", "agree"),),
        run=_on,
    ),
    Verb(
        name="off",
        summary="Turn telemetry off, and delete its id and what waits.",
        details="Keeps your choice. Nothing is sent any more, not even that you turned it off.",
        examples=(("off", "end it"),),
        run=_off,
    ),
    Verb(
        name="log",
        summary="Print events to stderr instead of sending them.",
        details="Keeps your choice: to see for a while what would leave. None leaves.",
        examples=(("log", "only look"), ("on", "send again")),
        run=_log,
    ),
    Verb(
        name="show",
        summary="Show the events that wait on disk.",
        details=(
            "Decoded from the very bytes that will leave, oldest first. "
            "With --json an OTLP request in OTLP's JSON, as any OTLP/HTTP backend takes it."
        ),
        examples=(("show", "everything"), ("show --last 3", "the newest three")),
        parameters=(
            Parameter(
                name="last", flags=("--last",), kind="whole", metavar="N", help="Only the newest N."
            ),
        ),
        run=_show,
    ),
    Verb(
        name="preview",
        summary="Show what would leave, were an event sent.",
        details=(
            "The event takes its whole way up to where the network begins; what is shown is "
            "decoded from the bytes that would go. Nothing is sent or kept. Works when telemetry "
            "is off, too. Values are read as JSON, and as text if they are none."
        ),
        examples=(
            ("preview didStart", "an event without properties"),
            (
                "preview didCreateEntry -p model=article -p draft=true -u plan=free -g locales=3",
                "one with all three kinds",
            ),
        ),
        parameters=(
            Parameter(name="event", metavar="EVENT", help="The event's name."),
            Parameter(
                name="event_properties",
                flags=("-p", "--property"),
                kind="texts",
                metavar="KEY=VALUE",
                help="A property of the event; may come again.",
            ),
            Parameter(
                name="user_properties",
                flags=("-u", "--user-property"),
                kind="texts",
                metavar="KEY=VALUE",
                help="A property of the user; may come again.",
            ),
            Parameter(
                name="group_properties",
                flags=("-g", "--group-property"),
                kind="texts",
                metavar="KEY=VALUE",
                help="A property of the group; may come again.",
            ),
        ),
        run=_preview,
    ),
    Verb(
        name="catalog",
        summary="Print what may leave at all, as it is declared.",
        details=(
            "A page of Markdown, a JSON Schema, or OpenTelemetry semantic conventions in YAML. "
            "With --check nothing is printed but what a file lacks: it exits with 1 if it is "
            "stale, for continuous integration."
        ),
        examples=(
            ("catalog", "the page"),
            ("catalog --check TELEMETRY.md", "see that the page is up to date"),
            ("catalog --catalog acme.events:CATALOG --format semconv", "another's, as YAML"),
        ),
        parameters=(
            Parameter(
                name="format",
                flags=("--format",),
                choices=("markdown", "json-schema", "semconv"),
                help="Of what is printed; markdown if not given.",
            ),
            Parameter(
                name="check",
                flags=("--check",),
                metavar="FILE",
                help="Compare with a file instead: .md, .json, .yaml or .yml.",
            ),
            Parameter(
                name="catalog",
                flags=("--catalog",),
                metavar="MODULE:NAME",
                help="Where the catalogue is; the application's own if not given.",
            ),
        ),
        run=_catalog,
    ),
    Verb(
        name="reset-id",
        summary="Forget the installation id, and get a new one.",
        details="What was sent under the old one cannot be told to be of this installation again.",
        examples=(("reset-id", "become somebody else"),),
        run=_reset_id,
    ),
    Verb(
        name="purge",
        summary="Delete the events that wait on disk.",
        details="Telemetry stays as it is, on or off. Asks nothing.",
        examples=(("purge", "delete what waits"),),
        run=_purge,
    ),
    Verb(
        name="flush",
        summary="Deliver now what waits on disk.",
        details=(
            "Only if telemetry is on. Gives up after three failed requests, or when the time is "
            "up; exits with 1 if anything is left or was lost."
        ),
        examples=(("flush", "send everything"), ("flush --timeout 5", "for 5 seconds at most")),
        parameters=(
            Parameter(
                name="timeout",
                flags=("--timeout",),
                kind="seconds",
                metavar=_SECONDS,
                help="At most; 30 if not given.",
            ),
        ),
        run=_flush,
    ),
    Verb(
        name="doctor",
        summary="Find out whether telemetry could work here, and if not, why.",
        details=(
            "Looks at the decision, the endpoint, its name, its port, its certificate and its "
            "answer to an empty request, the spool and the clock. Sends no event. Exits with 1 if "
            "there is a problem. While telemetry is not on, it connects to nothing unless you say "
            "--connect."
        ),
        examples=(
            ("doctor", "examine everything"),
            ("doctor --connect", "try the backend even though telemetry is off"),
        ),
        parameters=(
            Parameter(
                name="connect",
                flags=("--connect",),
                kind="switch",
                help="Connect even though telemetry is not on.",
            ),
            Parameter(
                name="timeout",
                flags=("--timeout",),
                kind="seconds",
                metavar=_SECONDS,
                help="For the connection; 5 if not given.",
            ),
        ),
        run=_doctor,
    ),
)
