"""``preview``: the request that an event would leave in, decoded from the bytes that would go."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

from otel_telemetry.cli import formatting
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import FAILED, USAGE, CommandError, Context, Options, Result
from otel_telemetry.cli.formatting import table
from otel_telemetry.cli.status import unknown
from otel_telemetry.consent import identity
from otel_telemetry.consent.decision import is_ci
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.otlp.decoder import decode_request
from otel_telemetry.otlp.json import request_as_json
from otel_telemetry.stats import DropReason

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_telemetry.cli.console import Style
    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.otlp.decoder import DecodedEvent


def show_preview(context: Context, options: Options) -> Result:
    """Take an event all its way, up to where the network begins. Nothing leaves or is kept."""
    from otel_telemetry.pipeline.preview import preview  # noqa: PLC0415 - imports OpenTelemetry

    buckets = (
        properties(options.event_properties),
        properties(options.user_properties),
        properties(options.group_properties),
    )
    config, kept = context.config, _kept_id(context)
    who = kept or context.consent_manager.identity(save=False).installation_id
    try:
        found = preview(config, who, options.event, *buckets)
    except InvalidEventError as error:
        raise CommandError(str(error), USAGE) from error
    notes = [
        f"note: mended in the event: {printable(kind)}, {formatting.counted(count, 'time')}"
        for kind, count in sorted(found.corrected.items())
    ]
    if not context.is_known:
        notes.append(unknown(config.name))
    decision = context.telemetry.decision
    if found.request is None:
        why = _WHY.get(found.reason, found.reason)
        raise CommandError(f"nothing would leave: {why}", FAILED, tuple(notes))
    if kept is None:
        notes.insert(0, "note: the installation id is made up, for none is kept yet.")
    if not decision.enabled:
        notes.append(f"nothing would leave: {decision.reason}")
    elif config.logger_provider is not None:
        notes.append("note: the application's own LoggerProvider sends it, as it is set up to.")
    request, events = found.request, list(decode_request(found.request))
    return Result(
        report=lambda: request_as_json(events),
        text=lambda paint: _lines(request, events, config, paint),
        notes=tuple(notes),
    )


_WHY: dict[str, str] = {
    DropReason.BEFORE_SEND: "a hook in before_send drops this event. If it is a sample "
    "or a limit, it may let another one pass.",
    DropReason.BEFORE_SEND_FAILED: "a hook in before_send fails on this event, which is dropped.",
    DropReason.UNDECLARED: "the event is not in the application's catalogue.",
}


def properties(pairs: Iterable[str]) -> dict[str, object]:
    """Return what ``key=value`` stands for, each value JSON if it can be, else a str.

    Raises:
        CommandError: There is no ``=``.
    """
    found: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise CommandError(f"{pair!r} is no property: write key=value", USAGE)
        try:
            found[key] = json.loads(text)
        except (ValueError, RecursionError):
            found[key] = text
    return found


def _kept_id(context: Context) -> str | None:
    """Return the installation id as it would go; None if none is kept yet."""
    if is_ci(context.environ):
        return identity.CI_INSTALLATION
    known = context.consent_manager.saved_identity()
    return None if known is None else known.installation_id


def _lines(
    request: bytes, events: list[DecodedEvent], config: TelemetryConfig, paint: Style
) -> Iterator[str]:
    sizes = formatting.size(len(request))
    if config.compression == "gzip":
        sizes += f", {formatting.size(len(gzip.compress(request, 3)))} compressed"
    yield f"to {printable(config.url)}"
    yield f"OTLP {config.protocol}, {sizes}; nothing of it was sent"
    yield ""
    yield from table(events, paint)
